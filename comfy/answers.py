"""Answers of ComfyUI's HTTP interface as frozen values. No sockets here.

The parsers take decoded JSON. What is missing or has another shape reads as empty; `ValueError` is raised only where
nothing can be done without it (the prompt id of an accepted prompt).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from comfy.errors import NodeError
from comfy.events import ExecutionError, ExecutionInterrupted, ExecutionSuccess, parse_message

__all__ = [
    "HistoryEntry",
    "Queue",
    "Submitted",
    "Verdict",
    "parse_history",
    "parse_queue",
    "parse_submitted",
    "rejection",
]

Verdict = ExecutionSuccess | ExecutionError | ExecutionInterrupted


@dataclass(frozen=True, slots=True)
class Submitted:
    """An accepted prompt. ``node_errors`` is not empty when some of its outputs were refused and the others run."""

    prompt_id: str
    number: float
    node_errors: tuple[NodeError, ...] = ()


@dataclass(frozen=True, slots=True)
class Queue:
    """Prompt ids of ``/queue``; ``pending`` in the order in which they will run."""

    running: tuple[str, ...]
    pending: tuple[str, ...]

    def place(self, prompt_id: str) -> int | None:
        """How many prompts come before this one: None if it does not wait here."""
        if prompt_id not in self.pending:
            return None
        return len(self.running) + self.pending.index(prompt_id)


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """What ``/history/{prompt_id}`` keeps of a finished prompt: raw outputs by node, and how it ended."""

    prompt_id: str
    outputs: Mapping[str, Mapping[str, object]]
    verdict: Verdict


def parse_submitted(answer: object) -> Submitted:
    """The 200 of ``POST /prompt``."""
    data = _object(answer)
    prompt_id, number = data.get("prompt_id"), data.get("number")
    if not isinstance(prompt_id, str) or not prompt_id.isascii() or not prompt_id:
        raise ValueError("no prompt_id in the answer to POST /prompt")
    return Submitted(prompt_id, number if isinstance(number, int | float) else 0, tuple(_node_errors(data)))


def rejection(answer: object) -> tuple[str, str, str, tuple[NodeError, ...]]:
    """Type, message and details of the 400 of ``POST /prompt``, and its objections to single nodes."""
    data = _object(answer)
    error = data.get("error")
    if isinstance(error, str):
        return "", error, "", ()
    told = _object(error)
    type_, message, details = (_text(told.get(key)) for key in ("type", "message", "details"))
    errors = tuple(_node_errors(data))
    extra = _object(told.get("extra_info"))
    if not errors and isinstance(extra.get("node_id"), str):
        errors = (NodeError(extra["node_id"], None, _text(extra.get("class_type")), type_, message, details),)
    return type_, message, details, errors


def _node_errors(data: Mapping[str, Any]) -> Iterator[NodeError]:
    for node, told in _object(data.get("node_errors")).items():
        class_type = _text(_object(told).get("class_type"))
        errors = _object(told).get("errors")
        for error in map(_object, errors if isinstance(errors, list) else ()):
            name = _object(error.get("extra_info")).get("input_name")
            type_, message, details = (_text(error.get(key)) for key in ("type", "message", "details"))
            yield NodeError(node, name if isinstance(name, str) else None, class_type, type_, message, details)


def parse_queue(answer: object) -> Queue:
    """``GET /queue``: entries are ``[number, prompt_id, …]``, listed as the heap has them and run by number."""
    data = _object(answer)
    running, pending = (_entries(data.get(key)) for key in ("queue_running", "queue_pending"))
    return Queue(tuple(id_ for _, id_ in running), tuple(id_ for _, id_ in sorted(pending)))


def _entries(entries: object) -> list[tuple[float, str]]:
    return [
        (entry[0], entry[1])
        for entry in (entries if isinstance(entries, list) else ())
        if isinstance(entry, list)
        and len(entry) > 1
        and isinstance(entry[0], int | float)
        and isinstance(entry[1], str)
    ]


def parse_history(answer: object, prompt_id: str) -> HistoryEntry | None:
    """``GET /history/{prompt_id}``: an unknown id answers ``{}``, which is None here."""
    entry = _object(answer).get(prompt_id)
    if not isinstance(entry, dict):
        return None
    outputs = {node: output for node, output in _object(entry.get("outputs")).items() if isinstance(output, dict)}
    return HistoryEntry(prompt_id, outputs, _verdict(prompt_id, _object(entry.get("status"))))


def _verdict(prompt_id: str, status: Mapping[str, Any]) -> Verdict:
    """The last word among the messages kept with the outcome; they are those of the socket."""
    messages = status.get("messages")
    for message in reversed(messages if isinstance(messages, list) else []):
        if isinstance(message, list) and len(message) == 2:
            event = parse_message(json.dumps({"type": message[0], "data": message[1]}))
            if isinstance(event, ExecutionSuccess | ExecutionError | ExecutionInterrupted):
                return event
    if status.get("status_str") == "error":
        return ExecutionError(prompt_id, None, "", "", "")
    return ExecutionSuccess(prompt_id)


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
