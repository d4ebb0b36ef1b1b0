"""One prompt on its way: one socket, one thread that asks and decides, one way out.

The stream's own thread reads and advances the state; this one opens, submits, waits for something to be due, and
settles. The stream is for the show, history is the truth: the normal end, a drop, silence and a restart are all
answered by `Execution._settle`; what is made of the answers is in `comfy.contact`.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from operator import itemgetter
from typing import TypeVar

from comfy.client import Queue
from comfy.contact import FORGOTTEN, REMOVED, Contact, End
from comfy.errors import ComfyError, PromptRejected, ServerError, ServerUnreachable
from comfy.events import Event, Preview, Status, parse_message
from comfy.farewell import Farewell
from comfy.handover import Handover
from comfy.latest import Latest
from comfy.run_state import (
    Phase,
    RunError,
    RunState,
    accepted,
    advance,
    concluded,
    failed,
    in_line,
    placed,
    refused,
    settled,
    stopped,
    unanswered,
)
from comfy.stream import Stream
from comfy.surroundings import Surroundings
from comfy.workflow import Prompt

__all__ = ["Execution"]

log = logging.getLogger(__name__)

T = TypeVar("T")

_OUR_FAULT = RunError("Something went wrong inside this program.", "Run it again; the log says more.")
_EARLY_EVENTS = 200
_LOOK_PAUSE = 1.0  # seconds: an answer of /queue holds every prompt in it
# How long a busy server may take to answer our close frame: a socket let go earlier may look cut to it.
_GOODBYE, _HURRIED_GOODBYE = 1.0, 0.25


@dataclass(frozen=True, slots=True)
class _Stop:
    reason: RunError | None


def _guarded(task: Callable[[], T]) -> T | None:
    """What a part of a run comes to; None, and a word in the log, where it fails inside this program."""
    try:
        return task()
    except Exception:
        log.exception("A run failed inside this program")
        return None


class Execution:
    """Carries one prompt through. `run` is the whole of it; the other methods may be called from any thread."""

    def __init__(
        self,
        prompt: Prompt,
        latest: Latest,
        around: Surroundings,
        *,
        client_id: str,
        limits: Callable[[], Iterable[tuple[float, RunError]]],
        place: Callable[[], int | None],
        sent: Callable[[str], None],
        arrived: Callable[[], None],
        over: Callable[[], None],
        conclude: Callable[[RunState], RunState],
        resumed: bool = False,
    ) -> None:
        """``limits``: moments (``time.monotonic``) to be stopped at, each with the reason. ``place``: how many runs
        come before, None once it is our turn. Called: ``sent`` with the prompt id before it is sent, ``arrived`` once
        the server has it, ``over`` once it ended there, ``conclude`` with the finished state before anybody hears of
        it. ``resumed``: sent already, in an earlier life of this program."""
        self._timing = timing = around.timing
        self._latest = latest
        self._client, self._farewell = around.client.fork(timeout=timing.call), Farewell(around.client, timing)
        self._skipped = around.skipped
        self._limits = limits
        self._place = place
        self._sent = sent
        self._arrived, self._over = arrived, over
        self._conclude = conclude
        self._client_id, self._landmarks = client_id, around.landmarks
        self._wake = threading.Event()
        self._stop: _Stop | None = None
        self._stream: Stream | None = None
        self._opening: Stream | None = None
        self._contact = Contact(timing)
        self._handover = Handover(self._client, prompt, client_id=client_id, timing=timing, sending=self._on_sending)
        # Whether the server has taken the prompt, and whether it may have it still.
        self._accepted = self._at_server = resumed
        # Of the reading thread, until the prompt id is known: events of a prompt that may be ours.
        self._entry = threading.Lock()
        self._early: list[Event] | None = [] if not resumed else None
        self._verdict_at = 0.0
        self._status_at: float | None = None
        self._looked = float("-inf")
        if resumed:
            self._contact.resumed()

    def run(self) -> None:
        """Everything from the socket's opening to its closing. Never raises; the last thing it does is to publish the
        finished state, when the socket is closed and the server told of a cancel."""
        end = _guarded(self._live) or partial(failed, error=_OUR_FAULT)
        told = _guarded(self._leave)
        final = end(self._latest.state)
        final = _guarded(partial(self._conclude, final)) or final
        self._latest.update(lambda _: final)
        if not told:
            prompt_id = self._latest.state.prompt_id
            _guarded(partial(self._farewell.tell_again, prompt_id, accepted=self._accepted))
        self._farewell.close()

    def stop(self, reason: RunError | None) -> None:
        """Cancel. Returns at once; `run` is at its end within a second."""
        if self._stop is None:
            self._stop = _Stop(reason)
        self._client.abort()
        if (opening := self._opening) is not None:
            opening.abort()
        self._wake.set()

    def abandon(self) -> None:
        """Give up telling a server that does not answer."""
        self._farewell.abandon()

    def wake(self) -> None:
        """Look at the limits again: they have changed."""
        self._wake.set()

    # One life

    def _live(self) -> End:
        try:
            if not self._accepted:
                self._wait_for_turn()
            return self._follow()
        except PromptRejected as error:
            self._at_server = False
            return partial(refused, error=error)
        except ComfyError as error:
            return partial(failed, error=RunError(str(error), error.hint))

    def _wait_for_turn(self) -> None:
        """Wait in line, until it is our turn or the run is stopped."""
        while self._stop is None and (place := self._place()) is not None:
            self._latest.update(partial(in_line, place=place))
            when, why = min(self._limits(), key=itemgetter(0), default=(None, None))
            left = None if when is None else when - time.monotonic()
            if left is not None and left <= 0:
                self._stop = self._stop or _Stop(why)
            elif self._wake.wait(left):
                self._wake.clear()

    def _open(self) -> None:
        """A socket, after an orderly end of the one before."""
        if self._stream is not None:
            self._stream.close()
        stream = Stream(
            self._client,
            self._client_id,
            receive=self._receive,
            ended=self._on_ended,
            ping=self._timing.ping,
        )
        self._opening = self._stream = stream
        if self._stop is not None:
            raise ServerUnreachable("The run was cancelled.")
        self._contact.opening()
        try:
            stream.open()
        except ComfyError as error:
            self._contact.lost(str(error), self._latest.state.phase, by_itself=False)
            raise
        finally:
            self._opening = None

    def _hand_over(self) -> End | None:
        """Open the socket and send the prompt."""
        if self._contact.broken is not None:
            self._open()
        state = self._latest.state
        answer = self._handover.attempt(state.prompt_id, started=state.phase is Phase.RUNNING)
        if isinstance(answer, float):
            self._contact.retry_at = answer
            return None
        self._accepted = True
        self._arrived()
        if self._contact.broken is None:
            self._contact.known()
        if answer.prompt_id != state.prompt_id:  # servers before 0.3.45 choose their own
            self._sent(answer.prompt_id)
        with self._entry:
            early, self._early = self._early or [], None
            self._latest.update(partial(accepted, answer=answer))
            for event in early:
                self._take(event)
            if (self._latest.state.queue_remaining or 0) > 1:
                self._status_at = time.monotonic()
        return None

    def _on_sending(self, prompt_id: str) -> None:
        self._at_server = True
        self._sent(prompt_id)

    def _follow(self) -> End:
        """Do what is due until there is an end."""
        while True:
            due, task = self._next()
            left = due - time.monotonic()
            if left > 0:
                if self._wake.wait(left):
                    self._wake.clear()
                continue
            try:
                end = task()
            except (ServerUnreachable, ServerError) as error:
                end = None if self._stop is not None else self._away(error)
            if end is not None:
                return end

    def _away(self, error: ServerUnreachable | ServerError) -> End | None:
        """No usable answer: be patient, unless it would be the same again."""
        if not self._accepted and self._handover.hopeless(error):
            self._at_server = self._at_server and not (isinstance(error, ServerError) and error.status < 500)
            return partial(failed, error=RunError(str(error), error.hint))
        self._latest.update(unanswered)
        return self._contact.unanswered(error, sent=self._at_server)

    def _next(self) -> tuple[float, Callable[[], End | None]]:
        """The next thing to be done, and when."""
        state = self._latest.state
        if self._stop is not None:
            return 0.0, self._stopped
        contact = self._contact
        if not self._accepted or state.over or contact.broken is not None or contact.away:
            when = contact.retry_at
        elif state.verdict is not None:
            when = self._verdict_at + self._timing.goodbye
        else:
            when = contact.silent_until
        task = self._settle if self._accepted else self._hand_over
        tasks: list[tuple[float, Callable[[], End | None]]] = [(when, task)]
        if self._status_at is not None and state.phase is Phase.WAITING and self._accepted and not contact.away:
            tasks.append((self._status_at if self._alone(state) else self._looked + _LOOK_PAUSE, self._look))
        tasks.extend((when, partial(self._overdue, why)) for when, why in self._limits())
        return min(tasks, key=itemgetter(0))

    # What the reading thread does

    def _receive(self, data: str | bytes) -> None:
        event = parse_message(data, self._skipped)
        if event is None:
            return
        with self._entry:
            self._contact.heard = time.monotonic()
            if self._early is None:
                self._take(event)
            elif getattr(event, "prompt_id", None) in (None, self._latest.state.prompt_id):
                self._latest.update(partial(advance, event=event))
            elif not isinstance(event, Preview) and len(self._early) < _EARLY_EVENTS:
                self._early.append(event)

    def _take(self, event: Event) -> None:
        """Advance, and wake the other thread where it has something to do."""
        before = self._latest.state
        if not self._latest.update(partial(advance, event=event)):
            return
        state = self._latest.state
        if isinstance(event, Status):
            # The first status of a socket (it has a sid) is older than our place in the queue.
            if state.phase is Phase.WAITING and event.sid is None:
                self._status_at = self._contact.heard
                self._wake.set()
            return
        self._contact.progressed()
        if state.verdict is not before.verdict:
            self._verdict_at = self._contact.heard
            self._wake.set()
        if state.over:
            self._over()
            self._wake.set()

    def _on_ended(self, reason: str, by_itself: bool) -> None:
        log.info("The socket of run %s ended: %s", self._latest.state.prompt_id, reason)
        self._contact.lost(reason, self._latest.state.phase, by_itself=by_itself)
        self._wake.set()

    # Things to be done: an End, or None if the run goes on

    def _settle(self) -> End | None:
        """The one answer to every doubt: ask history, then the queue, then open a new socket."""
        self._contact.changed |= self._status_at is not None
        before = self._latest.state
        prompt_id, told = before.prompt_id, (before.over, before.verdict is not None)
        if (entry := self._client.history(prompt_id)) is not None:
            self._at_server = False
            return partial(settled, entry=entry)
        if not all(told):
            queue = self._client.queue()
            if prompt_id in queue.running or prompt_id in queue.pending:
                self._contact.known()
                self._latest.update(partial(placed, queue=queue, still=any(told)))
                self._reopen()
                return None
            # It may have ended between the two questions.
            if (entry := self._client.history(prompt_id)) is not None:
                self._at_server = False
                return partial(settled, entry=entry)
        return self._unknown()

    def _reopen(self) -> None:
        """A new socket, if the old one is at its end or has been silent for long.

        Silence is not proof: a model may be loading. But the server can have lost a socket that looks well
        (COMFYUI#16010), and only an orderly close before the next one of the same client id mends that.
        """
        contact = self._contact
        if contact.broken is None and time.monotonic() < contact.silent_until:
            return
        contact.tried()
        self._open()

    def _unknown(self) -> End | None:
        """The server does not know the prompt."""
        end = self._contact.unknown(self._latest.state)
        if end is None and any(self._client.history(prompt_id) for prompt_id in tuple(self._landmarks)):
            end = partial(stopped, error=REMOVED)  # the server was not restarted
        self._at_server = False
        if end is None:
            log.info("Run %s never began, it is sent again", self._latest.state.prompt_id)
            with self._entry:
                self._early = []
            self._accepted = False
            self._handover.again()
            self._contact.known()
        return end

    def _alone(self, state: RunState) -> bool:
        """Whether the queue is so short that a status tells all: nobody there but us, as it was before."""
        return state.queue_remaining == 0 or (state.queue_remaining == 1 and not state.queue_place)

    def _look(self) -> End | None:
        """After a status while waiting: where in the queue are we?"""
        self._status_at, self._contact.changed = None, True
        state = self._latest.state
        if state.queue_remaining == 0:
            return self._settle()
        queue = Queue((), (state.prompt_id,))
        if not self._alone(state):
            self._looked = time.monotonic()
            queue = self._client.queue()
        if state.prompt_id in queue.running or state.prompt_id in queue.pending:
            self._contact.changed = False
            self._latest.update(partial(placed, queue=queue))
        else:
            return self._settle()
        return None

    def _overdue(self, why: RunError) -> End | None:
        self._stop = self._stop or _Stop(why)
        return None

    def _stopped(self) -> End:
        reason = self._stop.reason if self._stop else None
        if self._latest.state.verdict is not None:  # it was over before anybody could stop it
            self._at_server = False
            return partial(concluded, otherwise=FORGOTTEN)
        return partial(stopped, error=reason)

    # The way out

    def _leave(self) -> bool:
        """Tell the server if the run is not over there, close the socket with 1000. False if it could not be told."""
        prompt_id = self._latest.state.prompt_id
        told = not self._at_server or self._farewell.tell(prompt_id, accepted=self._accepted)
        if self._stream is not None:
            self._stream.close(_HURRIED_GOODBYE if self._stop else _GOODBYE)
        self._client.close()
        return told
