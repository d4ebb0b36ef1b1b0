"""Finding a ComfyUI installation, and installing the custom node."""

from __future__ import annotations

import json
import sys
import tomllib
from pathlib import Path

import pytest

import app
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


def test_finds_comfyui_desktop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Desktop keeps `main.py` in its program and the Python in the folder that the user chose. Its
    settings lead from one to the other."""
    base, settings, program = (tmp_path / name for name in ("base", "settings", "program"))
    for folder in (base, settings, program):
        folder.mkdir()
    FakeComfyUI(base)
    (base / "main.py").unlink()
    (program / "main.py").touch()
    monkeypatch.setattr("comfy.local_comfyui.installation._desktop_settings", lambda: settings)
    with pytest.raises(ComfyError, match=r"has no main\.py"):
        Installation.find(base)
    (settings / "config.json").write_text(json.dumps({"basePath": str(base)}))
    paths = settings / "extra_models_config.yaml"
    paths.write_text(f"desktop_extensions:\n  custom_nodes: {program / 'custom_nodes'}\n")
    found = Installation.find(base, arguments="--lowvram")
    assert (found.folder, found.python) == (program, base / ".venv/bin/python")
    assert found.arguments == (
        *("--base-directory", str(base), "--extra-model-paths-config", str(paths)),
        *("--database-url", f"sqlite:///{base}/user/comfyui.db", "--lowvram"),
    )
    (program / "web_custom_versions" / "desktop_app").mkdir(parents=True)
    assert "--front-end-root" in Installation.find(base).arguments
    with pytest.raises(ComfyError, match=r"has no main\.py"):
        Installation.find(settings)
    paths.write_text("desktop_extensions: [")
    with pytest.raises(ComfyError, match=r"has no main\.py"):
        Installation.find(base)


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


ROOT = Path(__file__).parents[2]
NODE = ROOT / "comfyforms" / "comfyui_node"


def test_installs_and_upgrades_the_node(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The copy has all files. An upgrade removes former files and keeps the secret."""
    (tmp_path / "custom_nodes").mkdir()
    assert app.main(["install-node", str(tmp_path)]) == 0
    target = tmp_path / "custom_nodes" / "comfyforms"
    assert "Restart ComfyUI." in capsys.readouterr().out
    wanted = {file.relative_to(NODE) for file in NODE.rglob("*") if "__pycache__" not in file.parts}
    wanted.add(Path("app_command.json"))
    assert {file.relative_to(target) for file in target.rglob("*")} == wanted
    command = json.loads((target / "app_command.json").read_text())
    assert command == [sys.executable, str(ROOT / "app.py")]
    project = target / "pyproject.toml"
    project.write_text(project.read_text().replace('version = "', 'version = "0.0.'))
    (target / "former.py").touch()
    (target / "secret.txt").write_text("s" * 40)
    assert app.main(["install-node", str(tmp_path)]) == 0
    assert "Upgraded 0.0." in capsys.readouterr().out
    assert not (target / "former.py").exists()
    assert (target / "secret.txt").read_text() == "s" * 40
    assert [file.name for file in target.parent.iterdir()] == ["comfyforms"]


def test_leaves_other_folders_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A newer node, a foreign folder and a second copy stay unchanged."""
    assert app.main(["install-node", str(tmp_path)]) == 2
    assert "has no folder custom_nodes" in capsys.readouterr().err
    target = tmp_path / "custom_nodes" / "comfyforms"
    target.mkdir(parents=True)
    assert app.main(["install-node", str(tmp_path)]) == 2
    assert "isn't ComfyForms' custom node" in capsys.readouterr().err
    (target / "pyproject.toml").write_text('[project]\nname = "comfyforms"\nversion = "99.0.0"\n')
    assert app.main(["install-node", str(tmp_path)]) == 0
    assert "newer version, 99.0.0. Nothing was changed." in capsys.readouterr().out
    other = tmp_path / "custom_nodes" / "comfyui_node"
    other.mkdir()
    (other / "beside.py").touch()
    assert app.main(["install-node", str(tmp_path)]) == 2
    assert "another copy of this node" in capsys.readouterr().err


def test_node_has_the_apps_version() -> None:
    """The registry and the app name the same release, and `[tool.comfy]` has what they need."""
    whole = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    node = tomllib.loads((NODE / "pyproject.toml").read_text(encoding="utf-8"))
    assert node["project"]["version"] == whole["project"]["version"]
    assert {"PublisherId", "DisplayName", "Icon", "requires-comfyui"} <= node["tool"][
        "comfy"
    ].keys()
    path = node["tool"]["comfy"]["Icon"].partition("/main/")[2]
    assert (ROOT / path).is_file()
