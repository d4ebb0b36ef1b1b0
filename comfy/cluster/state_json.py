"""States and previews as bytes."""

from __future__ import annotations

import json
from dataclasses import replace

from pydantic import TypeAdapter, ValidationError

from comfy.comfyui.protocol.events import Preview
from comfy.comfyui.protocol.run_state import RunState, waiting
from comfy.records.record import Job

_STATE = TypeAdapter(RunState)
_OUT = {"preview", "planned", "verdict"}


def state_to_wire(state: RunState) -> bytes:
    """Return a state as JSON, without its preview."""
    return _STATE.dump_json(state, exclude=_OUT, round_trip=True)


def state_from_wire(data: bytes, job: Job) -> RunState:
    """Return the state in JSON. Raises ValueError."""
    try:
        state = _STATE.validate_json(data)
    except ValidationError as e:
        raise ValueError(str(e)) from e
    first = waiting(state.prompt_id, job.prompt, job.outputs, job.titles)
    return replace(state, planned=first.planned)


def preview_to_wire(preview: Preview) -> bytes:
    """Return a preview as bytes."""
    head = json.dumps([preview.node, preview.prompt_id, preview.frame]).encode()
    return head + b"\n" + preview.data


def preview_from_wire(data: bytes) -> Preview:
    """Return the preview in bytes. Raises ValueError."""
    head, _, image = data.partition(b"\n")
    node, prompt_id, frame = json.loads(head)
    return Preview(node, prompt_id, image, frame)
