"""Bodies of messages between app processes: a run's state as JSON, and its previews. Pure.

A body may come from anyone who has the service's password: reading checks every type, number and
size. ComfyForms of another version may have sent it: unknown parts are skipped, and missing parts
get their default.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from pydantic import TypeAdapter, ValidationError

from comfy.comfyui.protocol.events import AnimatedPreviews, Preview
from comfy.comfyui.protocol.parse import FASTEST_ANIMATION, MOST_FRAMES
from comfy.comfyui.protocol.run_progress import PlannedNodes, SamplerSteps, planned_nodes
from comfy.comfyui.protocol.run_state import RunState
from comfy.records.record import Job
from comfy.records.serialization import YEAR_9999

MOST_OF_A_STATE = 2**20  # bytes
MOST_OF_A_PREVIEW = 4 * 2**20  # bytes
_LONGEST_HEAD = 2**16  # bytes of a preview's JSON
_MOST_STEPS = 10**6  # of a sampler in one round, and rounds
_LONGEST_FAULT = 500  # characters
_MOST_OF_U32 = 2**32 - 1
_APART = {"preview", "planned"}
_STATE = TypeAdapter(RunState)
_PREVIEW = TypeAdapter(Preview)


def state_to_wire(state: RunState) -> bytes:
    """Return the state without its preview, as compact ASCII JSON for `state_from_wire`.

    A state with more than `MOST_OF_A_STATE` bytes goes without its results and node errors; its
    record has them at the end. Raises ValueError if it is still too large.
    """
    data = _json_of(state)
    if len(data) > MOST_OF_A_STATE:
        data = _json_of(replace(state, files=(), texts=(), node_errors=()))
    if len(data) > MOST_OF_A_STATE:
        raise ValueError(f"a state of {len(data)} bytes")
    return data


def _json_of(state: RunState) -> bytes:
    # `json` writes a lone surrogate as ASCII, which pydantic's encoder refuses
    parts = _STATE.dump_python(
        state, mode="json", exclude=_APART, exclude_defaults=True, round_trip=True
    )
    return json.dumps(parts, separators=(",", ":")).encode()


def state_from_wire(data: bytes, job: Job) -> RunState:
    """Return the state of this job's run in a body of `state_to_wire`, without a preview. Raises
    ValueError for any other body."""
    if len(data) > MOST_OF_A_STATE:
        raise ValueError(f"a state of {len(data)} bytes")
    parts = _object(data)
    for name in _APART:
        parts.pop(name, None)
    try:
        state = _STATE.validate_python(parts)
    except ValidationError as error:
        raise _malformed(error) from None
    planned = planned_nodes(job.prompt, job.outputs, job.titles)
    if fault := next(_faults(state, planned), None):
        raise ValueError(fault)
    return replace(state, planned=planned)


def _object(data: bytes) -> dict[str, Any]:
    """Return a JSON object without NaN and infinity. Raises ValueError."""
    try:
        value = json.loads(data, parse_constant=_refuse)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(value, dict):
        raise ValueError("not an object")
    return value


def _refuse(constant: str) -> object:
    raise ValueError(f"{constant} isn't a number")


def _malformed(error: ValidationError) -> ValueError:
    """Return an error that names the first fault, without the body's values."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    return ValueError(f"{first['loc']}: {first['msg']}"[:_LONGEST_FAULT])


def _faults(state: RunState, planned: PlannedNodes) -> Iterator[str]:
    """Yield what other code can't compute with."""
    progress, animation = state.progress, state.animation
    counts = [state.step, state.steps, state.preview_number, *(file.size for file in state.files)]
    counts += (state.queue_place or 0, state.queue_remaining or 0)
    if any(abs(count) > sys.float_info.max for count in counts):
        yield "a number is too large"
    if not all(
        0 <= moment < YEAR_9999 for moment in (state.started_at or 0, state.finished_at or 0)
    ):
        yield "a time is out of range"
    nodes = {*state.nodes_finished, *progress.nodes, *progress.samplers, *progress.rounds}
    if not planned.titles.keys() >= nodes | progress.finished_rounds.keys():
        yield "a node isn't in the prompt"
    if not 0 <= progress.fraction <= 1:
        yield "the progress is out of range"
    if not all(map(_is_possible, progress.samplers.values())):
        yield "a sampler's steps are out of range"
    rounds = (*progress.rounds.values(), *progress.finished_rounds.values())
    if not all(0 <= count <= _MOST_STEPS for count in rounds):
        yield "a number of rounds is out of range"
    if animation is not None and not _is_playable(animation):
        yield "the animation is out of range"


def _is_possible(sampler: SamplerSteps) -> bool:
    most, times = _MOST_STEPS, (sampler.first_at or 0, sampler.last_at or 0, sampler.lost)
    return (
        1 <= sampler.steps <= most
        and 0 <= sampler.taken <= most
        and 0 <= sampler.first <= most
        and 0 <= sampler.round < sampler.rounds <= most
        and 0 < sampler.weight < math.inf
        and all(abs(time) < YEAR_9999 for time in times)
    )


def _is_playable(animation: AnimatedPreviews) -> bool:
    return 1 <= animation.frames <= MOST_FRAMES and 0 < animation.rate <= FASTEST_ANIMATION


def preview_to_wire(preview: Preview) -> bytes:
    """Return a preview as a line of JSON and the image's bytes, for `preview_from_wire`."""
    head = {"node": preview.node, "prompt_id": preview.prompt_id, "frame": preview.frame}
    return b"\n".join((json.dumps(head, separators=(",", ":")).encode(), preview.data))


def preview_from_wire(data: bytes) -> Preview:
    """Return the preview in a body of `preview_to_wire`. Raises ValueError for any other body.

    As with a server's preview, the image itself isn't decoded.
    """
    end = data.find(b"\n", 0, _LONGEST_HEAD)
    if end < 0 or end == len(data) - 1 or len(data) > MOST_OF_A_PREVIEW:
        raise ValueError("no line of JSON, no image, or too large")
    head, image = _object(data[:end]), data[end + 1 :]
    try:
        preview = _PREVIEW.validate_python({**head, "data": image})
    except ValidationError as error:
        raise _malformed(error) from None
    if preview.frame is not None and not 0 <= preview.frame <= _MOST_OF_U32:
        raise ValueError("a number is out of range")
    return preview
