"""Concurrent requests from several users or tabs for one chain."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from comfy.base.errors import ChainNotFound
from comfy.chains.queue import ChainQueue
from comfy.demo import DemoServer
from comfy.records.groups import GroupStore
from comfy.runs.interface import Origin
from tests.support.serving import WORKFLOWS, running_app
from tests.support.waiting import LONGEST_WAIT, eventually

ANN = "user:ann"
CHAIN = '[[steps]]\nname = "first"\nworkflow = "text-to-image"\n[steps.values]\nSteps = 1\n'


def app_files(folder: Path) -> None:
    """Write the chain and its workflow to the folder."""
    (folder / "one.chain.toml").write_text(CHAIN)
    for file in ("text-to-image.json", "text-to-image.toml"):
        (folder / file).write_bytes((WORKFLOWS / file).read_bytes())


class TellingLock:
    def __init__(self, waited_for: threading.Event) -> None:
        self._lock, self._waited_for = threading.Lock(), waited_for

    def __enter__(self) -> None:
        if not self._lock.acquire(blocking=False):
            self._waited_for.set()
            self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


@pytest.mark.parametrize(
    "look",
    [lambda queue, chain_id: queue.get(chain_id, ANN), lambda queue, _: queue.look_up(ANN)],
    ids=["by its id", "among the last"],
)
def test_a_chain_deleted_while_being_read_stays_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, look: Callable[[ChainQueue, str], object]
) -> None:
    """After a restart, the queue neither lists the deleted chain nor resumes it."""
    app_files(tmp_path)
    with (
        DemoServer(step_seconds=0, painted=64) as demo,
        running_app(demo.url, workflows=tmp_path) as app,
    ):
        chain_id = app.services.chains.start("one.chain", {}, Origin(ANN)).id
        eventually(lambda: app.services.chains.get(chain_id, ANN).finished)
        app.services.chains.close()
        queue = ChainQueue(app.services.chain_forms)  # which has read nothing yet
        has_read, goes_on = threading.Event(), threading.Event()
        monkeypatch.setattr(queue, "_reading", TellingLock(goes_on), raising=False)

        def slow(read: Callable[..., Any]) -> Callable[..., Any]:
            def read_slowly(*asked: Any) -> Any:
                found, is_first = read(*asked), not has_read.is_set()
                has_read.set()
                if is_first:
                    assert goes_on.wait(LONGEST_WAIT)
                return found

            return read_slowly

        for name in ("get", "of"):
            monkeypatch.setattr(GroupStore, name, slow(getattr(GroupStore, name)))
        with ThreadPoolExecutor() as people:
            reader = people.submit(look, queue, chain_id)
            assert has_read.wait(LONGEST_WAIT)
            deleter = people.submit(queue.delete, chain_id, ANN)
            deleter.add_done_callback(lambda _: goes_on.set())
            with contextlib.suppress(ChainNotFound):
                reader.result()
            deleter.result()
        assert queue.recent(ANN) == queue.of(ANN) == ()
        with pytest.raises(ChainNotFound):
            queue.go_on(chain_id, ANN, again=["first"])


def test_a_chain_looked_up_by_id_is_not_listed_as_recent(tmp_path: Path) -> None:
    """The chain ended before the program started. The queue lists such a chain only after a page
    has looked it up."""
    app_files(tmp_path)
    with (
        DemoServer(step_seconds=0, painted=64) as demo,
        running_app(demo.url, workflows=tmp_path) as app,
    ):
        chain_id = app.services.chains.start("one.chain", {}, Origin(ANN)).id
        forms = app.services.chain_forms
        eventually(lambda: ChainQueue(forms).get(chain_id, ANN).state == "done", "it is on record")
        app.services.chains.close()
        queue = ChainQueue(forms)
        assert queue.get(chain_id, ANN).state == "done"
        assert queue.recent(ANN) == ()
        queue.look_up(ANN)
        assert [one.id for one in queue.recent(ANN)] == [chain_id]
