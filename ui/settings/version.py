"""Version of the app."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version


def app_version() -> str:
    """Return the package's version; "" if the app runs from a folder."""
    try:
        return version("comfyforms")
    except PackageNotFoundError:
        return ""
