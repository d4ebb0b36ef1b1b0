"""ComfyForms, as it is installed by pip: this package has the app with all its parts in it.

For scripts and notebooks it has `RemoteApp`, which speaks to a running app, and `ApiError`.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from comfy.remote.app import RemoteApp
    from comfy.remote.calls import ApiError

__all__ = ["ApiError", "RemoteApp"]

_HERE = Path(__file__).resolve().parent
ROOT = _HERE if (_HERE / "app.py").exists() else _HERE.parent  # of a wheel, or of a checkout
_CLIENT = {"ApiError": "comfy.remote.calls", "RemoteApp": "comfy.remote.app"}


def __getattr__(name: str) -> object:
    """What scripts import from here, found when it is asked for. ComfyUI's own `comfy`, where this
    is imported inside it, stays the first."""
    if name not in _CLIENT:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    if str(ROOT) not in sys.path:
        sys.path.append(str(ROOT))
    return getattr(import_module(_CLIENT[name]), name)
