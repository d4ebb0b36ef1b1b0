"""Idempotency keys of Comfy API v2: each can be used once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from comfy.base.errors import RunGoesOn
from comfy.records.database import AtStart, nothing_at_start
from comfy.records.started_requests import OtherRequest, StartedRequests
from comfyforms.plugins.comfy_api_v2.errors import Refused
from ui.api.requests import Requester

_LONGEST = 255


@dataclass(frozen=True, slots=True)
class Keys:
    """Keys of the last day."""

    requests: StartedRequests

    def once(
        self, requester: Requester, what: str, key: str, begin: Callable[[AtStart], str]
    ) -> None:
        """Call `begin`, which returns an id, unless the key was used before. `what`: the kind of
        request. If `begin` fails, the key can be used again. Raises Refused, and like `begin`."""
        if not key:
            begin(nothing_at_start)
            return
        if len(key) > _LONGEST:
            told = f"An Idempotency-Key can have at most {_LONGEST} characters."
            raise Refused(422, "invalid_request", told)
        used = "This Idempotency-Key was used before. Find the job that it started."
        try:
            name = f"{what} {key}"
            starting = self.requests.begin(requester.name, name, what, requester.address)
        except (OtherRequest, RunGoesOn):
            raise Refused(422, "idempotency_key_reuse", used) from None
        if isinstance(starting, tuple):
            raise Refused(422, "idempotency_key_reuse", used)
        try:
            started = begin(starting.note)
        except BaseException:
            self.requests.failed(starting)
            raise
        self.requests.started(starting, [started])
