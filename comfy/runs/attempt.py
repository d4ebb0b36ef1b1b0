"""One prompt on one server: one socket, one thread that queries and decides, one exit.

The prompt is submitted exactly once, even if answers get lost (`Submission`), and canceled at once
or, on a slow server, later (`Cancellation`). `SentKey` removes a paid run's API key from everything
that comes back.

The server's history is authoritative; the stream is only for display. `Attempt._settle` handles the
normal end, a lost connection, silence and a restart. `comfy.runs.plan` decides the next action and
its time; `comfy.runs.reconnect` decides what the answers mean.
"""

from __future__ import annotations

import contextlib
import json
import logging
import threading
import time
import uuid
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

from comfy.base.errors import ComfyError, ServerError, ServerUnreachable
from comfy.base.threads import Callbacks
from comfy.base.user_groups import no_groups
from comfy.comfyui.client.client import Client
from comfy.comfyui.client.event_stream import EventStream
from comfy.comfyui.protocol.events import ExecutionError, ExecutionInterrupted, ExecutionSuccess
from comfy.comfyui.protocol.responses import HistoryEntry, Queue, Submitted
from comfy.comfyui.protocol.run_state import (
    Phase,
    RunError,
    RunState,
    concluded,
    failed,
    placed,
    settled,
    stopped,
    unanswered,
    uploading,
)
from comfy.comfyui.servers.needs import Needs
from comfy.comfyui.servers.pool import ServerPool
from comfy.comfyui.servers.server import ComfyServer
from comfy.prompt.animated_previews import animated_previews
from comfy.prompt.model import Prompt
from comfy.records.record import Record
from comfy.runs.input_files import bound_prompt
from comfy.runs.interface import Timeouts, jitter
from comfy.runs.latest_state import LatestState, told_if_other
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
from comfy.runs.reconnect import FORGOTTEN, Elsewhere, End, Reconnect
from comfy.runs.run_events import FrameRelay, RunEvents
from comfy.runs.shared import ThreadState

if TYPE_CHECKING:
    from comfy.records.blobs import BlobStore

ApiKey = Callable[[str], str | None]
log = logging.getLogger(__name__)
_SECOND_TRY = 0.5
# Pauses before further cancels: a prompt that was sent without waiting for the answer may arrive
# after the first cancel.
_LATER_TRIES = (1.5, 3.0)
# A server that fails this often at the same prompt would fail again.
_MOST_POSTS = 5
_WRITTEN = ("extra_pnginfo", "workflow_metadata")
_CANCEL_WAIT = 0.25  # seconds for a canceled prompt to end on the server
# Seconds for a busy server to answer our close frame. To the server, a socket that closes earlier
# may look cut off.
_CLOSE_WAIT, _SHORT_CLOSE_WAIT = 1.0, 0.25


def no_key(_owner: str) -> None:
    """Return the comfy.org API key of an app without keys."""


class WaitingLine(Protocol):
    """The queue as a run uses it; see `comfy.runs.line.fair_queue.FairQueue`."""

    def join(
        self,
        run_id: str,
        owner: str,
        moved: Callable[[], None],
        *,
        address: str = "",
        handed: ComfyServer | None = None,
        candidates: Callable[[], Sequence[ComfyServer]] | None = None,
    ) -> None:
        """Add a run."""

    def place(self, run_id: str) -> int | None:
        """Return the number of runs before this one; None once a server has it."""

    def server_of(self, run_id: str) -> ComfyServer | None:
        """Return the server that has the run; None while the run waits here."""

    def mark_accepted(self, run_id: str) -> None:
        """Note that the server has accepted the run."""

    def give_back(self, run_id: str) -> None:
        """Put a run back at the front, because its server didn't run it or has lost its results."""

    def release(self, run_id: str) -> None:
        """Remove a run in any state, so that others stop waiting for it."""

    def leave(self, run_id: str) -> None:
        """Remove a run that has ended, in any state."""


class RunRecords(Protocol):
    """The history as a run uses it; see `comfy.records.store.RunStore`."""

    def sent(self, record: Record, prompt_id: str) -> None:
        """Record that a run is being sent to its server, with this id there."""

    def end(self, record: Record) -> None:
        """Record a finished run."""


