"""ComfyForms as installed by pip: this package contains the app with all its parts.

For scripts and notebooks it has `RemoteApp`, a client for a running app, and the exceptions that it
raises.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

_HERE = Path(__file__).resolve().parent
ROOT = _HERE if (_HERE / "app.py").exists() else _HERE.parent  # in a wheel, or in a checkout

if TYPE_CHECKING:
    from comfyforms.remote.app import RemoteApp
    from comfyforms.remote.calls import ApiError, ApiProblem, AppUnreachable, RemoteError
    from comfyforms.remote.runs import BatchFailed, ChainFailed, RunFailed
else:
    _CLIENT = {
        "ApiError": "calls",
        "ApiProblem": "calls",
        "AppUnreachable": "calls",
        "BatchFailed": "runs",
        "ChainFailed": "runs",
        "RemoteApp": "app",
        "RemoteError": "calls",
        "RunFailed": "runs",
    }

    def __getattr__(name: str) -> object:
        """Load the names for scripts on first use: the command starts without them."""
        if name not in _CLIENT:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f"comfyforms.remote.{_CLIENT[name]}"), name)


__all__ = [
    "ApiError",
    "ApiProblem",
    "AppUnreachable",
    "BatchFailed",
    "ChainFailed",
    "RemoteApp",
    "RemoteError",
    "RunFailed",
]
