"""`comfyforms install-node`: installs and upgrades the custom node."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

import app

ROOT = Path(__file__).parents[2]
NODE = ROOT / "comfyforms" / "comfyui_node"


def test_installs_and_upgrades_the_node(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The copy has all files. An upgrade removes former files and keeps the secret."""
    (tmp_path / "custom_nodes").mkdir()
    assert app.main(["install-node", str(tmp_path)]) == 0
    target = tmp_path / "custom_nodes" / "comfyforms"
    assert "Restart ComfyUI." in capsys.readouterr().out
    wanted = {file.relative_to(NODE) for file in NODE.rglob("*") if "__pycache__" not in file.parts}
    assert {file.relative_to(target) for file in target.rglob("*")} == wanted
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
