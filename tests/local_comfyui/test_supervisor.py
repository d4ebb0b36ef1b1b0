"""Start, crash, restart and end of a ComfyUI that the app starts, and its runs."""

from __future__ import annotations

import signal
import threading
from pathlib import Path

import pytest

from comfy.comfyui.protocol.run_state import Phase
from comfy.local_comfyui.installation import Installation
from comfy.local_comfyui.process import GuardedProcess, ProcessLog
from comfy.runs.interface import Origin
from tests.local_comfyui.fake_comfyui import FakeComfyUI, is_alive
from tests.local_comfyui.local import local
from tests.runs.registry import end, running, until
from tests.support.app_process import killed_process
from tests.support.sampler import LONG, job
from tests.support.waiting import eventually

SLOW = "--step-seconds 0.05"


def test_runs_wait_until_it_answers(tmp_path: Path) -> None:
    """A run may start while ComfyUI starts. Nothing is left after the block."""
    with local(tmp_path) as one:
        assert one.pool.start_words == "ComfyUI is starting. This can take a few minutes."
        run = one.runs.submit(job(), Origin("me"))
        assert end(run).phase is Phase.DONE
        ids = one.fake.wait()
        assert any("To see the GUI" in line for line in one.supervisor.log.tail())
        assert "Secret: None" in one.supervisor.log.tail()
    assert not any(map(is_alive, ids))
    assert one.supervisor.status.phase == "ended"


@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        (signal.SIGUSR1, "ComfyUI ran out of memory during this run and was restarted."),
        (signal.SIGSEGV, "ComfyUI crashed during this run and was restarted."),
    ],
)
def test_a_crash_ends_its_run_only(number: int, sentence: str, tmp_path: Path) -> None:
    """The active run ends with the reason and isn't repeated. Runs that wait, at the server or
    here, continue after the restart."""
    with local(tmp_path, SLOW, ahead=2) as one:
        one.ready()
        active = one.runs.submit(job(LONG), Origin("me"))
        running(active)
        sent = one.runs.submit(job(), Origin("you"))
        until(sent, lambda state: state.queue_place is not None)
        waiting = one.runs.submit(job(), Origin("them"))
        former = one.fake.crash(number)
        last = end(active)
        assert last.phase is Phase.LOST
        assert last.error is not None
        assert last.error.message == sentence
        assert [end(run).phase for run in (sent, waiting)] == [Phase.DONE, Phase.DONE]
        assert not is_alive(former[1])
        assert one.fake.wait(*former) != former
        assert one.supervisor.status.last_end is not None


def test_an_administrator_restarts_it(tmp_path: Path) -> None:
    """The active run says so, and ComfyUI starts again without a pause."""
    with local(tmp_path, SLOW) as one:
        one.ready()
        former = one.fake.wait()
        run = one.runs.submit(job(LONG), Origin("me"))
        running(run)
        one.supervisor.restart()
        error = end(run).error
        assert error is not None
        assert error.message == "An administrator restarted ComfyUI during this run."
        one.fake.wait(*former)
        one.ready()
        assert one.supervisor.status.last_end is None


def test_keeps_trying_while_it_cannot_start(tmp_path: Path) -> None:
    """The log has the reason. A restart by the administrator doesn't wait for the pause."""
    with local(tmp_path) as one:
        one.ready()
        one.fake.break_start()
        former = one.fake.crash()
        eventually(lambda: one.supervisor.status.failures >= 3, "it fails to start")
        assert one.pool.start_words == "ComfyUI doesn't start. Its log has the reason."
        assert "A custom node broke the start" in one.supervisor.log.tail()
        (one.fake.folder / "broken").unlink()
        one.supervisor.restart()
        one.fake.wait(*former)
        one.ready()


def _start_and_wait(folder: Path) -> None:
    log = ProcessLog(folder / "log")
    GuardedProcess(Installation.find(folder), 0, log)
    threading.Event().wait()


def test_it_ends_if_the_app_is_killed(tmp_path: Path) -> None:
    """SIGKILL leaves no time to end ComfyUI: its guard notices."""
    fake = FakeComfyUI(tmp_path)
    with killed_process(_start_and_wait, tmp_path):
        ids = fake.wait()
        assert all(map(is_alive, ids))
    eventually(lambda: not any(map(is_alive, ids)), "ComfyUI and its child end")
