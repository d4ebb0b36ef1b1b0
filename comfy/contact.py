"""What is known of the way to the server during one run, and what to make of a run that the server does not know.

| what is seen | what is done |
|---|---|
| no usable answer: refused, timed out, cut, 5xx | ask again, each time later, until the patience ends; before the prompt was sent the run failed then, afterwards it is lost |
| the answer to the prompt is lost | look for it in history and queue, and a moment later again; sent once more, under the same id, only if it is in neither |
| the socket ends, or is silent for too long | ask history, then the queue, then open it again with the same client id, the old one closed first |
| in neither, after the socket told of a change in the queue and of no start | somebody removed it: stopped |
| in neither, and the socket said that it waits until it ended by itself | the server went away before the run began: sent again |
| in neither otherwise | it may have run, so it is not run twice: lost |

No sockets here.
"""  # noqa: E501 - a table

from __future__ import annotations

import time
from collections.abc import Callable

from comfy.errors import ComfyError, ServerUnreachable
from comfy.run_state import Phase, RunError, RunState, concluded, failed, stopped
from comfy.timing import Timing

__all__ = ["FORGOTTEN", "REMOVED", "Contact", "End"]

End = Callable[[RunState], RunState]

REMOVED = RunError("The run was taken out of the server's queue by somebody else.", "Run it again.")
RESTARTED = RunError("The server was restarted and has forgotten this run.", "Run it again.")
FORGOTTEN = RunError("The server no longer knows this run, nor its result.", "Run it again.")


class Contact:
    """The state of the way. ``heard`` and `lost` are the reading thread's, everything else the run's own."""

    def __init__(self, timing: Timing) -> None:
        self._timing = timing
        self.heard = time.monotonic()
        self.broken: str | None = "not opened yet"
        self.retry_at = 0.0
        self._attempts = 0
        self._away_since: float | None = None
        self._dropped = False
        self._waited_to_the_end = False
        # The queue has changed since our prompt was seen there. A socket that the server forgot does not tell that.
        self.changed = False

    @property
    def away(self) -> bool:
        """Whether the last question had no usable answer."""
        return self._away_since is not None

    @property
    def silent_until(self) -> float:
        """How long the silence of the socket is borne (``time.monotonic``)."""
        return self.heard + self._timing.silence_after(self._attempts)

    def opening(self) -> None:
        """There will be a socket, and its reading thread may be the first to know better."""
        self.broken, self.heard = None, time.monotonic()

    def resumed(self) -> None:
        """The run was sent in an earlier life of this program: there was a socket, and nobody knows what it said."""
        self.broken, self._dropped = "an earlier life", True

    def progressed(self) -> None:
        """The socket told something new of our run."""
        self._attempts = 0

    def lost(self, reason: str, phase: Phase, *, by_itself: bool) -> None:
        """The socket is at its end. ``by_itself``: so far it was well, and would have told of a start."""
        moment = time.monotonic() - self._timing.goodbye
        in_touch = self._away_since is None or self._away_since > moment
        self.broken, self._dropped = reason, True
        self._waited_to_the_end = by_itself and in_touch and phase is Phase.WAITING

    def tried(self) -> None:
        """Something was tried that is not to be tried again at once."""
        self._attempts += 1
        self.retry_at = time.monotonic() + self._timing.pause_after(self._attempts)

    def known(self) -> None:
        """The server has told that it has our prompt: whatever went before, it was not restarted."""
        self._away_since, self._dropped, self._waited_to_the_end, self.changed = None, False, False, False

    def unanswered(self, error: ComfyError, *, sent: bool) -> End | None:
        """No usable answer: None to ask again at ``retry_at``, and the end once patience is."""
        now = time.monotonic()
        self._away_since = now if self._away_since is None else self._away_since
        self._dropped = self._dropped or isinstance(error, ServerUnreachable)
        if now - self._away_since < self._timing.patience:
            self.tried()
            return None
        if not sent:
            return lambda state: failed(state, RunError(str(error), error.hint))
        why = f"The server has not answered for {self._timing.patience:g} seconds, so the run was given up."
        return lambda state: concluded(state, RunError(why, error.hint, detail=str(error)))

    def unknown(self, state: RunState) -> End | None:
        """The server has the prompt neither in its history nor in its queue, and both live in its memory: how the run
        ended, or None if it never began and is to be sent again."""
        if state.verdict is None and state.phase is Phase.WAITING:
            if self.changed and not self._dropped:
                return lambda state: stopped(state, REMOVED)
            if self._waited_to_the_end:
                return None
        return lambda state: concluded(state, RESTARTED if self._dropped else FORGOTTEN)
