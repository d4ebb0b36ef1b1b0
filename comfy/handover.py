"""Bringing a prompt to the server, once, though answers get lost."""

from __future__ import annotations

import time
from collections.abc import Callable

from comfy.client import Client, Submitted
from comfy.errors import ServerError, ServerUnreachable
from comfy.timing import Timing
from comfy.workflow import Prompt

__all__ = ["Handover"]

# A server that fails at the same prompt so often would do so again.
_MOST_POSTS = 5


class Handover:
    """``POST /prompt`` until it is answered. After an answer that was lost, or was no answer (5xx), the prompt may be
    there: it is sent once more, under the same id, only when neither history nor queue has it a moment later."""

    def __init__(
        self, client: Client, prompt: Prompt, *, client_id: str, timing: Timing, sending: Callable[[str], None]
    ) -> None:
        """``sending`` is called with the prompt id each time before it is sent."""
        self._client = client
        self._prompt = prompt
        self._client_id = client_id
        self._timing = timing
        self._sending = sending
        self._posts = 0
        self._missed_at: float | None = None

    def attempt(self, prompt_id: str, *, started: bool) -> Submitted | float:
        """The server's answer, or when (``time.monotonic``) to attempt it again. ``started``: the socket told so.

        PromptRejected if it is refused; ServerUnreachable and ServerError leave it open whether it was taken.
        """
        if self._missed_at is not None:
            if started or self._arrived(prompt_id):
                return Submitted(prompt_id, 0)
            sure_at = self._missed_at + self._timing.goodbye
            if time.monotonic() < sure_at:  # it may still be on its way through the server
                return sure_at
        self._posts += 1
        self._sending(prompt_id)
        try:
            return self._client.submit(
                self._prompt,
                client_id=self._client_id,
                prompt_id=prompt_id,
                extra_data={"preview_method": "auto"},
            )
        except (ServerUnreachable, ServerError):
            self._missed_at = time.monotonic()
            raise

    def hopeless(self, error: ServerUnreachable | ServerError) -> bool:
        """Whether the next attempt would end as this one did."""
        return not error.passing or self._posts >= _MOST_POSTS

    def again(self) -> None:
        """From the beginning: the server went away before the prompt's turn came."""
        self._posts, self._missed_at = 0, None

    def _arrived(self, prompt_id: str) -> bool:
        if self._client.history(prompt_id) is not None:
            return True
        queue = self._client.queue()
        return prompt_id in queue.running or prompt_id in queue.pending
