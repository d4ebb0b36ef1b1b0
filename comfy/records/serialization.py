r"""Convert a run's state to JSON values, and a `Record` to text for a database and back. Pure.

The JSON leaves out the preview, everything derived from the job (its nodes), the progress, and the
server's last messages about its queue and the end. A set becomes a sorted list. The text is ASCII:
a lone surrogate or a NUL in a user's text is written as `\ud800` or `\u0000`.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable, Mapping
from copy import copy
from dataclasses import replace
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from comfy.base.json_values import levels
from comfy.comfyui.protocol.run_state import RunState, waiting
from comfy.records.record import Job, Record

_RECORD = TypeAdapter(Record)
_STATE = TypeAdapter(RunState)
_LEFT_OUT = {"preview", "planned", "progress", "queue_remaining", "verdict"}
_RAW = {"prompt", "values", "extra_data"}  # parts of a job that are already JSON, of any depth
_WRITTEN_APART: Mapping[str, bool | set[str]] = {
    "state": True,
    "job": _RAW | {"outputs"},
    "favourite": True,
    "address": True,
}
# Replacements of missing or malformed parts. Other parts get the field's default, or an empty text.
_STANDS_FOR: Mapping[str, object] = {
    "job": {},
    "state": {"phase": "lost"},
    "prompt": {},
    "phase": "lost",
    "kind": "file",
    "type": "output",
    "input": None,
    "submitted_at": 0.0,
}
_BY_NAME = {"inputs", "titles", "output_names"}  # their keys are names of their own, not fields
_WHOLE = ("job", "prompt")  # without one of its nodes, it would be another workflow
# Path of a target: job inputs KEY targets 0.
_INPUTS, _TARGETS, _PAIR = ("job", "inputs"), ("targets",), 5
_ROUNDS = 10  # each round repairs one level deeper
_SEARCHED = 20_000  # characters
_LONGEST = 10_000  # characters of a text in a shortened record
YEAR_9999 = 253_370_764_800.0


def state_to_json(state: RunState) -> dict[str, Any]:
    """Return the state as JSON values, messages as their text. Equal states give equal values."""
    return _state_to_json(state, kept=False)


def _state_to_json(state: RunState, *, kept: bool) -> dict[str, Any]:
    data: dict[str, Any] = _STATE.dump_python(
        state, mode="json", exclude=_LEFT_OUT, round_trip=kept
    )
    return data | {"nodes_finished": sorted(state.nodes_finished)}


def to_text(record: Record, *, shortened: bool = False) -> str:
    """Return the record as JSON, messages with their sentences and values.

    `shortened`: cut long texts and leave long values out, so that the form keeps its own; the job
    is then marked as shortened. Raises ValueError or RecursionError if JSON can't represent the
    job.
    """
    data = _RECORD.dump_python(record, exclude=dict(_WRITTEN_APART), round_trip=True)
    outputs = None if record.job.outputs is None else sorted(record.job.outputs)
    data["job"] |= {"prompt": record.job.prompt, "outputs": outputs}
    data["job"]["values"] = dict(record.job.values)
    if record.job.extra_data:
        data["job"]["extra_data"] = dict(record.job.extra_data)
    data["state"] = _state_to_json(record.state, kept=True)
    if shortened:
        _shorten(data)
    return json.dumps(data, default=str)


def _shorten(data: dict[str, Any]) -> None:
    """Cut the long texts of a record without a result."""
    job, values = data["job"], data["job"]["values"]
    kept = {key: value for key, value in values.items() if not _is_long(value)}
    if _is_long(job["prompt"]) or len(kept) < len(values):
        prompt = _cut(job["prompt"])
        data["job"] = job | {"prompt": prompt, "values": kept, "shortened": True}
    data["state"] = _cut(data["state"])


def _is_long(value: object) -> bool:
    """Return whether JSON values contain a long text."""
    texts = (one for level in levels(value) for one in level if isinstance(one, str))
    return any(len(one) > _LONGEST for one in texts)


def _cut(value: object) -> object:
    """Return JSON values with each long text cut."""
    match value:
        case str():
            return value[:_LONGEST]
        case Mapping():
            return {key: _cut(one) for key, one in value.items()}
        case list() | tuple():
            return [_cut(one) for one in value]
    return value


def from_text(text: str) -> Record:
    """Return the record in a text of `to_text`. Raises ValueError if it contains none.

    Other versions of the app may have written it: unknown parts are skipped, missing or mistyped
    parts get their default, and a run with an unknown end is lost.
    """
    try:
        data = json.loads(text)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if not (
        isinstance(data, dict)
        and isinstance(data.get("id"), str)
        and isinstance(data.get("owner"), str)
    ):
        raise ValueError("not a run record")
    record = _read(data)
    return replace(
        record,
        submitted_at=_moment(record.submitted_at) or 0.0,
        state=_of_job(record.state, record.job),
    )


def _of_job(state: RunState, job: Job) -> RunState:
    """Restore the parts of a state that follow from its job."""
    initial_state = waiting(state.prompt_id, job.prompt, job.outputs, job.titles)
    return replace(
        state,
        started_at=_moment(state.started_at),
        finished_at=_moment(state.finished_at),
        **{name: getattr(initial_state, name) for name in _LEFT_OUT},
    )


def _read(data: dict[str, Any]) -> Record:
    """Return the record in `data`, repairing invalid parts in place."""
    for _ in range(_ROUNDS):
        try:
            return _RECORD.validate_python(data)
        except ValidationError as problem:
            errors = problem.errors(include_url=False, include_context=False, include_input=False)
        _mend(data, errors)
    raise ValueError("not a run record")


def _mend(data: dict[str, Any], errors: Iterable[ErrorDetails]) -> None:
    """Delete or replace the parts that pydantic reports."""
    faults = dict(_fault(error["loc"], missing=error["type"] == "missing") for error in errors)
    for where, needed in reversed(faults.items()):  # from the end of a list
        if any(where[:depth] in faults for depth in range(len(where))):
            continue  # repaired with its container
        *way, last = where
        container: Any = data
        for key in way:
            container = container[key]
        if needed:
            container[last] = copy(_STANDS_FOR.get(str(last), ""))
        else:
            del container[last]


def _fault(where: tuple[str | int, ...], *, missing: bool) -> tuple[tuple[str | int, ...], bool]:
    """Return the part to repair for a fault, and whether it needs a value."""
    if where[:2] == _WHOLE:
        return _WHOLE, True
    if where[:2] == _INPUTS and where[3:4] == _TARGETS and len(where) > _PAIR:
        return where[:_PAIR], False  # pydantic before 2.14 reports the invalid item of the pair
    *way, last = where
    if isinstance(last, int):  # an incomplete pair can't be used
        return (tuple(way) if missing else where), False
    own_name = bool(way) and way[-1] in _BY_NAME
    return where, not own_name and (missing or last in _STANDS_FOR)


def _moment(seconds: float | None) -> float | None:
    """Return seconds since 1970; None if a calendar can't represent them."""
    return seconds if seconds is not None and 0 <= seconds < YEAR_9999 else None


def searchable(text: str) -> str:
    """Normalize a text for searching: ignore case, and unify letters that have several
    encodings."""
    plain = unicodedata.normalize("NFKC", text).casefold().replace("\0", " ")
    return plain.encode("utf-8", "replace").decode()


def searched_text(record: Record) -> str:
    """Return the text that a search looks through: title, values and texts."""
    job, state = record.job, record.state
    typed = [str(value) for value in job.values.values() if isinstance(value, str | int | float)]
    parts = [job.title, *typed, *(kept.name for kept in job.inputs.values())]
    words = "\n".join([*parts, *(text.text for text in state.texts)])[:_SEARCHED]
    return searchable(words)[:_SEARCHED]  # normalizing one letter may give several
