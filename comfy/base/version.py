"""Version of the app."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_PROJECT = Path(__file__).parents[2] / "pyproject.toml"  # a wheel has none


@cache
def app_version() -> str:
    """Return the version in `pyproject.toml`, or of the installed package. An app that was copied
    without both starts, too, and its version is "unknown"."""
    if _PROJECT.exists():
        return str(tomllib.loads(_PROJECT.read_text(encoding="utf-8"))["project"]["version"])
    try:
        return version("comfyforms")
    except PackageNotFoundError:
        return "unknown"
