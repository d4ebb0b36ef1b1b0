"""Webhook address that a request names, for the end of the run, batch or chain that it starts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from comfy.base.errors import ComfyError
from comfy.records.database import both
from comfy.records.webhooks import Subject, Webhook
from comfy.webhooks.waiting import Webhooks
from ui.api.requests import Requester

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


@contextmanager
def registered(
    webhooks: Webhooks, callback: str, requester: Requester, *subjects: Subject
) -> Iterator[Requester]:
    """Register the address, unless it is empty, for the ends or pauses of what the block starts for
    the yielded requester. It is stored in the transaction that records the start."""
    if not callback:
        yield requester
        return
    added: list[Webhook] = []
    add = webhooks.adding(subjects, requester.owner, callback, added)
    yield replace(requester, at_start=both(requester.at_start, add))
    webhooks.note_added(added)


def register_chain(
    webhooks: Webhooks, callback: str, chain_id: str, owner: str, stop: Callable[[], object]
) -> None:
    """Register the address, unless it is empty, for the end of a chain that was continued. If it
    can't be stored, call `stop` and raise ComfyError, because the caller would wait forever."""
    if not callback:
        return
    try:
        webhooks.add("chain", [chain_id], owner, callback)
    except ComfyError:
        stop()
        raise
