"""Default folders of the app."""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
from pathlib import Path

from platformdirs import user_data_path

log = logging.getLogger(__name__)

_ROOT = Path(__file__).parents[2]
SHIPPED_WORKFLOWS = _ROOT / "workflows"
_PERSISTENT = Path("/data")  # exists on a Space with persistent storage
ON_A_SPACE = "SPACE_ID" in os.environ  # set by Hugging Face
INSTALLED = not (_ROOT / "pyproject.toml").exists()  # by pip, rather than run from a checkout
PROGRAM = "comfyforms" if INSTALLED else "app.py"
COMMAND = PROGRAM if INSTALLED else f"python {PROGRAM}"  # for shell output
SIGN_INS = "sign_in.sqlite"  # in the data folder: sessions, tokens, and a provider's users


def data_folder(persistent: Path = _PERSISTENT) -> Path:
    """Return the folder for the history and the results: beside a checkout, otherwise the user's
    own; on a Space the `persistent` one if it exists."""
    if ON_A_SPACE and os.access(persistent, os.W_OK):
        return persistent / "comfyforms"
    return _own_folder() if INSTALLED else _ROOT / "data"


def workflow_folder() -> Path:
    """Return the workflow folder: the checkout's, otherwise the user's own, which an upgrade leaves
    alone."""
    return _own_folder() / "workflows" if INSTALLED else SHIPPED_WORKFLOWS


def with_shipped_workflows(folder: Path) -> Path:
    """Return the folder, creating it with the shipped workflows if it is missing."""
    if folder.exists():
        return folder
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".") as temporary:
            whole = shutil.copytree(SHIPPED_WORKFLOWS, Path(temporary) / "workflows")
            whole.rename(folder)  # whole or not at all
    except OSError as error:
        log.warning("The workflow folder %s can't be created: %s.", folder, error.strerror)
    return folder


def _own_folder() -> Path:
    return user_data_path("comfyforms", appauthor=False)
