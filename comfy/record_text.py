"""A `Record` as text for a database, and back. Pure.

What is kept of a run's state is what its end says; the rest (titles, outputs that count) comes from the job again.
The text is ASCII: a lone surrogate or a NUL in what somebody typed is written out as `\\ud800` or `\\u0000`.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from comfy.errors import NodeError
from comfy.job import Job, KeptInput, Record
from comfy.outputs import OutputFile, TextOutput
from comfy.run_state import Phase, RunError, waiting

__all__ = ["from_text", "searchable", "to_text", "words_of"]

_SEARCHED = 20_000  # characters


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
    """The record in a text of `to_text`; ValueError, TypeError or KeyError if it is none."""
    told = json.loads(text)
    job = _job(told["job"])
    state = told["state"]
    return Record(
        told["id"],
        told["owner"],
        job,
        told["submitted_at"],
        replace(
            waiting(state["prompt_id"], job.prompt, job.outputs),
            phase=Phase(state["phase"]),
            files=tuple(OutputFile(**file) for file in state["files"]),
            texts=tuple(TextOutput(**text) for text in state["texts"]),
            error=RunError(**state["error"]) if state["error"] else None,
            node_errors=tuple(NodeError(**error) for error in state["node_errors"]),
            started_at=state["started_at"],
            finished_at=state["finished_at"],
        ),
        told["sent"],
        told["keeps_going"],
    )


def _job(told: Mapping[str, Any]) -> Job:
    return Job(
        told["prompt"],
        told["workflow"],
        None if told["outputs"] is None else frozenset(told["outputs"]),
        told["values"],
        told["title"],
        {key: KeptInput(**kept) for key, kept in told["inputs"].items()},
    )


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
