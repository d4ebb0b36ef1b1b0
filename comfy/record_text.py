"""A `Record` as text for a database, and back. Pure.

What is kept of a run's state is what its end says; the rest (titles, outputs that count) comes from the job again.
The text is ASCII: a lone surrogate or a NUL in what somebody typed is written out as `\\ud800` or `\\u0000`.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, TypeVar, get_args

from comfy.errors import NodeError
from comfy.job import Job, KeptInput, Record
from comfy.outputs import FileKind, OutputFile, TextOutput
from comfy.run_state import Phase, RunError, waiting
from comfy.workflow import Prompt

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

__all__ = ["from_text", "searchable", "to_text", "words_of"]

_SEARCHED = 20_000  # characters
_YEAR_9999 = 253_370_764_800.0

T = TypeVar("T", bound="DataclassInstance")


def to_text(record: Record) -> str:
    """The record as JSON. ValueError or RecursionError for a job that no JSON can hold."""
    job, state = record.job, record.state
    return json.dumps(
        {
            "id": record.id,
            "owner": record.owner,
            "submitted_at": record.submitted_at,
            "sent": record.sent,
            "keeps_going": record.keeps_going,
            "job": {
                "prompt": job.prompt,
                "workflow": job.workflow,
                "title": job.title,
                "outputs": None if job.outputs is None else sorted(job.outputs),
                "values": dict(job.values),
                "inputs": {key: asdict(kept) for key, kept in job.inputs.items()},
            },
            "state": {
                "prompt_id": state.prompt_id,
                "phase": state.phase.value,
                "files": [asdict(file) for file in state.files],
                "texts": [asdict(text) for text in state.texts],
                "error": state.error and asdict(state.error),
                "node_errors": [asdict(error) for error in state.node_errors],
                "started_at": state.started_at,
                "finished_at": state.finished_at,
            },
        },
        default=str,
    )


def from_text(text: str) -> Record:
    """The record in a text of `to_text`; ValueError if it is none.

    Another version of this program may have written it: what it does not know is skipped, what is missing or of
    another type has its default, and a run at an end of another kind is lost.
    """
    try:
        told = json.loads(text)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if not (isinstance(told, dict) and isinstance(told.get("id"), str) and isinstance(told.get("owner"), str)):
        raise ValueError("no record of a run")
    job = _job(_object(told.get("job")))
    state = _object(told.get("state"))
    return Record(
        told["id"],
        told["owner"],
        job,
        _moment(told.get("submitted_at")) or 0.0,
        replace(
            waiting(_text(state.get("prompt_id")), job.prompt, job.outputs),
            phase=_phase(state.get("phase")),
            files=tuple(_file(file) for file in _objects(state.get("files"))),
            texts=tuple(_read(TextOutput("", ""), text) for text in _objects(state.get("texts"))),
            error=_error(_object(state.get("error"))),
            node_errors=tuple(_node_error(error) for error in _objects(state.get("node_errors"))),
            started_at=_moment(state.get("started_at")),
            finished_at=_moment(state.get("finished_at")),
        ),
        told.get("sent") is True,
        told.get("keeps_going") is True,
    )


def _job(told: Mapping[str, Any]) -> Job:
    outputs = told.get("outputs")
    return Job(
        _prompt(_object(told.get("prompt"))),
        _text(told.get("workflow")),
        frozenset(node for node in outputs if isinstance(node, str)) if isinstance(outputs, list) else None,
        _object(told.get("values")),
        _text(told.get("title")),
        {key: _read(KeptInput("", ""), _object(kept)) for key, kept in _object(told.get("inputs")).items()},
    )


def _prompt(told: dict[str, Any]) -> Prompt:
    """All of it or nothing: with a node left out it would be another workflow."""
    return told if all(isinstance(node, dict) for node in told.values()) else {}


def _phase(told: object) -> Phase:
    return next((phase for phase in Phase if phase == told), Phase.LOST)


def _file(told: Mapping[str, Any]) -> OutputFile:
    file = _read(OutputFile("", "", "output", "file", ""), told)
    return file if file.kind in get_args(FileKind) else replace(file, kind="file")


def _error(told: Mapping[str, Any]) -> RunError | None:
    if not told:
        return None
    node, title = (_text_or_none(told.get(name)) for name in ("node", "node_title"))
    return _read(RunError("", node=node, node_title=title), told)


def _node_error(told: Mapping[str, Any]) -> NodeError:
    return _read(NodeError("", _text_or_none(told.get("input")), "", "", "", ""), told)


def _read(default: T, told: Mapping[str, Any]) -> T:
    """A frozen dataclass with what is told of its fields, as far as it has the type that is there already."""
    known = asdict(default)
    same = {name: told[name] for name in known.keys() & told.keys() if type(told[name]) is type(known[name])}
    return replace(default, **same)


def _object(told: object) -> dict[str, Any]:
    return told if isinstance(told, dict) else {}


def _objects(told: object) -> list[dict[str, Any]]:
    return [_object(one) for one in told] if isinstance(told, list) else []


def _text(told: object) -> str:
    return told if isinstance(told, str) else ""


def _text_or_none(told: object) -> str | None:
    return told if isinstance(told, str) else None


def _moment(told: object) -> float | None:
    """Seconds since 1970, where they are a moment that a calendar knows."""
    number = isinstance(told, int | float) and not isinstance(told, bool)
    return told if number and 0 <= told < _YEAR_9999 else None  # type: ignore[operator, return-value]


def searchable(text: str) -> str:
    """Text as it is compared in a search: without case, and alike for letters that are written in several ways."""
    plain = unicodedata.normalize("NFKC", text).casefold().replace("\0", " ")
    return plain.encode("utf-8", "replace").decode()


def words_of(record: Record) -> str:
    """What a search looks through: title, values, texts."""
    job, state = record.job, record.state
    typed = [str(value) for value in job.values.values() if isinstance(value, str | int | float)]
    parts = [job.title, *typed, *(kept.name for kept in job.inputs.values())]
    return searchable("\n".join([*parts, *(text.text for text in state.texts)])[:_SEARCHED])
