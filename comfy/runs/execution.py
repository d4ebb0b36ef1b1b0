"""One prompt on its way: one socket, one thread that asks and decides, one way out.

The stream is for the show, history is the truth: the normal end, a drop, silence and a restart are
all answered by `Execution._settle`. What is due, and when, is decided in `comfy.runs.plan`; what to
make of the answers, in `comfy.runs.reconnect`.

Threads:

| thread                        | what it does                                | in               |
|-------------------------------|---------------------------------------------|------------------|
| the run's own, one a run      | opens, sends, waits for what is due, settles | `Execution.run`  |
| reading, one a socket         | advances the state; waits for nobody        | `RunEvents`      |
| any: pages, routes, other     | stops, wakes, watches; returns at once      | `Execution.stop`, |
| runs, callbacks of watchers   |                                             | `wake`, `give_up` |

What two of them write is in `ThreadState`, `RunEvents` and `LatestState`, each behind a lock of its
own; with that of the events the two others may be taken, and never the other way round. Every other
field belongs to the run's own thread once `run` has begun.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from comfy.client.event_stream import EventStream
from comfy.errors import ComfyError, PromptRejected, ServerError, ServerUnreachable
from comfy.messages import message
from comfy.prompt.model import Prompt
from comfy.protocol.events import ExecutionError, ExecutionInterrupted, ExecutionSuccess
from comfy.protocol.responses import HistoryEntry, Queue
from comfy.protocol.run_state import (
    Phase,
    RunError,
    concluded,
    failed,
    in_line,
    placed,
    refused,
    settled,
    stopped,
    unanswered,
    uploading,
)
from comfy.records.record import Record
from comfy.runs.cancellation import Cancellation
from comfy.runs.context import RunContext
from comfy.runs.hooks import RunHooks
from comfy.runs.input_files import bound_prompt
from comfy.runs.latest_state import LatestState
from comfy.runs.plan import (
    Action,
    CheckHistory,
    CheckQueue,
    Stop,
    Submit,
    is_alone,
    plan,
    seconds_left,
)
from comfy.runs.reconnect import FORGOTTEN, End, Reconnect
from comfy.runs.run_events import RunEvents
from comfy.runs.shared import ThreadState
from comfy.runs.submission import Submission
from comfy.runs.timeouts import jitter

log = logging.getLogger(__name__)

T = TypeVar("T")

_OUR_FAULT = RunError(
    message("Something went wrong inside this program."),
    message("Try again; the log says more."),
)
# Seconds that a busy server may take to answer our close frame: a socket let go earlier may look
# cut to it.
_GOODBYE, _HURRIED_GOODBYE = 1.0, 0.25
_LAST_WORD = 0.25  # seconds that a cancelled prompt may take to its end at the server


def _guarded(task: Callable[[], T]) -> T | None:
    """What a part of a run comes to; None, and a word in the log, where it fails here."""
    try:
        return task()
    except Exception:
        log.exception("A run failed inside this program")
        return None


class Execution:
    """Carries one prompt through. `run` is the whole of it."""

    def __init__(
        self, record: Record, latest: LatestState, context: RunContext, hooks: RunHooks
    ) -> None:
        """A record that was `sent` goes on where the program was when it ended."""
        timing, now, resumed = context.timing, time.monotonic(), record.sent
        client_id = uuid.uuid5(uuid.UUID(record.id), "client")  # the same one after a restart
        self._run_id = record.id
        self._client_id = str(client_id)
        self._latest, self._context, self._hooks = latest, context, hooks
        self._client = context.client.fork(timeout=timing.call)
        self._cancellation = Cancellation(context.client, timing)
        link = Reconnect.resumed(timing, now) if resumed else Reconnect(timing, now)
        self._shared = ThreadState(link)
        over = partial(context.line.leave, record.id)
        self._events = RunEvents(latest, self._shared, context.skipped, over=over, accepted=resumed)
        self._prompt = partial(
            bound_prompt, record.job, record.id, self._client, context.files, self._check_going
        )
        self._uploads = any(kept.targets for kept in record.job.inputs.values())
        self._submission = Submission(
            self._client, self._bind, self._on_sending, client_id=self._client_id, timing=timing
        )
        self._stream: EventStream | None = None
        self._told: bool | None = None  # whether the server knows of the cancel

    def run(self) -> None:
        """Everything from the socket's opening to its closing. Never raises; the last thing it does
        is to publish the finished state, when the socket is closed and the server told of a cancel.
        """
        end = _guarded(self._live) or partial(failed, error=_OUR_FAULT)
        told = _guarded(self._leave)
        final = end(self._latest.state)
        final = _guarded(partial(self._hooks.conclude, final)) or final
        self._latest.update(lambda _: final)
        if not told:
            prompt_id, accepted = self._latest.state.prompt_id, self._shared.link.accepted
            _guarded(partial(self._cancellation.retry, prompt_id, accepted=accepted))

    def stop(self, reason: RunError | None) -> None:
        """Cancel. Returns at once; `run` is at its end within a second."""
        self._shared.stop(Stop(reason))
        self._client.abort()

    def give_up(self) -> None:
        """Give up telling a server that does not answer."""
        self._cancellation.give_up()

    def wake(self) -> None:
        """Look at the limits and at the place in line again: they may have changed."""
        self._shared.wake()

    def _live(self) -> End:
        try:
            if not self._shared.link.accepted:
                self._wait_for_turn()
            return self._follow()
        except PromptRejected as error:
            self._shared.note(Reconnect.gone)
            return partial(refused, error=error)
        except ComfyError as error:
            return partial(failed, error=RunError(str(error), error.hint))

    def _wait_for_turn(self) -> None:
        """Wait in line, until it is our turn or the run is stopped."""
        while self._shared.stopping is None:
            place = self._context.line.place(self._run_id)
            if place is None:
                self._hooks.on_server_chosen(self._client.address.url)
                return
            self._latest.update(partial(in_line, place=place))
            self._shared.sleep(self._seconds_left())

    def _seconds_left(self) -> float:
        """Until the run has to be stopped, which it is where that is over."""
        left, why = seconds_left(self._hooks.limits(), time.monotonic())
        if why is not None:
            self._shared.stop(Stop(why))
        return left

    def _follow(self) -> End:
        """Do what is due until there is an end."""
        while True:
            shared = self._shared
            due, action = plan(
                self._latest.state, shared.link, self._hooks.limits(), shared.stopping
            )
            left = due - time.monotonic()
            if left > 0:
                shared.sleep(left)
                continue
            try:
                end = self._carry_out(action)
            except (ServerUnreachable, ServerError) as error:
                end = None if shared.stopping is not None else self._away(error)
            if end is not None:
                return end

    def _carry_out(self, action: Action) -> End | None:
        """An end, or None if the run goes on."""
        match action:
            case Submit():
                return self._submit()
            case CheckHistory():
                return self._settle()
            case CheckQueue():
                return self._look()
            case Stop():
                return self._end_early(action)

    def _away(self, error: ServerUnreachable | ServerError) -> End | None:
        """No usable answer: be patient, unless it would be the same again."""
        shared, now = self._shared, time.monotonic()
        if not shared.link.accepted and self._submission.not_worth_retrying(error):
            if isinstance(error, ServerError) and error.status < 500:
                shared.note(Reconnect.gone)
            return partial(failed, error=RunError(str(error), error.hint))
        self._latest.update(unanswered)
        shared.note(Reconnect.unanswered, error, now, jitter())
        return shared.link.given_up(error, now)

    # Sending the prompt

    def _submit(self) -> End | None:
        if self._shared.link.broken is not None:
            self._open()
        state, asked_at = self._latest.state, time.monotonic()
        started = state.phase is Phase.RUNNING
        answer = self._submission.attempt(state.prompt_id, started=started, now=asked_at)
        if isinstance(answer, float):
            self._shared.note(Reconnect.wait_until, answer)
            return None
        self._context.line.mark_accepted(self._run_id)
        self._shared.note(Reconnect.confirmed, asked_at)
        if answer.prompt_id != state.prompt_id:  # servers before 0.3.45 choose their own
            self._hooks.on_sending(answer.prompt_id)
        self._events.accept(answer)
        return None

    def _bind(self) -> Prompt:
        """The prompt for this server, once it has the files."""
        if not self._uploads:
            return self._prompt()
        self._latest.update(partial(uploading, now=True))
        try:
            return self._prompt()
        finally:
            self._latest.update(partial(uploading, now=False))

    def _check_going(self) -> None:
        """ServerUnreachable if the run is to end, as where its connections were cut for that."""
        self._seconds_left()
        if self._shared.stopping is not None:
            raise ServerUnreachable(message("The run was cancelled."))

    def _on_sending(self, prompt_id: str) -> None:
        self._shared.note(Reconnect.sending)
        self._hooks.on_sending(prompt_id)

    def _open(self) -> None:
        """A socket, after an orderly end of the one before."""
        if self._stream is not None:
            self._stream.close()
        self._stream = stream = EventStream(
            self._client,
            self._client_id,
            receive=self._events.receive,
            ended=self._events.ended,
            ping=self._context.timing.ping,
        )
        shared = self._shared
        try:
            if not shared.opening(stream):
                raise ServerUnreachable(message("The run was cancelled."))
            shared.note(Reconnect.opening, time.monotonic())
            stream.open()
        except ComfyError as error:
            phase, now = self._latest.state.phase, time.monotonic()
            shared.note(Reconnect.lost, str(error), phase, now, by_itself=False)
            raise
        finally:
            shared.opening(None)

    # Doubt

    def _settle(self) -> End | None:
        before, asked_at = self._latest.state, time.monotonic()
        prompt_id, told = before.prompt_id, (before.over, before.verdict is not None)
        if (end := self._recorded(prompt_id)) is not None:
            return end
        if not all(told):
            queue = self._client.queue()
            if prompt_id in queue:
                self._shared.note(Reconnect.confirmed, asked_at)
                self._latest.update(partial(placed, queue=queue, still=any(told)))
                self._reopen()
                return None
            # It may have ended between the two questions.
            if (end := self._recorded(prompt_id)) is not None:
                return end
        return self._unknown()

    def _recorded(self, prompt_id: str) -> End | None:
        """The end that the server's history has."""
        entry = self._client.history(prompt_id)
        if entry is None:
            return None
        self._shared.note(Reconnect.gone)
        return partial(settled, entry=entry)

    def _reopen(self) -> None:
        """A new socket, if the old one is at its end or has been silent for long.

        Silence is not proof: a model may be loading. But the server can have lost a socket that
        looks well (docs/comfyui.md#9), and only an orderly close before the next one of the same
        client id mends that.
        """
        link, now = self._shared.link, time.monotonic()
        if link.broken is None and now < link.silent_until:
            return
        self._shared.note(Reconnect.put_off, now, jitter())
        self._open()

    def _unknown(self) -> End | None:
        """The server does not know the prompt."""
        link, state = self._shared.link, self._latest.state
        end = link.unknown(state)
        if end is None:  # only then it matters, and is asked
            ended = self._context.ended.ids()
            remembers = any(self._client.history(prompt_id) for prompt_id in ended)
            end = link.unknown(state, remembers=remembers)
        if end is not None:
            self._shared.note(Reconnect.gone)
            return end
        log.info("Run %s never began, it is sent again", self._latest.state.prompt_id)
        self._events.wait_for_answer()
        self._submission.again()
        self._shared.note(Reconnect.sent_again)
        return None

    def _look(self) -> End | None:
        state, asked_at = self._latest.state, time.monotonic()
        if state.queue_remaining == 0:
            return self._settle()
        queue = Queue((), (state.prompt_id,))
        if not is_alone(state):
            self._shared.note(Reconnect.looking, asked_at)
            queue = self._client.queue()
        if state.prompt_id not in queue:
            return self._settle()
        self._shared.note(Reconnect.looked, asked_at)
        self._latest.update(partial(placed, queue=queue))
        return None

    # The way out

    def _end_early(self, stop: Stop) -> End:
        """Cancel the prompt, unless it is over before anybody can stop it: then that counts."""
        self._shared.stop(stop)
        is_over = self._latest.state.verdict is not None
        if not is_over and self._shared.link.at_server and self._tell():
            entry = self._last_word()
            if entry is not None and not isinstance(entry.verdict, ExecutionInterrupted):
                self._shared.note(Reconnect.gone)
                return partial(settled, entry=entry)
            is_over = isinstance(self._latest.state.verdict, ExecutionSuccess | ExecutionError)
        if is_over:
            self._shared.note(Reconnect.gone)
            return partial(concluded, otherwise=FORGOTTEN)
        return partial(stopped, error=stop.reason)

    def _last_word(self) -> HistoryEntry | None:
        """What the server remembers of a prompt that was just cancelled: its last node is not
        stopped any more, and it may have ended before the cancel came."""
        end = time.monotonic() + _LAST_WORD
        while (left := end - time.monotonic()) > 0 and self._is_heard_of():
            self._shared.sleep(left)
        return self._cancellation.outcome(self._latest.state.prompt_id)

    def _is_heard_of(self) -> bool:
        state = self._latest.state
        return state.phase is Phase.RUNNING and not state.over and self._shared.link.broken is None

    def _tell(self) -> bool:
        """Tell the server, once, that nobody waits for the prompt; whether that was enough."""
        if self._told is None:
            prompt_id, accepted = self._latest.state.prompt_id, self._shared.link.accepted
            self._told = self._cancellation.tell(prompt_id, accepted=accepted)
        return self._told

    def _leave(self) -> bool:
        """Tell the server if the run is not over there, close the socket with 1000. False if it
        could not be told."""
        told = not self._shared.link.at_server or self._tell()
        if self._stream is not None:
            self._stream.close(_HURRIED_GOODBYE if self._shared.stopping else _GOODBYE)
        return told
