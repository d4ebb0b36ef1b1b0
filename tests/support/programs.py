"""Checks for system programs that tests need."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest

SCRIPTS = Path(__file__).parents[1] / "script"  # where npm puts its packages
_WHOLE = ("chromium", "chromium-browser", "google-chrome")
# A browser without a user interface: a new visitor costs half as much processor time.
_SHELL = "chromium-headless-shell"
HOW_TO_INSTALL = f"Debian: apt-get install {_SHELL}; elsewhere Chromium or Chrome will do"


def installed_chromium(*, whole: bool = False) -> str | None:
    """Return the path of a Chromium, or None. `whole` requires one with a user interface."""
    names = _WHOLE if whole else (_SHELL, *_WHOLE)
    return next(filter(None, map(shutil.which, names)), None)


def skip_without(what: str) -> NoReturn:
    """Skip a test or fixture because `what` is missing. In CI, which must have everything, fail it
    instead."""
    (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(f"needs {what}")


def needs(*names: str) -> None:
    """Call `skip_without` if any of these programs is missing."""
    if missing := [name for name in names if shutil.which(name) is None]:
        skip_without(" and ".join(missing))


def needs_gradio_client() -> None:
    """Call `skip_without` if Gradio's JavaScript client is missing."""
    needs("node")
    if not (SCRIPTS / "node_modules" / "@gradio" / "client").is_dir():
        skip_without("@gradio/client: npm install --prefix tests/script --no-package-lock")
