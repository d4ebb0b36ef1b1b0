"""Dockerfiles and the files of Docker Compose follow their formats and the linter's advice."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from comfyui_standin.server.routes import VERSION
from tests.nightly.deploy.dockerfile import complaints

DOCS = Path(__file__).parents[2] / "docs"
COMPOSE = [
    DOCS / "deploy" / "compose.yaml",
    *sorted((DOCS.parent / "comfyforms" / "plugins").glob("*/deploy/compose.yaml")),
]


def inline() -> dict[str, str]:
    """Return the Dockerfiles inside files of Docker Compose."""
    found = {}
    for file in COMPOSE:
        for name, service in yaml.safe_load(file.read_text(encoding="utf-8"))["services"].items():
            if text := service.get("build", {}).get("dockerfile_inline"):
                found[name] = text
    return found


def test_containers_start_the_stand_ins_version() -> None:
    """The stand-in is held against a real server of that version."""
    for name in ("compose.yaml", "Dockerfile.comfyui"):
        text = (DOCS / "deploy" / name).read_text(encoding="utf-8")
        assert re.findall(r"--branch v([\d.]+) ", text) == [VERSION]


@pytest.mark.parametrize("file", COMPOSE, ids=lambda file: file.parent.name)
def test_containers_have_no_rights_on_the_machine(file: Path) -> None:
    """The app and ComfyUI, whose nodes are other authors' programs, run without capabilities."""
    services = yaml.safe_load(file.read_text(encoding="utf-8"))["services"]
    for name in services.keys() & {"comfyforms", "comfyui", "app-1", "app-2"}:
        assert services[name]["cap_drop"] == ["ALL"], name
        assert services[name]["security_opt"] == ["no-new-privileges:true"], name
    if text := inline().get("comfyui"):
        assert text.index("USER 10001") < text.index("CMD")


def test_the_linter_finds_no_problem_in_the_dockerfiles() -> None:
    """The linter `hadolint` also checks the shell commands in them."""
    files = {
        path.name: path.read_text(encoding="utf-8")
        for path in DOCS.rglob("Dockerfile*")
        if path.suffix != ".dockerignore"
    }
    assert files.keys() == {"Dockerfile", "Dockerfile.comfyui"}
    assert "comfyui" in inline()
    for name, text in (files | inline()).items():
        assert complaints(text) == [], name


def test_the_linter_reports_problems() -> None:
    assert [line for line in complaints("FROM python\nRUN cd /tmp && ls $x\n") if "SC2086" in line]


@pytest.mark.parametrize("file", COMPOSE, ids=lambda file: file.parent.name)
def test_the_composition_follows_the_specification(file: Path) -> None:
    """Each key and value is one of the Compose specification's, and the volumes exist."""
    specification = pytest.importorskip("compose_spec", reason="needs compose-spec")
    content = yaml.safe_load(file.read_text(encoding="utf-8"))  # with the merged keys (`<<`)
    specification.PyCompose.from_yaml(json.dumps(content)).validate()
    named = {
        volume.partition(":")[0]
        for service in content["services"].values()
        for volume in service.get("volumes", ())
    }
    assert named == set(content["volumes"])
    wrong = {**content, "services": {"app": {"image": "app", "read_onyl": True}}}
    with pytest.raises(ValueError, match="read_onyl"):
        specification.PyCompose.from_yaml(json.dumps(wrong))
