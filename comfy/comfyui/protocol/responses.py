"""Parse answers of ComfyUI's HTTP interface into frozen values. No sockets here.

The parsers take decoded JSON. Missing or malformed parts read as empty; `ValueError` is raised only
for an indispensable part (the prompt id of an accepted prompt).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from comfy.base.errors import NodeError
from comfy.base.json_values import as_list, as_mapping, as_text
from comfy.comfyui.protocol.events import ExecutionError, ExecutionInterrupted, ExecutionSuccess
from comfy.comfyui.protocol.parse import parse_message

Verdict = ExecutionSuccess | ExecutionError | ExecutionInterrupted


@dataclass(frozen=True, slots=True)
class Submitted:
    """Accepted prompt. `node_errors` isn't empty if the server refused some of its outputs and runs
    the others (docs/comfyui.md#16)."""

    prompt_id: str
    number: float
    node_errors: tuple[NodeError, ...] = ()


@dataclass(frozen=True, slots=True)
class Queue:
    """Prompt ids of `/queue`; `pending` is in the order of execution (docs/comfyui.md#18)."""

    running: tuple[str, ...]
    pending: tuple[str, ...]

    def __contains__(self, prompt_id: str) -> bool:
        return prompt_id in self.running or prompt_id in self.pending

    def place(self, prompt_id: str) -> int | None:
        """Return the number of prompts before this one; None if it doesn't wait here."""
        if prompt_id not in self.pending:
            return None
        return len(self.running) + self.pending.index(prompt_id)


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """Entry of a finished prompt in `/history/{prompt_id}` (docs/comfyui.md#20): raw outputs by
    node, and the final status. `display_nodes`: the prompt's nodes that other nodes stand for."""

    prompt_id: str
    outputs: Mapping[str, Mapping[str, object]]
    verdict: Verdict
    display_nodes: Mapping[str, str] = field(default_factory=dict)


def parse_submitted(answer: object) -> Submitted:
    """Parse the answer of `POST /prompt` with status 200."""
    data = as_mapping(answer)
    prompt_id, number = data.get("prompt_id"), data.get("number")
    if not isinstance(prompt_id, str) or not prompt_id.isascii() or not prompt_id:
        raise ValueError("no prompt_id in the answer to POST /prompt")
    return Submitted(
        prompt_id, number if isinstance(number, int | float) else 0, tuple(_node_errors(data))
    )


def rejection(answer: object) -> tuple[str, str, str, tuple[NodeError, ...]]:
    """Parse the answer of `POST /prompt` with status 400: return its type, message and details, and
    the errors of single nodes."""
    data = as_mapping(answer)
    error = data.get("error")
    if isinstance(error, str):
        return "", error, "", ()
    error_data = as_mapping(error)
    type_, message, details = (
        as_text(error_data.get(key)) for key in ("type", "message", "details")
    )
    errors = tuple(_node_errors(data))
    extra = as_mapping(error_data.get("extra_info"))
    # Newer servers name all nodes of a loop.
    nodes = [extra.get("node_id"), *as_list(extra.get("node_ids"))]
    class_type = as_text(extra.get("class_type"))
    errors = errors or tuple(
        NodeError(node, None, class_type, type_, message, details)
        for node in nodes
        if isinstance(node, str)
    )
    return type_, message, details, errors


def _node_errors(data: Mapping[str, Any]) -> Iterator[NodeError]:
    for node, node_data in as_mapping(data.get("node_errors")).items():
        class_type = as_text(as_mapping(node_data).get("class_type"))
        errors = as_mapping(node_data).get("errors")
        for error in map(as_mapping, errors if isinstance(errors, list) else ()):
            name = as_mapping(error.get("extra_info")).get("input_name")
            type_, message, details = (
                as_text(error.get(key)) for key in ("type", "message", "details")
            )
            yield NodeError(
                node, name if isinstance(name, str) else None, class_type, type_, message, details
            )


def parse_queue(answer: object) -> Queue:
    """Parse `GET /queue`: entries are `[number, prompt_id, …]`, listed in heap order and run by
    number."""
    data = as_mapping(answer)
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
    """Parse `GET /history/{prompt_id}`. Return None for `{}`, the answer for an unknown id."""
    entry = as_mapping(answer).get(prompt_id)
    if not isinstance(entry, dict):
        return None
    outputs = {
        node: output
        for node, output in as_mapping(entry.get("outputs")).items()
        if isinstance(output, dict)
    }
    verdict = _verdict(prompt_id, as_mapping(entry.get("status")))
    return HistoryEntry(prompt_id, outputs, verdict, dict(_display_nodes(entry)))


def _display_nodes(entry: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the nodes with the nodes that they stand for. Metadata under another node's id is
    cached: it describes an earlier prompt (docs/comfyui.md#63)."""
    for node, metadata in as_mapping(entry.get("meta")).items():
        about = as_mapping(metadata)
        shown = about.get("display_node")
        if isinstance(shown, str) and about.get("node_id", node) == node:
            yield node, shown


def _verdict(prompt_id: str, status: Mapping[str, Any]) -> Verdict:
    """Return the last message stored with the status; these are the same messages as on the
    socket."""
    messages = status.get("messages")
    for stored in reversed(messages if isinstance(messages, list) else []):
        if isinstance(stored, list) and len(stored) == 2:
            event = parse_message(json.dumps({"type": stored[0], "data": stored[1]}))
            if isinstance(event, ExecutionSuccess | ExecutionError | ExecutionInterrupted):
                return event
    if status.get("status_str") == "error":
        return ExecutionError(prompt_id, None, "", "", "")
    return ExecutionSuccess(prompt_id)
