"""Events from a run's socket, and how they update the run's state."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from functools import partial

from comfy.comfyui.protocol import relay
from comfy.comfyui.protocol.events import (
    EditorMessage,
    Event,
    Executing,
    ExecutionError,
    ExecutionInterrupted,
    ExecutionSuccess,
    FeatureFlags,
    Preview,
    Status,
)
from comfy.comfyui.protocol.parse import WarnOnce, parse_message
from comfy.comfyui.protocol.responses import Submitted
from comfy.comfyui.protocol.run_state import Phase, RunState, accepted, advance, concerns
from comfy.runs.latest_state import LatestState
from comfy.runs.reconnect import Reconnect
from comfy.runs.shared import ThreadState

log = logging.getLogger(__name__)

_EARLY_EVENTS, _EARLY_SIZE = 200, 100_000  # most events before the answer, and characters of each
_MOST_IDS = 10_000  # per message: a hostile server could choose a one-letter id


class FrameRelay:
    """Relay that passes a run's ComfyUI frames to its followers.

    The threads that read the run's sockets call it one after the other, and the run's own thread
    calls it at the end. Frames carry the run's own id instead of the server's and are otherwise
    unchanged. The last two, which end the run, wait until its results are here
    (docs/comfyui.md#5).
    """

    def __init__(self, run_id: str, tell: Callable[[str | bytes], None]) -> None:
        """Create a relay that passes frames to `tell`, which must not block."""
        self._run_id = run_id
        self._tell = tell
        self._verdict: str | bytes | None = None
        self._succeeded = False

    def take(self, frame: str | bytes, event: Event | None, state: RunState) -> None:
        """Handle a frame. An unknown frame belongs to this run while it is active, because
        extensions' nodes broadcast frames."""
        match event:
            case None if state.phase is not Phase.RUNNING or state.over:
                return
            case FeatureFlags() | EditorMessage() | Status(sid=str()):
                return  # only meant for this socket, or for the editor
            case ExecutionSuccess() | ExecutionError() | ExecutionInterrupted():
                if event.prompt_id == state.prompt_id:
                    self._verdict = self._with_run_id(frame, state.prompt_id)
                    self._succeeded = isinstance(event, ExecutionSuccess)
                return
            case Executing(None):
                return
        if event is None or concerns(state, event):
            self._tell(self._with_run_id(frame, state.prompt_id))

    def _with_run_id(self, frame: str | bytes, prompt_id: str) -> str | bytes:
        if prompt_id == self._run_id:
            return frame
        if isinstance(frame, str):
            return frame.replace(prompt_id, self._run_id, _MOST_IDS)
        # Replace the id in the JSON before a preview, whose length is fixed: both ids are UUIDs.
        return frame.replace(prompt_id.encode(), self._run_id.encode(), 1)

    def begin_again(self) -> None:
        """Discard the reported end: the run moves to another server."""
        self._verdict = None

    def end(self, state: RunState) -> None:
        """Send the last two messages. If ComfyUI hasn't sent the outcome, because it refused the
        run, the run stopped before its turn, or the server went away, the app sends its own; also
        if the results of a success can't be fetched."""
        is_lost = self._succeeded and state.phase is not Phase.DONE
        said = None if is_lost else self._verdict
        self._tell(said or relay.verdict(self._run_id, state))
        self._tell(relay.over(self._run_id))


class RunEvents:
    """Handler of a run's events.

    The thread that reads the run's stream calls `receive` and `ended`; the run's own thread calls
    `accept` and `wait_for_answer`. Events can arrive before the answer to the prompt, when the
    server's id is unknown. The lock orders the two: an event waits for the answer, or is handled
    after it. Watchers of the state are called under the lock, which they never need.
    """

    def __init__(
        self,
        latest: LatestState,
        shared: ThreadState,
        skipped: WarnOnce,
        relay: FrameRelay,
        *,
        over: Callable[[], None],
        accepted: bool,
    ) -> None:
        """Create the handler. `over` is called when the server has finished the prompt, possibly
        more than once. `accepted`: the server has already answered."""
        self._latest = latest
        self._shared = shared
        self._skipped = skipped
        self._relay = relay
        self._over = over
        self._lock = threading.Lock()
        self._early: list[tuple[str | bytes, Event]] | None = None if accepted else []

    def receive(self, data: str | bytes) -> None:
        """Handle a frame from the socket."""
        event = parse_message(data, self._skipped)
        with self._lock:
            self._relay.take(data, event, self._latest.state)
            if event is None:
                return
            self._shared.heard(time.monotonic())
            if self._early is None:
                self._take(event)
            elif concerns(self._latest.state, event):
                self._latest.update(partial(advance, event=event))
            elif not isinstance(event, Preview) and self._has_room(data):
                self._early.append((data, event))

    def _has_room(self, data: str | bytes) -> bool:
        early = self._early or []
        return len(early) < _EARLY_EVENTS and len(data) <= _EARLY_SIZE

    def ended(self, reason: str, by_itself: bool) -> None:  # noqa: FBT001 - as EventStream calls it
        """Note that the socket closed. `by_itself`: it worked until then."""
        state, now = self._latest.state, time.monotonic()
        log.info("The socket of run %s closed: %s", state.prompt_id, reason)
        self._shared.note(Reconnect.lost, reason, state.phase, now, by_itself=by_itself)
        self._shared.wake()

    def accept(self, answer: Submitted) -> None:
        """Note that the server accepted the prompt, and handle the earlier events, which were about
        this run."""
        with self._lock:
            early, self._early = self._early or [], None
            self._latest.update(partial(accepted, answer=answer))
            for data, event in early:
                self._relay.take(data, event, self._latest.state)
                self._take(event)
            if (self._latest.state.queue_remaining or 0) > 1:
                self._shared.note(Reconnect.queue_changed, time.monotonic())

    def wait_for_answer(self) -> None:
        """Hold back events until the answer, because the prompt will be sent again."""
        with self._lock:
            self._early = []

    def _take(self, event: Event) -> None:
        """Update the state with an event, and wake the run's own thread if it has something to
        do."""
        before = self._latest.state
        if not self._latest.update(partial(advance, event=event)):
            return
        state = self._latest.state
        if isinstance(event, Status):
            # The first status of a socket (it has a sid) is older than our position in the queue.
            if state.phase is Phase.WAITING and event.sid is None:
                self._shared.note(Reconnect.queue_changed, time.monotonic())
                self._shared.wake()
            return
        ended = state.verdict is not before.verdict
        self._shared.progressed(ended=ended)
        if state.over:
            self._over()
        if ended or state.over:
            self._shared.wake()
