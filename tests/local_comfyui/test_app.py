"""The whole app with a ComfyUI that it starts."""

from __future__ import annotations

from pathlib import Path

import pytest
import requests

from tests.local_comfyui.fake_comfyui import FakeComfyUI, is_alive
from tests.support.app_process import Started, started
from tests.support.waiting import LONGEST_WAIT, eventually
from ui.settings.arguments import read_settings


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
        (["--comfyui", "FAKE", "--wire", "redis://localhost"], "In a cluster, start ComfyUI as"),
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
