"""Which version of the app this is."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version


def app_version() -> str:
    """As of its package; "" where it runs from a folder, as it was unpacked."""
    try:
        return version("comfyforms")
    except PackageNotFoundError:
        return ""
