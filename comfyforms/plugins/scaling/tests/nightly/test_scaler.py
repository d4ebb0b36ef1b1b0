"""Servers that can't be started or stopped, vanish, or outlive the app."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from comfy.comfyui.protocol.run_state import Phase
from comfyforms.plugins.scaling.tests.machines import Machines
from comfyforms.plugins.scaling.tests.place import opened
from comfyui_standin import DemoServer
from tests.runs.registry import end
from tests.support.sampler import LONG
from tests.support.waiting import eventually


def test_starts_no_more_servers_than_allowed(
    fixed: DemoServer, machines: Machines, tmp_path: Path
) -> None:
    """Each waiting run gets a server, up to `max`."""
    with opened(fixed, machines, tmp_path, most=2) as place:
        runs = [place.submit(LONG) for _ in range(5)]
        place.wait_for("up", "up")
        eventually(lambda: sum(not run.waits_here for run in runs) == 3, "three active runs")
        assert len(machines.calls(machines.up)) == 2
        for run in runs:
            run.cancel()


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        ("sys.exit('No quota: 0 of 0 machines')", "exit code 1: No quota: 0 of 0 machines"),
        ("sys.exit(0)", "It printed no line with an http:// or https:// address."),
        ("print('http://127.0.0.1:9'); sys.exit(0)", "didn't answer within 1 seconds."),
        ("time.sleep(600)", "It took longer than 1 seconds."),
    ],
    ids=["exit code", "no address", "no answer", "too slow"],
)
def test_a_failed_start_is_undone_and_tried_again(
    fixed: DemoServer, machines: Machines, tmp_path: Path, code: str, problem: str
) -> None:
    """`down` gets the id of the server, the administrator reads the reason, and the next try waits.
    Once it succeeds, the reason is gone."""
    machines.behave(machines.up, code)
    with opened(fixed, machines, tmp_path, timeout=1.0, idle=60.0) as place:
        busy, waiting = place.submit(LONG), place.submit(2)
        machines.called(machines.down)
        assert machines.calls(machines.down)[0][0] == machines.calls(machines.up)[0][0]
        (status,) = place.scaler.statuses()
        shown = status.problems[0]  # the second: `down` finds no machine
        assert status.name == "cloud"
        assert shown[0] == "up"
        assert problem in shown[1].text
    machines.behave(machines.up)
    machines.behave(machines.down, "sys.exit(0)")
    with opened(fixed, machines, tmp_path, idle=60.0) as place:
        eventually(lambda: not place.states, "the end of the failed start")
        busy, waiting = place.submit(LONG), place.submit(2)
        end(waiting)
        assert waiting.record.server != fixed.url
        assert place.scaler.statuses()[0].problems == ()
        busy.cancel()


def test_a_restart_keeps_started_servers(
    fixed: DemoServer, machines: Machines, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The app's end names the servers that stay up. The next start uses them, and follows their
    runs."""
    with opened(fixed, machines, tmp_path, idle=60.0) as place:
        place.submit(LONG)
        place.submit(2)
        place.wait_for("up")
        url = place.store.rows()[0].url
    assert f"the next start uses or stops them: {url}" in caplog.text
    with opened(fixed, machines, tmp_path, idle=0.3) as place:
        assert [one.url for one in place.pool.servers] == [fixed.url, url]
        place.wait_for()
    assert len(machines.calls(machines.up)) == 1
    eventually(lambda: not machines.running, "the end of the machine")


def test_an_interrupted_start_is_undone(
    fixed: DemoServer, machines: Machines, tmp_path: Path
) -> None:
    """If the app ends while `up` runs, the command ends, too. The next start calls `down`."""
    machines.behave(
        machines.up, "(folder / 'pid.pid').write_text(str(os.getpid())); time.sleep(99)"
    )
    machines.behave(machines.down, "sys.exit(0)")
    with opened(fixed, machines, tmp_path) as place:
        place.submit(LONG)
        place.submit(2)
        eventually(lambda: machines.running, "the command")
    eventually(lambda: not machines.running, "the end of the machine")
    with opened(fixed, machines, tmp_path) as place:
        place.wait_for()
    assert [words[0] for words in machines.calls(machines.down)] == [
        machines.calls(machines.up)[0][0]
    ]


def test_runs_of_a_spot_server_that_vanishes_start_again(
    fixed: DemoServer, machines: Machines, tmp_path: Path
) -> None:
    """They go elsewhere although `--retry no` is set, and `down` is called."""
    with opened(fixed, machines, tmp_path, retries=False, spot=True, idle=60.0) as place:
        busy, moving = place.submit(LONG), place.submit(LONG)
        eventually(lambda: moving.state.phase is Phase.RUNNING, "the run at the spot server")
        machines.behave(machines.down, "sys.exit(0)")
        machines.behave(machines.up, "time.sleep(600)")
        machines.kill()
        machines.called(machines.down)
        busy.cancel()
        eventually(
            lambda: moving.record.server == fixed.url and moving.state.phase is Phase.RUNNING,
            "the run at the other server",
        )
        assert moving.state.restarted
        moving.cancel()


def test_a_failed_stop_is_tried_again(
    fixed: DemoServer, machines: Machines, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The server isn't forgotten before `down` succeeds."""
    caplog.set_level(logging.WARNING)
    machines.behave(machines.down, "sys.exit('The API is away')")
    with opened(fixed, machines, tmp_path) as place:
        busy, waiting = place.submit(LONG), place.submit(2)
        end(waiting)
        machines.called(machines.down, 2)
        assert place.states == ["stopping"]
        assert "exit code 1: The API is away" in caplog.text
        machines.behave(machines.down)
        place.wait_for()
        assert place.scaler.statuses()[0].problems == ()
        busy.cancel()
