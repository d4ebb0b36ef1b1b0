"""A ComfyUI process that the app starts, restarts and ends."""

from __future__ import annotations

import signal
import threading
from pathlib import Path

import pytest
import requests

from comfy.comfyui.protocol.run_state import Phase
from comfy.local_comfyui.installation import Installation
from comfy.local_comfyui.process import GuardedProcess, ProcessEnd, ProcessLog
from comfy.runs.interface import Origin
from tests.local_comfyui.fake_comfyui import FakeComfyUI, is_alive
from tests.local_comfyui.local import local
from tests.runs.registry import end, running, until
from tests.support.app_process import Started, killed_process, started
from tests.support.sampler import LONG, job
from tests.support.waiting import LONGEST_WAIT, eventually
from ui.settings.arguments import read_settings

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


@pytest.mark.parametrize(
    ("code", "line", "reason", "memory"),
    [
        (137, "", "SIGKILL", True),
        (1, "torch.OutOfMemoryError: Allocation on device", "exit code 1", True),
        (1, "RuntimeError: CUDA error: out of memory", "exit code 1", True),
        (134, "terminate called after throwing an instance of 'std::bad_alloc'", "SIGABRT", True),
        (139, "Segmentation fault", "SIGSEGV", False),
        (3, "ModuleNotFoundError: No module named 'torch'", "exit code 3", False),
    ],
)
def test_recognizes_out_of_memory(code: int, line: str, reason: str, memory: bool) -> None:
    """The system's SIGKILL, or words in the last lines."""
    end = ProcessEnd.of(code, ["got prompt", line], wanted=False)
    assert (end.reason, end.is_out_of_memory) == (reason, memory)
    assert reason in end.sentence
    assert ("ran out of memory" in end.run_error.message) is memory
    assert end.run_error.hint


def test_a_restart_by_an_administrator_is_no_crash() -> None:
    """Runs that it ends say who ended them."""
    end = ProcessEnd.of(143, ["out of memory"], wanted=True)
    assert not end.is_out_of_memory
    assert end.run_error.message == "An administrator restarted ComfyUI during this run."


def test_keeps_the_last_lines(tmp_path: Path) -> None:
    """A progress bar counts as one line, and the file has whole lines only, without colors."""
    log = ProcessLog(tmp_path / "logs" / "comfyui.log")
    for text in (
        "\x1b[32mgot\x1b[0m prompt\n",
        " 50%|####\r",
        "100%|########\r",
        "\n",
        "x" * 5000 + "\n",
    ):
        log.add(text)
    assert log.tail() == ("got prompt", "", "x" * 2000)
    for number in range(3000):
        log.add(f"{number}\n")
    assert len(log.tail()) == 2000
    assert log.tail(2) == ("2998", "2999")
    log.close()
    lines = (tmp_path / "logs" / "comfyui.log").read_text().splitlines()
    assert lines[0] == "got prompt"
    assert len(lines) == 3003


def test_administrators_watch_and_restart_it(tmp_path: Path) -> None:
    """The page has its log, *Refresh models* and *Restart*. The log of actions names the person."""
    fake = FakeComfyUI(_folder(tmp_path))
    with started("--comfyui", str(fake.folder), "--data", str(tmp_path / "data")) as app:
        former = fake.wait()
        eventually(lambda: _server(app)["process"] == "running", "ComfyUI runs")
        page = _get(app, "/operator")
        assert all(f">{word}</" in page for word in ("Log", "Restart", "Refresh models"))
        assert "To see the GUI go to" in _get(app, "/operator/servers/0/log")
        answer = _post(app, "/operator/servers/0/update")
        assert "Updated the list of" in answer.text
        assert _post(app, "/operator/servers/0/restart").status_code == 200
        fake.wait(*former)
        eventually(lambda: _server(app)["process"] == "running", "ComfyUI runs again")
        assert "The administrator restarted" in _get(app, "/operator/activity")
        lines = requests.get(f"{app.url}/api/v1/admin/servers/0/log", timeout=LONGEST_WAIT).json()
        assert sum("Starting server" in line for line in lines["lines"]) == 2
        assert _get_status(app, "/operator/servers/1/log") == 404
        ids = fake.wait()
        app.kill()
        eventually(lambda: not any(map(is_alive, ids)), "ComfyUI ends with the killed app")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--comfyui", "EMPTY"], "--comfyui: This folder has no main.py."),
        (["--comfyui-args=--lowvram"], "--comfyui-args and --comfyui-python need --comfyui."),
        (["--comfyui", "FAKE", "--comfyui-args", "--port 1"], "chooses ComfyUI's address itself"),
        (["--config", "TWICE"], "Two servers have the same name."),
        (["--config", "BOTH"], "unknown key in a table"),
    ],
)
def test_wrong_settings_are_refused(
    arguments: list[str], sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The app doesn't start, and says what to write instead."""
    fake = FakeComfyUI(_folder(tmp_path))
    (tmp_path / "empty").mkdir()
    table = f'[[server]]\ncomfyui = "{fake.folder}"\n'
    named = f'{table}name = "one"\n'
    (tmp_path / "twice").write_text(named + named)
    (tmp_path / "both").write_text(f'{table}url = "http://box:8188"\n')
    places = {"FAKE": str(fake.folder)}
    places |= {one.upper(): str(tmp_path / one) for one in ("empty", "twice", "both")}
    with pytest.raises(SystemExit):
        read_settings([places.get(one, one) for one in arguments])
    assert sentence in capsys.readouterr().err


def test_a_table_names_a_local_comfyui(tmp_path: Path) -> None:
    """It has its own name, arguments and limit, beside other servers."""
    fake = FakeComfyUI(_folder(tmp_path))
    file = tmp_path / "forms.toml"
    file.write_text(
        '[[server]]\nurl = "http://box:8188"\n'
        f'[[server]]\ncomfyui = "{fake.folder}"\ncomfyui_args = "--lowvram"\nname = "GPU 2"\n'
        "limit = 2\n"
    )
    settings = read_settings(["--config", str(file), "--comfyui", str(fake.folder)])
    assert [one.url for one in settings.server_addresses] == ["http://box:8188"]
    table, option = settings.local_servers
    assert (table.label, table.limit, option.label) == ("GPU 2", 2, "")
    assert table.installation.arguments == ("--lowvram",)


def _folder(below: Path) -> Path:
    folder = below / "comfyui"
    folder.mkdir()
    return folder


def _server(app: Started) -> dict[str, str]:
    answer = requests.get(f"{app.url}/api/v1/admin/servers", timeout=LONGEST_WAIT).json()
    (server,) = answer["servers"]
    return server


def _get(app: Started, path: str) -> str:
    return requests.get(f"{app.url}{path}", timeout=LONGEST_WAIT).text


def _get_status(app: Started, path: str) -> int:
    return requests.get(f"{app.url}{path}", timeout=LONGEST_WAIT).status_code


def _post(app: Started, path: str) -> requests.Response:
    return requests.post(f"{app.url}{path}", timeout=LONGEST_WAIT)
