"""Concurrent requests from several users or tabs for one chain."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from comfy.demo import DemoServer
from comfy.runs.interface import Origin
from tests.chains.test_chain_presses import ANN, app_files
from tests.support.serving import running_app
from tests.support.waiting import LONGEST_WAIT, eventually


def test_a_chain_resumed_at_its_end_runs_until_its_new_end(tmp_path: Path) -> None:
    """Even if the user stops the resumed chain before its first thread finishes, the chain is
    active until its new thread ends."""
    app_files(tmp_path)
    with (
        DemoServer(step_seconds=0, painted=64) as demo,
        running_app(demo.url, workflows=tmp_path) as app,
    ):
        chains, gates = app.services.chains, (threading.Event(), threading.Event())
        held: list[threading.Thread] = []

        def hold(_owner: str) -> None:
            """Hold the first thread when it reports its end, then the next thread when it
            starts."""
            thread = threading.current_thread()
            of_chain = thread.name.startswith("chain-") and thread not in held
            if of_chain and (held or chains.recent(ANN)[0].finished):
                held.append(thread)
                assert gates[len(held) - 1].wait(LONGEST_WAIT)

        leave = chains.subscribe(hold)
        chain_id = chains.start("one.chain", {}, Origin(ANN)).id
        eventually(lambda: len(held) == 1)
        chains.go_on(chain_id, ANN, again=["first"])
        eventually(lambda: len(held) == 2)
        chains.stop(chain_id, ANN)
        gates[0].set()
        held[0].join(LONGEST_WAIT)
        assert chains.is_at_work(chain_id)
        gates[1].set()
        held[1].join(LONGEST_WAIT)
        leave()
        assert not chains.is_at_work(chain_id)


@pytest.mark.parametrize("stopped", [0, 1], ids=["that began the run", "that shares it"])
def test_stopping_a_chain_stops_no_other(tmp_path: Path, stopped: int) -> None:
    """Both chains share one run. The other chain finishes, and the user can resume the stopped
    chain."""
    app_files(tmp_path)
    with (
        DemoServer(step_seconds=0.3, painted=64) as demo,
        running_app(demo.url, workflows=tmp_path) as app,
    ):
        chains, values = app.services.chains, {"first.5.seed": 5, "first.5.steps": 50}
        ids = [chains.start("one.chain", values, Origin(ANN)).id]
        eventually(lambda: chains.get(ids[0], ANN).steps[0].live, "the first is at work")
        ids.append(chains.start("one.chain", values, Origin(ANN)).id)
        eventually(lambda: chains.get(ids[1], ANN).steps[0].live, "the second shares its run")
        assert len(app.runs.owned(ANN)) == 1
        chains.stop(ids[stopped], ANN)
        demo.speed.step = 0
        eventually(lambda: chains.get(ids[1 - stopped], ANN).finished, "the other one ends")
        assert chains.get(ids[1 - stopped], ANN).state == "done"
        assert chains.get(ids[stopped], ANN).state == "stopped"
        chains.go_on(ids[stopped], ANN)
        eventually(lambda: chains.get(ids[stopped], ANN).state == "done", "it goes on")