@dataclass(frozen=True, slots=True)
class RunContext:
    """The servers, their timeouts, and the queue. `files`: the store of input files and results.
    `retries`: a run starts again if its server goes away
    after it began, unless it is paid. `frames`: see `RunRegistry.follow`.
    `api_key`: returns the comfy.org API key for an owner's paid runs, None without one. A
    key is read just before a prompt is sent, and nothing stores it. `servers_of`: returns the
    names of the servers that an owner's runs may use, None for all."""

    servers: ServerPool
    timing: Timeouts
    line: WaitingLine
    files: BlobStore
    history: RunRecords
    retries: bool = True
    api_key: ApiKey = no_key
    frames: Callbacks[[str, str, str | bytes]] = field(default_factory=Callbacks)
    servers_of: Callable[[str], Collection[str] | None] = no_groups


@dataclass(frozen=True, slots=True)
class RunParts:
    """State shared by all attempts of one run: its start, needs, state and frames."""

    record: Record
    needs: Needs
    latest: LatestState
    shared: ThreadState
    relay: FrameRelay
    context: RunContext


class RunHooks(Protocol):
    """Callbacks in the run's own thread. None of them may wait for another run."""

    def limits(self) -> Iterable[tuple[float, RunError]]:
        """Return the times (`time.monotonic`) at which the run must stop, each with the reason."""

    def on_server_chosen(self, server: ComfyServer) -> None:
        """Note that the run's turn has come, on this server."""

    def on_sending(self, prompt_id: str) -> None:
        """Note that the prompt is about to be sent, or that the server gave it another id."""

    def conclude(
        self, state: RunState, may_begin_elsewhere: Callable[[], bool]
    ) -> RunState | Elsewhere:
        """Finish the run and publish the returned state. Return Elsewhere if it may start again on
        another server."""


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

    def may_have_begun(self, prompt_id: str) -> bool:
        """Return False if the canceled prompt certainly never ran."""
        try:  # first the queue: a prompt that ends in between is in the history by then
            return prompt_id in self._client.queue() or self._client.history(prompt_id) is not None
        except ComfyError:
            return True

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


class SentKey:
    """API key that a run is sent with. A node may repeat it in an error or a text, which users and
    backups must not get."""

    def __init__(self, read: Callable[[], str | None]) -> None:
        """`read`: returns the current key, None without one."""
        self._read = read
        self._texts: tuple[str, ...] = ()
        self._bytes: tuple[bytes, ...] = ()

    def read(self) -> str | None:
        """Return the key to send, and hide it from now on."""
        key = self._read()
        if key and key not in self._texts:
            # Also as JSON has it.
            self._texts = (*self._texts, key, json.dumps(key)[1:-1])
            self._bytes = tuple(text.encode() for text in self._texts)
        return key

    def hide_in_text(self, data: str) -> str:
        """Return a text from the server with "..." in place of the key."""
        for key in self._texts:
            data = data.replace(key, "...")
        return data

    def hide_in_bytes(self, data: bytes) -> bytes:
        """Return the server's data with dots in place of the key. The length stays, because binary
        frames tell where their image begins."""
        for key in self._bytes:
            data = data.replace(key, b"." * len(key))
        return data

    def hide_in_frame(self, frame: str | bytes) -> str | bytes:
        """Return a frame of the run's socket without the key."""
        return self.hide_in_text(frame) if isinstance(frame, str) else self.hide_in_bytes(frame)


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
        extra_data: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        """`key`: the comfy.org API key of a paid run. `extra_data`: see `Job`. Only the part that
        ComfyUI writes into results is sent."""
        self._client = client
        self._client_id = client_id
        self._timing = timing
        self._key = key
        self._written = {key: extra_data[key] for key in _WRITTEN if key in extra_data}
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
        extra_data = {"preview_method": "auto"} | animated_previews(graph) | self._written
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


