"""The last messages of ComfyUI's `/ws` about a run, in its own format (docs/comfyui.md#1). Pure."""

from __future__ import annotations

import json

from comfy.comfyui.protocol.run_state import Phase, RunState

_ENDS = {Phase.DONE: "execution_success", Phase.STOPPED: "execution_interrupted"}


def verdict(run_id: str, state: RunState) -> str:
    """Return ComfyUI's messages about the end of a run that has finished here."""
    kind, error = _ENDS.get(state.phase, "execution_error"), state.error
    failure = {"exception_message": error.message if error else "", "exception_type": ""}
    details = failure if kind == "execution_error" else {}
    return text_frame(kind, prompt_id=run_id, node_id=state.node, **details)


def over(run_id: str) -> str:
    """Return the last frame of a prompt."""
    return text_frame("executing", node=None, prompt_id=run_id)


def text_frame(kind: str, **data: object) -> str:
    """Return a message as ComfyUI sends it."""
    return json.dumps({"type": kind, "data": data})
