"""Cancel a run on its server: at once if the server answers, later if it is slow."""

from __future__ import annotations

import logging
import threading

from comfy.base.errors import ComfyError
from comfy.comfyui.client.client import Client
from comfy.comfyui.protocol.responses import HistoryEntry
from comfy.runs.timeouts import Timeouts

log = logging.getLogger(__name__)

_SECOND_TRY = 0.5
# Pauses before further cancels: a prompt that was sent without waiting for the answer may arrive
# after the first cancel.
_LATER_TRIES = (1.5, 3.0)


class Cancellation:
    """Cancellation of one prompt. It has its own client, because the run's client is aborted when
    the run stops."""

    def __init__(self, client: Client, timing: Timeouts) -> None:
        self._client = client.fork(timeout=timing.cancel_limit)
        self._patient = timing.call
        self._gave_up = threading.Event()

    def tell(self, prompt_id: str, *, accepted: bool) -> bool:
        """Cancel the prompt; return whether that was enough. `accepted`: the server has confirmed
        the prompt."""
        try:
            return self._client.cancel(prompt_id) or accepted
        except ComfyError as error:
            log.info("Can't cancel %s at the server: %s", prompt_id, error)
            return False

    def outcome(self, prompt_id: str) -> HistoryEntry | None:
        """Return the prompt's end if the server reports it at once."""
        try:
            return self._client.history(prompt_id)
        except ComfyError as error:
            log.info("Can't find out how %s ended: %s", prompt_id, error)
            return None

    def retry(self, prompt_id: str, *, accepted: bool) -> None:
        """Cancel again, with a longer timeout for a slow server. The user already has the
        answer."""
        self._client.timeout = self._patient
        for pause in (_SECOND_TRY, *(() if accepted else _LATER_TRIES)):
            given_up = self._gave_up.wait(pause)
            if self.tell(prompt_id, accepted=accepted):
                return
            if given_up:
                break
        if accepted:
            log.warning(
                "Can't cancel %s at the server, which may still be working on it", prompt_id
            )

    def give_up(self) -> None:
        """Stop retrying on a server that doesn't answer. Thread-safe."""
        self._gave_up.set()
        self._client.abort()
