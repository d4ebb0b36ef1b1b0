"""The client works without the app."""

from __future__ import annotations

from tests.imports import apart


def test_the_client_imports_nothing_from_the_app() -> None:
    """The package works beside ComfyUI's own `comfy`, and type checkers find its types wherever it
    is installed."""
    assert "comfyforms.remote" in apart()
