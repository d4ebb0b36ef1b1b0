"""Telling the server that a run is cancelled: at once if it answers, later if it is slow."""

from __future__ import annotations

import logging
import threading

from comfy.client import Client
from comfy.errors import ComfyError
from comfy.timing import Timing

__all__ = ["Farewell"]

log = logging.getLogger(__name__)

_SECOND_TRY = 0.5


class Farewell:
    """The cancel of one prompt, over a connection of its own: those of the run are cut when it is stopped."""

    def __init__(self, client: Client, timing: Timing) -> None:
        self._client = client.fork(timeout=timing.farewell)
        self._patient = timing.call
        self._gave_up = threading.Event()

    def tell(self, prompt_id: str) -> bool:
        """Cancel the prompt; whether the server has heard it."""
        try:
            self._client.cancel(prompt_id)
        except ComfyError as error:
            log.info("The server could not be told to cancel %s: %s", prompt_id, error)
            return False
        return True

    def tell_again(self, prompt_id: str) -> None:
        """The person has the answer by now; a slow server gets more time, and a prompt whose answer was not awaited
        may have arrived after the first cancel."""
        self._gave_up.wait(_SECOND_TRY)
        self._client.timeout = self._patient
        if not self.tell(prompt_id):
            log.warning("The server was not told to cancel %s; it may still work on it", prompt_id)

    def abandon(self) -> None:
        """From another thread: give up telling a server that does not answer."""
        self._gave_up.set()
        self._client.abort()

    def close(self) -> None:
        """Close the connection."""
        self._client.close()
