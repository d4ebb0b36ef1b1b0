"""Frames that the app passes on."""

from __future__ import annotations

import json

import pytest

from comfyforms.plugins.comfyui_api.relay import progress_alone


@pytest.mark.parametrize(
    ("kind", "kept"),
    [
        ("executing", {"node": "5", "prompt_id": "1"}),
        ("progress", {"value": 1, "max": 2, "node": "5", "prompt_id": "1"}),
        ("execution_error", {"node_id": "5", "prompt_id": "1"}),
    ],
)
def test_progress_has_known_keys_only(kind: str, kept: dict[str, object]) -> None:
    """Newer servers add the client's own texts to each message."""
    frame = json.dumps({"type": kind, "data": {**kept, "job": "a text", "exception_message": "x"}})
    passed = progress_alone(frame)
    assert passed is not None
    assert json.loads(passed) == {"type": kind, "data": kept}


def test_frames_without_progress_are_dropped() -> None:
    assert progress_alone(json.dumps({"type": "executed", "data": {"output": {}}})) is None
    assert progress_alone("[]") is None
    assert progress_alone(b"") is None
