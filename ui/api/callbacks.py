"""Webhook address that a request names, for the end of the run, batch or chain that it starts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from comfy.base.errors import ComfyError
from comfy.records.webhooks import Subject
from comfy.webhooks.waiting import Webhooks

CALLBACK: Mapping[str, Any] = {
    "type": ["string", "null"],
    "format": "uri",
    "description": (
        "The URL that gets a webhook at the end. The administrator must have allowed its host."
    ),
}


def callback_of(webhooks: Webhooks, told: Mapping[str, Any]) -> str:
    """Return the webhook address in a request; empty if it has none. Raises CallbackRefused."""
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
    """Register the address, unless it is empty, for the ends or pauses of the new runs. If it can't
    be stored, call `stop` and raise ComfyError, because the caller would wait forever."""
    if not callback:
        return
    try:
        for subject in subjects:
            webhooks.add(subject, ids, owner, callback)
    except ComfyError:
        stop()
        raise
