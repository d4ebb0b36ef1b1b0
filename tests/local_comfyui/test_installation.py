"""ComfyUI's folder, Python and arguments."""

from __future__ import annotations

from pathlib import Path

import pytest

from comfy.base.errors import ComfyError
from comfy.local_comfyui.installation import Installation
from comfy.local_comfyui.process import Backoff
from tests.local_comfyui.fake_comfyui import FakeComfyUI


def test_finds_the_python_beside_main(tmp_path: Path) -> None:
    """The Python is in `.venv`, then `venv`, unless it is named."""
    FakeComfyUI(tmp_path)
    found = Installation.find(tmp_path)
    assert found.python == tmp_path / ".venv/bin/python"
    (tmp_path / ".venv").rename(tmp_path / "venv")
    assert Installation.find(tmp_path).python == tmp_path / "venv/bin/python"
    named = tmp_path / "venv/bin/python"
    assert Installation.find(tmp_path, named).python == named


def test_command_has_the_apps_port_and_previews(tmp_path: Path) -> None:
    """ComfyUI listens on the loopback address only, and sends previews unless told otherwise."""
    FakeComfyUI(tmp_path)
    command = Installation.find(tmp_path, arguments="--lowvram --base-directory '/a b'").command(7)
    assert command[1:] == [
        *("-u", str(tmp_path / "main.py"), "--listen", "127.0.0.1", "--port", "7"),
        *("--disable-auto-launch", "--preview-method", "auto", "--lowvram"),
        *("--base-directory", "/a b"),
    ]
    other = Installation.find(tmp_path, arguments="--preview-method none").command(7)
    assert other.count("--preview-method") == 1


def test_settings_of_the_app_stay_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Custom nodes can read ComfyUI's variables, so the app's passwords aren't among them."""
    monkeypatch.setenv("COMFYFORMS_LOGIN", "anna:lighthouse")
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    FakeComfyUI(tmp_path)
    given = Installation.find(tmp_path).environment()
    assert given["CUDA_VISIBLE_DEVICES"] == "1"
    assert not {"COMFYFORMS_LOGIN", "PYTHONPATH"} & given.keys()


def test_says_which_file_is_missing(tmp_path: Path) -> None:
    """Errors say what to do."""
    with pytest.raises(ComfyError, match=r"has no main\.py"):
        Installation.find(tmp_path)
    (tmp_path / "main.py").touch()
    with pytest.raises(ComfyError, match=r"has no Python in \.venv or venv"):
        Installation.find(tmp_path)
    with pytest.raises(ComfyError, match="isn't a program"):
        Installation.find(tmp_path, tmp_path / "main.py")


@pytest.mark.parametrize("arguments", ["--port 8188", "--listen=0.0.0.0", "--tls-keyfile x", "'"])
def test_refuses_arguments_of_the_app(arguments: str, tmp_path: Path) -> None:
    """The app chooses the address, and an unclosed quote is an error."""
    FakeComfyUI(tmp_path)
    with pytest.raises(ComfyError):
        Installation.find(tmp_path, arguments=arguments)


def test_pauses_grow_until_it_runs_for_a_minute() -> None:
    """Failures in a row double the pause up to a minute; a wanted end has none."""
    backoff, pauses = Backoff(), []
    for _ in range(9):
        backoff = backoff.ended(5.0, wanted=False)
        pauses.append(backoff.pause(wanted=False))
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert backoff.ended(None, wanted=True).pause(wanted=True) == 0
    assert backoff.ended(120.0, wanted=False).failures == 1
