"""Checks of docs/constraints*.txt: the tested releases that they pin fit pyproject.toml."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.imports import files_of_tests, imports

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
DEPENDENCIES = [Requirement(text) for text in PROJECT["dependencies"]]
EXTRAS = [path.stem.split("-")[1] for path in (ROOT / "docs").glob("constraints-*.txt")]
OF_EXTRA = [
    Requirement(text) for extra in EXTRAS for text in PROJECT["optional-dependencies"][extra]
]
LINES = [
    line
    for name in ("constraints.txt", *(f"constraints-{extra}.txt" for extra in EXTRAS))
    for line in (ROOT / "docs" / name).read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
    if not line.startswith("#")
]
PINNED = [Requirement(line.partition(" --hash=")[0].strip()) for line in LINES]


@pytest.mark.parametrize("needed", [*DEPENDENCIES, *OF_EXTRA], ids=lambda needed: needed.name)
def test_finding_27_every_dependency_is_pinned_within_its_bounds(needed: Requirement) -> None:
    """Every package that pyproject.toml asks for is pinned, in a release that pyproject.toml
    allows."""
    pins = [pin for pin in PINNED if canonicalize_name(pin.name) == canonicalize_name(needed.name)]
    assert pins
    for pin in pins:
        (exact,) = pin.specifier
        assert exact.operator == "=="
        assert needed.specifier.contains(exact.version)


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.partition("=")[0])
def test_every_pinned_release_has_hashes(line: str) -> None:
    """The hashes keep pip from installing anything else. No line names a download location."""
    release, *hashes = re.split(r"\s+--hash=sha256:", line.strip())
    assert hashes
    assert all(re.fullmatch(r"[0-9a-f]{64}", one) for one in hashes)
    assert "/" not in release
    assert not release.startswith("-")


@pytest.mark.parametrize("needed", DEPENDENCIES, ids=lambda needed: needed.name)
def test_every_dependency_is_bounded_on_both_sides(needed: Requirement) -> None:
    """No untested release is installed by itself, except for lists that are good only while they
    are new."""
    operators = {part.operator for part in needed.specifier}
    assert operators == ({">="} if needed.name == "certifi" else {">=", "<"})


def test_every_import_is_a_declared_dependency() -> None:
    """The program imports no package that is installed only because another package needs it."""
    names = {
        "PIL": "pillow",
        "jsonata": "jsonata-python",
        "argon2": "argon2-cffi",
        "websocket": "websocket-client",
        "zipstream": "zipstream-ng",
        "pydantic_core": "pydantic",
        "re2": "google-re2",
        "yaml": "pyyaml",
    }
    declared = {canonicalize_name(needed.name) for needed in (*DEPENDENCIES, *OF_EXTRA)}
    folders = ("comfy", "comfyui_standin", "ui", "comfyforms/plugins")
    sources = [
        *(
            ROOT / name
            for name in ("app.py", "comfyforms/hooks.py", "comfyforms/plugin_manager.py")
        ),
        *(
            file
            for name in folders
            for file in (ROOT / name).rglob("*.py")
            if "tests" not in file.parts[len(ROOT.parts) :]
        ),
    ]
    used = (
        {package for file in {*sources} - files_of_tests() for package in imports(file)}
        - sys.stdlib_module_names
        - {"app", "comfy", "comfyforms", "comfyui_standin", "pytest", "ui", "_typeshed"}
    )
    assert {canonicalize_name(names.get(package, package)) for package in used} <= declared


def test_no_package_is_pinned_to_two_releases() -> None:
    """All files go into a single command, which accepts one release of each package. Two extras may
    need the same one."""
    pins = [(pin.name, str(pin.marker)) for pin in set(PINNED)]
    assert len(pins) == len(set(pins))
