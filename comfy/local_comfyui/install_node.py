"""`comfyforms install-node PATH`: puts the custom node into a ComfyUI."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import tomllib
from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path

from comfy.base.errors import ComfyError, words_of

_USAGE_ERROR = 2
_NAME = "comfyforms"  # the folder in `custom_nodes`; the registry's name of the node, too
_OWN_FILES = ("secret.txt",)  # of the administrator, kept when the node is upgraded
_ROOT = Path(__file__).parents[2]  # the checkout, or the package in a wheel


def install_node(arguments: Sequence[str]) -> int:
    """Run the command in the arguments after `install-node`, and print its result. Return the exit
    code: 0, or 2 with a message on failure."""
    parser = ArgumentParser(
        "comfyforms install-node",
        description="Put ComfyForms' custom node into a ComfyUI, or upgrade it there.",
        allow_abbrev=False,
    )
    parser.add_argument("path", metavar="PATH", type=Path, help="folder of ComfyUI")
    folder = parser.parse_args(arguments).path.expanduser()
    try:
        print(_installed(folder))
    except ComfyError as problem:
        print(f"comfyforms install-node: {problem} {problem.hint}", file=sys.stderr)
        return _USAGE_ERROR
    return 0


def _installed(folder: Path) -> str:
    """Copy the node into the ComfyUI in this folder. Return the result for the administrator.
    Raises ComfyError."""
    nodes = folder / "custom_nodes"
    if not nodes.is_dir():
        raise ComfyError(
            f"{folder} has no folder custom_nodes.",
            "Name the folder of ComfyUI, or of its --base-directory.",
        )
    target, source = nodes / _NAME, _source()
    earlier = nodes / "comfyui_node"
    if (earlier / "beside.py").is_file():
        raise ComfyError(f"{earlier} is another copy of this node.", "Delete it first.")
    ours = _version(source)
    present = _version(target) if target.exists() else None
    if present is not None and _order(present) > _order(ours):
        return f"{target} has a newer version, {present}. Nothing was changed."
    try:
        _replace(source, target)
    except OSError as error:
        raise ComfyError(
            f"{target} can't be written: {words_of(error)}.", "Check its permissions."
        ) from error
    done = f"Upgraded {present} to {ours} in" if present else f"Installed {ours} in"
    return (
        f"{done} {target}. Restart ComfyUI. Its menu then has File → Open as form. To fetch"
        " missing models from ComfyForms, see docs/models.md."
    )


def _source() -> Path:
    places = (_ROOT / "comfyforms" / "comfyui_node", _ROOT / "comfyui_node")
    return next(place for place in places if place.is_dir())


def _version(folder: Path) -> str:
    """Return the version of the node in a folder. Raises ComfyError if it isn't ours."""
    try:
        text = (folder / "pyproject.toml").read_text(encoding="utf-8")
        project = tomllib.loads(text)["project"]
        if project["name"] == _NAME:
            return str(project["version"])
    except (OSError, ValueError, KeyError, TypeError):
        pass
    raise ComfyError(f"{folder} isn't ComfyForms' custom node.", "Rename it or delete it first.")


def _order(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdecimal())


def _replace(source: Path, target: Path) -> None:
    """Copy the node to a place, in place of an earlier copy, with the command that starts this
    app."""
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".comfyforms-") as beside:
        fresh, former = Path(beside, "new"), Path(beside, "old")
        shutil.copytree(source, fresh, ignore=shutil.ignore_patterns("__pycache__", ".venv"))
        command = [sys.executable, str(_ROOT / "app.py")]
        (fresh / "app_command.json").write_text(json.dumps(command), encoding="utf-8")
        for name in _OWN_FILES:
            if (target / name).is_file():
                shutil.copy2(target / name, fresh / name)
        if target.exists():
            os.replace(target, former)
        os.replace(fresh, target)
