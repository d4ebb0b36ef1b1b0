"""The newest front end and workflow templates, from the package index."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FRONT_END = "comfyui-frontend-package"
TEMPLATES = "comfyui-workflow-templates-json"


@dataclass(frozen=True, slots=True)
class Package:
    """An unpacked wheel."""

    name: str
    version: str
    folder: Path


def newest(name: str, cache: Path, *, offline: bool) -> Package:
    """Return the newest version of a package, downloaded into `cache` unless it is there.
    `offline`: return the newest one in the cache. Raises OSError or CalledProcessError."""
    wheels = cache / "wheels"
    wheels.mkdir(parents=True, exist_ok=True)
    if not offline:
        command = ("-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(wheels), name)
        subprocess.run([sys.executable, *command], check=True)
    stem = name.replace("-", "_")
    found = {_version(path): path for path in wheels.glob(f"{stem}-*.whl")}
    if not found:
        raise FileNotFoundError(f"There is no {name} in {wheels}.")
    version = max(found, key=_sorted_by)
    folder = cache / f"{stem}-{version}"
    if not folder.is_dir():
        part = folder.with_suffix(".part")
        with zipfile.ZipFile(found[version]) as wheel:
            wheel.extractall(part)
        part.rename(folder)
    return Package(name, version, folder)


def static_files(front_end: Package) -> Path:
    """Return the folder for ComfyUI's `--front-end-root`."""
    return front_end.folder / "comfyui_frontend_package" / "static"


def saved_graphs(templates: Package) -> Mapping[str, Mapping[str, Any]]:
    """Return the editor graphs among the templates, by file name."""
    graphs = {}
    for path in sorted(templates.folder.glob("*/templates/*.json")):
        data = json.loads(path.read_bytes())
        if isinstance(data, dict) and isinstance(data.get("nodes"), list):
            graphs[path.stem] = data
    return graphs


def _version(wheel: Path) -> str:
    return wheel.name.split("-")[1]


def _sorted_by(version: str) -> tuple[int, ...]:
    return tuple(int(part) if part.isdecimal() else -1 for part in version.split("."))
