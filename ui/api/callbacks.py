"""The address that a program wants to be called at, once what it starts has ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from comfy.base.errors import ComfyError
from comfy.records.webhooks import Subject
from comfy.webhooks.waiting import Webhooks

CALLBACK: Mapping[str, Any] = {
    "type": ["string", "null"],
    "format": "uri",
    "description": "An address that is sent a webhook at the end, on a host that is allowed here.",
}


def callback_of(webhooks: Webhooks, told: Mapping[str, Any]) -> str:
    """The address that a request names, "" where it names none. CallbackRefused."""
    callback = told.get("callback")
    if callback is None:
        return ""
    webhooks.check(callback)
    return str(callback)


def call_back(
    webhooks: Webhooks,
    callback: str,
    subjects: Sequence[Subject],
    ids: Sequence[str],
    owner: str,
    stop: Callable[[], object],
) -> None:
    """Register the address, unless it is "", for the ends or pauses of the new runs. If it can't be
    stored, `stop` ends them, as the caller would wait forever; raise ComfyError then."""
    if not callback:
        return
    try:
        for subject in subjects:
            webhooks.add(subject, ids, owner, callback)
    except ComfyError:
        stop()
        raise