class Attempt:
    """One run on one server. The run's own thread calls `follow` and then `leave`."""

    def __init__(
        self,
        parts: RunParts,
        server: ComfyServer,
        hooks: RunHooks,
        *,
        may_move: bool,
        may_retry: bool,
    ) -> None:
        """Prepare an attempt. `may_move`: it may leave a server that goes away; `may_retry`: also
        after the prompt began there."""
        record, latest, shared, context = parts.record, parts.latest, parts.shared, parts.context
        timing = context.timing
        # Stays the same after a restart. Depends on the time, because another app may have a run
        # with this id.
        client_id = uuid.uuid5(uuid.UUID(record.id), f"client {record.submitted_at}")
        self.server = server
        self._run_id = record.id
        self._client_id = str(client_id)
        self._needs, self._may_move, self._may_retry = parts.needs, may_move, may_retry
        self._latest, self._shared, self._context, self._hooks = latest, shared, context, hooks
        self._key: SentKey | None = None
        client = server.client
        if record.job.paid:
            self._key = SentKey(partial(context.api_key, record.owner))
            client = client.fork(cleaned=self._key.hide_in_bytes)
        self._client = client.fork(timeout=timing.call)
        self._cancellation = Cancellation(client, timing)
        over = partial(context.line.release, record.id)
        accepted = shared.link.accepted
        self._events = RunEvents(
            latest, shared, server.skipped, parts.relay, over=over, accepted=accepted
        )
        self._job = record.job
        self._uploads = any(kept.targets for kept in record.job.inputs.values())
        self._submission = Submission(
            self._client, self._client_id, timing, self._key, record.job.extra_data
        )
        self._stream: EventStream | None = None
        self._sent_at = float("inf")  # when the prompt was sent
        # True if the server has accepted the cancel; None before it was sent.
        self._told: bool | None = None

    def follow(self) -> End | Elsewhere:
        """Do the next action until the run ends here. Raises ComfyError if the prompt can't be
        sent."""
        if self._key and self._shared.link.at_server:  # an earlier process has sent it
            with contextlib.suppress(ComfyError):
                self._key.read()
        with contextlib.ExitStack() as left:
            left.callback(self.server.began.add(self._overtaken))
            began = told_if_other(lambda: self._latest.state.phase, self._tell_of_start)
            left.callback(self._latest.subscribe(began))
            return self._follow()

    def _follow(self) -> End | Elsewhere:
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

    def may_begin_elsewhere(self) -> bool:
        """Return whether the prompt, which is done here, may run again on another server because
        this one is away."""
        if self._shared.stopping is not None or self.server.up:
            return False
        return self._may_retry and self._has_other()

    def leave(self) -> bool:
        """Cancel the prompt on the server if it isn't over there, and close the socket with code
        1000. Return False if the server couldn't be reached."""
        reached = not self._is_ours_at_server or self._tell()
        self._close()
        return reached

    def leave_behind(self) -> None:
        """Close the socket, and have the prompt canceled when the server answers again."""
        self._close()
        if self._is_ours_at_server:
            self.server.leave_behind(self._latest.state.prompt_id)

    def tell_later(self) -> None:
        """Retry a cancel that the server didn't receive at once."""
        self._cancellation.retry(self._latest.state.prompt_id, accepted=self._shared.link.accepted)

    def abort(self) -> None:
        """Abort the pending request, because the run must stop. Thread-safe."""
        self._client.abort()

    def give_up(self) -> None:
        """Stop retrying to cancel on a server that doesn't answer. Thread-safe."""
        self._cancellation.give_up()

    def _carry_out(self, action: Action) -> End | Elsewhere | None:
        """Perform an action; return the end, or None if the run continues."""
        match action:
            case Submit():
                self._submit()
                return None
            case CheckHistory():
                return self._settle()
            case CheckQueue():
                return self._look()
            case Stop():
                return self._end_early(action)

    def _tell_of_start(self) -> None:
        if self._latest.state.phase is Phase.RUNNING:
            self.server.began.call(self._run_id)

    def _overtaken(self, run_id: str) -> None:
        """Query the history soon if this run seems to run while another starts on the server."""
        state = self._latest.state
        if run_id != self._run_id and state.phase is Phase.RUNNING and not state.over:
            self._shared.note(Reconnect.overtaken, time.monotonic())
            self._shared.wake()

    def _away(self, error: ServerUnreachable | ServerError) -> End | Elsewhere | None:
        """Handle a missing or unusable answer: move to another server if there is one, otherwise
        wait, unless a retry would fail in the same way."""
        shared, now = self._shared, time.monotonic()
        hopeless = not shared.link.accepted and self._submission.not_worth_retrying(error)
        if not hopeless:
            self._latest.update(unanswered)
            shared.note(Reconnect.unanswered, error, now, jitter())
        state, link = self._latest.state, shared.link
        if (crash := self._crash()) is not None:
            return crash
        if hopeless or link.gives_way(now):
            began = link.may_have_begun(state)
            if (self._may_retry or not began) and self._has_other():
                return Elsewhere(began)
        if hopeless:
            if isinstance(error, ServerError) and error.status < 500:
                shared.note(Reconnect.gone)
            return partial(failed, error=RunError(str(error), error.hint))
        return None if self.server.starting else link.given_up(error, now)

    def _crash(self) -> End | None:
        """Return the end of a run whose ComfyUI, started by this app, has ended since the run
        began there. It isn't repeated, because it may be the reason."""
        why = self.server.process_end_since(self._sent_at)
        if why is None or not self._shared.link.may_have_begun(self._latest.state):
            return None
        self._shared.note(Reconnect.gone)
        return partial(concluded, otherwise=why)

    def _has_other(self) -> bool:
        return self._may_move and self._context.servers.has_other(self.server, self._needs)

    @property
    def _may_return(self) -> bool:
        """Return whether the run may start again on this server. After a restart of the app, it
        may already have done so."""
        return self._may_move and not self._shared.link.is_resumed

    # Sending the prompt

    def _submit(self) -> None:
        if self._shared.link.broken is not None:
            self._open()
        state, asked_at = self._latest.state, time.monotonic()
        started = state.phase is Phase.RUNNING
        answer = self._submission.attempt(
            state.prompt_id, self._bind, self._on_sending, started=started, now=asked_at
        )
        if isinstance(answer, float):
            self._shared.note(Reconnect.wait_until, answer)
            return
        self.server.took(self._needs, answer.prompt_id)
        self._context.line.mark_accepted(self._run_id)
        self._shared.note(Reconnect.confirmed, asked_at)
        if answer.prompt_id != state.prompt_id:  # servers before 0.3.45 choose their own
            self._hooks.on_sending(answer.prompt_id)
        self._events.accept(answer)

    def _bind(self) -> Prompt:
        """Return the prompt for this server, after uploading its files."""
        if not self._uploads:
            return self._bound_prompt()
        self._latest.update(partial(uploading, now=True))
        try:
            return self._bound_prompt()
        finally:
            self._latest.update(partial(uploading, now=False))

    def _bound_prompt(self) -> Prompt:
        return bound_prompt(
            self._job,
            self._run_id,
            self._client,
            self._context.files,
            self._check_going,
            self.server.uploading,
        )

    def _check_going(self) -> None:
        """Raise ServerUnreachable if the run must stop, the same error as for its aborted
        connections."""
        stop_where_due(self._hooks, self._shared)
        if self._shared.stopping is not None:
            raise ServerUnreachable("The run was canceled.")

    def _on_sending(self, prompt_id: str) -> None:
        self._sent_at = time.monotonic()
        self._shared.note(Reconnect.sending)
        self._hooks.on_sending(prompt_id)

    def _open(self) -> None:
        """Open a socket, after closing the previous one properly."""
        if self._stream is not None:
            self._stream.close()
        self._stream = stream = EventStream(
            self._client,
            self._client_id,
            receive=self._receiver(),
            ended=self._events.ended,
            ping=self._context.timing.ping,
        )
        shared = self._shared
        try:
            if not shared.opening(stream):
                raise ServerUnreachable("The run was canceled.")
            shared.note(Reconnect.opening, time.monotonic())
            stream.open()
        except ComfyError as error:
            phase, now = self._latest.state.phase, time.monotonic()
            shared.note(Reconnect.lost, str(error), phase, now, by_itself=False)
            raise
        finally:
            shared.opening(None)

    def _receiver(self) -> Callable[[str | bytes], None]:
        """Return what the stream calls with each frame. It doesn't refer to the attempt, which
        holds the stream: a finished run is freed at once."""
        key, receive = self._key, self._events.receive
        return (lambda frame: receive(key.hide_in_frame(frame))) if key else receive

    # Querying the outcome

    def _settle(self) -> End | Elsewhere | None:
        before, asked_at = self._latest.state, time.monotonic()
        prompt_id, reports = before.prompt_id, (before.over, before.verdict is not None)
        if (end := self._recorded(prompt_id)) is not None:
            return end
        if not all(reports):
            queue = self._client.queue()
            if prompt_id in queue:
                self._shared.note(Reconnect.confirmed, asked_at)
                self._latest.update(partial(placed, queue=queue, still=any(reports)))
                self._reopen()
                return None
            # The prompt may have ended between the two queries.
            if (end := self._recorded(prompt_id)) is not None:
                return end
        return self._unknown()

    def _recorded(self, prompt_id: str) -> End | None:
        """Return the prompt's end in the server's history, or None."""
        entry = self._client.history(prompt_id)
        if entry is None:
            return None
        self._shared.note(Reconnect.gone)
        return partial(settled, entry=entry)

    def _reopen(self) -> None:
        """Open a new socket if the old one has closed or has been silent for long.

        Silence alone isn't proof: a model may be loading. But the server may have lost a socket
        that looks fine (docs/comfyui.md#9), and only an orderly close before the next one with the
        same client id fixes that.
        """
        link, now = self._shared.link, time.monotonic()
        if link.broken is None and now < link.silent_until:
            return
        self._shared.note(Reconnect.put_off, now, jitter())
        self._open()

    def _unknown(self) -> End | Elsewhere | None:
        """Handle a prompt that the server doesn't know: end it, start the run again, or prepare to
        send the prompt again."""
        if (crash := self._crash()) is not None:
            return crash
        link, state = self._shared.link, self._latest.state
        end = link.unknown(state, self._remembers)
        if end is not None:
            self._shared.note(Reconnect.gone)
            may_retry = self._may_retry and (self._has_other() or self._may_return)
            if may_retry and link.was_restarted(end(state), self._remembers):
                return Elsewhere(began=True, returned=True)
            return end
        extra = {"run": self._run_id}
        log.info("Run %s never started; sending it again", self._run_id, extra=extra)
        self._events.wait_for_answer()
        self._submission.again()
        self._shared.note(Reconnect.sent_again)
        return None

    def _remembers(self) -> bool:
        """Return whether the server still knows a prompt that ended there earlier."""
        return any(self._client.history(prompt_id) for prompt_id in self.server.ended.ids())

    def _look(self) -> End | Elsewhere | None:
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

    # Ending a run early

    def _end_early(self, stop: Stop) -> End:
        """Cancel the prompt. If it ends first, that end counts."""
        self._shared.stop(stop)
        is_over = self._latest.state.verdict is not None
        if not is_over and self._is_ours_at_server and self._tell():
            entry = self._outcome_after_cancel()
            if entry is not None and not isinstance(entry.verdict, ExecutionInterrupted):
                self._shared.note(Reconnect.gone)
                return partial(settled, entry=entry)
            is_over = isinstance(self._latest.state.verdict, ExecutionSuccess | ExecutionError)
        if is_over:
            self._shared.note(Reconnect.gone)
            return partial(concluded, otherwise=FORGOTTEN)
        state = self._latest.state
        is_unsure = self._key and state.phase is Phase.WAITING and self._is_ours_at_server
        if is_unsure and self._cancellation.may_have_begun(state.prompt_id):
            self._latest.update(partial(replace, phase=Phase.RUNNING))  # it may have cost credits
        return partial(stopped, error=stop.reason)

    def _outcome_after_cancel(self) -> HistoryEntry | None:
        """Return the server's outcome of a prompt that was just canceled. Its last node can't be
        stopped anymore, and it may have ended before the cancel."""
        end = time.monotonic() + _CANCEL_WAIT
        while (left := end - time.monotonic()) > 0 and self._is_heard_of():
            self._shared.sleep(left)
        return self._cancellation.outcome(self._latest.state.prompt_id)

    def _is_heard_of(self) -> bool:
        state = self._latest.state
        return state.phase is Phase.RUNNING and not state.over and self._shared.link.broken is None

    @property
    def _is_ours_at_server(self) -> bool:
        return self._shared.link.at_server and not self._shared.is_disowned

    def _tell(self) -> bool:
        """Cancel the prompt on the server, once; return True if that was enough."""
        if self._told is None:
            prompt_id, accepted = self._latest.state.prompt_id, self._shared.link.accepted
            self._told = self._cancellation.tell(prompt_id, accepted=accepted)
        return self._told

    def _close(self) -> None:
        if self._stream is not None:
            self._stream.close(_SHORT_CLOSE_WAIT if self._shared.stopping else _CLOSE_WAIT)


def stop_where_due(hooks: RunHooks, shared: ThreadState) -> float:
    """Return the seconds until a limit stops the run; stop it if they are over."""
    left, why = seconds_left(hooks.limits(), time.monotonic())
    if why is not None:
        shared.stop(Stop(why))
    return left
