"""Runs for scripts: Gradio's API, called by its own client and by hand."""

from __future__ import annotations

import shutil
from contextlib import closing, nullcontext, suppress
from pathlib import Path
from typing import Any

import pytest
from gradio_client import Client

from comfy.base.errors import RunNotFound
from comfy.comfyui.protocol.run_state import Phase
from comfy.runs.interface import Origin
from comfyforms.plugins.gradio_endpoints.tests import test_gradio_api as twin
from comfyforms.plugins.gradio_endpoints.tests.test_gradio_api import groups_of_nobody
from comfyui_standin import DemoServer
from tests.batches.kept_batches import read_only
from tests.support.gradio_calls import script_client
from tests.support.serving import Served, running_app, running_demo_app
from tests.support.waiting import LONGEST_WAIT, eventually

running, caller = twin.running, twin.caller


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({}, "Choose a field"),
        ("many", 'Send "axes"'),
        ({"axes": [{"field": "5.steps", "text": "0"}]}, "Steps"),
        ({"axes": [{"field": "5.steps", "text": "1"}], "pair": True}, 'Send "axes"'),
        ({"axes": [{"field": "5.steps", "text": "1"}] * 21}, "No more than 20 fields"),
        ({"axes": [{"field": "2.text", "text": "a", "vals": ["b"]}]}, 'Send "axes"'),
        ({"table": {"name": "a.csv", "text": "Steps\nmany"}}, "Line 2"),
    ],
)
def test_a_wrong_batch_is_refused_in_words(
    served: Served, caller: Client, spec: Any, said: str
) -> None:
    """The app reports the problem and starts no run."""
    before = len(served[1].runs.known())
    with pytest.raises(Exception, match=said):
        caller.predict("text-to-image", {}, spec, api_name="/batch")
    assert len(served[1].runs.known()) == before


def test_a_chain_without_an_owner_ends_with_the_app(tmp_path: Path) -> None:
    """After a crash the caller is gone. The app stops the chain's runs and deletes the chain. If
    the data folder is read-only, the app starts anyway."""
    owner, left, crashed = "browser:", [], tmp_path / "crashed"
    minute_long = {"base.5.steps": 60}  # unless it is stopped
    with (
        DemoServer(step_seconds=1) as demo,
        demo.hold("progress") as reached,
        running_app(demo.url, data=tmp_path / "data") as app,
    ):
        app.services.chains.start(
            "create-upscale-detail.chain", minute_long, Origin(owner), attended=True
        )
        assert reached.reached.wait(LONGEST_WAIT)
        (run,) = app.runs.line_of(owner)
        shutil.copytree(tmp_path / "data", crashed)  # as it would be found now
        for hindered in (read_only(crashed), nullcontext()):
            with hindered, running_app(demo.url, data=crashed) as other:
                eventually(lambda: not other.runs.line_of(owner))
                with suppress(RunNotFound):  # nothing is kept of one that was not taken up yet
                    assert other.runs.record(run.id, owner).state.phase is Phase.STOPPED
                left.append(len(other.runs.history.groups.of(owner, "chain")))
                assert other.services.chains.recent(owner) == ()
    assert left == [1, 0]


def test_a_batch_that_waits_ends_with_its_caller() -> None:
    """The app ends the batch even while it has nothing new to report."""
    spec = {"axes": [{"field": "5.steps", "text": "1..9"}]}
    with (
        running_demo_app(step_seconds=0) as served,
        closing(script_client(served[1].url)) as caller,
        served[0].hold("POST /prompt") as held,
    ):
        job = caller.submit("text-to-image", {}, spec, api_name="/batch")
        assert held.reached.wait(LONGEST_WAIT)
        job.cancel()
        eventually(lambda: groups_of_nobody(served) == ())
        eventually(lambda: served[1].services.batches.recent("browser:") == ())
