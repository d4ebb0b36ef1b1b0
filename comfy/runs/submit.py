"""Submit a prompt to the server exactly once, even if answers get lost."""

from __future__ import annotations

import time
from collections.abc import Callable

from comfy.base.errors import ServerError, ServerUnreachable
from comfy.comfyui.client.client import Client
from comfy.comfyui.protocol.responses import Submitted
from comfy.prompt.animated_previews import animated_previews
from comfy.prompt.model import Prompt
from comfy.runs.sent_key import SentKey
from comfy.runs.timeouts import Timeouts

# A server that fails this often at the same prompt would fail again.
_MOST_POSTS = 5


class Submission:
    """`POST /prompt`, repeated until the server answers.

    After a lost or failed (5xx) answer the server may have the prompt. It is sent again, under the
    same id, only if neither history nor queue has it a moment later.
    """

    def __init__(
        self,
        client: Client,
        client_id: str,
        timing: Timeouts,
        key: SentKey | None = None,
    ) -> None:
        """`key`: the comfy.org API key of a paid run."""
        self._client = client
        self._client_id = client_id
        self._timing = timing
        self._key = key
        self._posts = 0
        self._missed_at: float | None = None

    def attempt(
        self,
        prompt_id: str,
        prompt: Callable[[], Prompt],
        sending: Callable[[str], None],
        *,
        started: bool,
        now: float,
    ) -> Submitted | float:
        """Return the server's answer, or the time of the next attempt.

        `prompt` is called before sending, then `sending` with the prompt id. `started`: the socket
        reported a start. `now`: `time.monotonic` before this attempt, so that only a later check
        counts.

        Raises PromptRejected if the server refuses. After ServerUnreachable and ServerError, the
        server may have the prompt. Exceptions from `prompt` and the API key propagate: nothing was
        sent then.
        """
        if self._missed_at is not None:
            if started or self._arrived(prompt_id):
                return Submitted(prompt_id, 0)
            sure_at = self._missed_at + self._timing.outcome_delay
            if now < sure_at:  # the server may still be processing the request
                return sure_at
        graph = prompt()
        # docs/comfyui.md#3, #62
        extra_data = {"preview_method": "auto"} | animated_previews(graph)
        if self._key is not None and (key := self._key.read()):
            extra_data["api_key_comfy_org"] = key
        self._posts += 1
        sending(prompt_id)
        try:
            return self._client.submit(
                graph,
                client_id=self._client_id,
                prompt_id=prompt_id,
                extra_data=extra_data,
            )
        except (ServerUnreachable, ServerError):
            self._missed_at = time.monotonic()
            raise

    def not_worth_retrying(self, error: ServerUnreachable | ServerError) -> bool:
        """Return whether the next attempt would fail in the same way."""
        return not error.passing or self._posts >= _MOST_POSTS

    def again(self) -> None:
        """Start over: the server went away before the prompt's turn came."""
        self._posts, self._missed_at = 0, None

    def _arrived(self, prompt_id: str) -> bool:
        # Check the queue first: a run that ends between the two requests is in the history by then.
        return prompt_id in self._client.queue() or self._client.history(prompt_id) is not None
