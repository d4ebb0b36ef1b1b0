"""Messages between app processes about the runs that each executes: states, previews, and
ComfyUI's frames while a program follows the run.

A message's body may come from anyone who has the service's password: reading checks every type,
number and size. ComfyForms of another version may have sent it: unknown parts are skipped, and
missing parts get their default. The database keeps a run's last state in the same form.
"""

from __future__ import annotations

import json
import logging
import math
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import TypeAdapter, ValidationError

from comfy.base.json_values import parse_json
from comfy.base.threads import Callbacks
from comfy.comfyui.protocol.events import AnimatedPreviews, Preview
from comfy.comfyui.protocol.parse import FASTEST_ANIMATION, MOST_FRAMES
from comfy.comfyui.protocol.run_progress import PlannedNodes, SamplerSteps, planned_nodes
from comfy.comfyui.protocol.run_state import RunState
from comfy.records.record import Job
from comfy.records.serialization import YEAR_9999
from comfy.runs.interface import FrameFollower, OnGap
from comfyforms.plugins.cluster.messaging.wire import Wire
from comfyforms.plugins.cluster.rows import Fence
from comfyforms.plugins.cluster.run import ClusterRun, StateNumber

MOST_OF_A_STATE = 2**20  # bytes
MOST_OF_A_PREVIEW = 4 * 2**20  # bytes
_LONGEST_HEAD = 2**16  # bytes of a preview's JSON
_MOST_STEPS = 10**6  # of a sampler in one round, and rounds
_LONGEST_FAULT = 500  # characters
_MOST_OF_U32 = 2**32 - 1
_APART = {"preview", "planned"}
_STATE = TypeAdapter(RunState)
_PREVIEW = TypeAdapter(Preview)
log = logging.getLogger(__name__)
_CHANNEL = "states"
_WATCHING = "watching"
_WATCHED = 12.0  # seconds that a message about a follower counts
_ASKED = 10.0  # seconds that a run is followed after a request for its state
_ANSWER = 0.3  # seconds that such a request waits for the process that executes the run
_MOST_HEADER = 1000  # bytes
_FRAMES_CHANNEL = "frames"
_FOLLOWING = "following"
_FOLLOWED = 12.0  # seconds that a message about a follower counts
_MOST_RUNS = 1000
_MOST_PROCESSES = 1000
_MOST_HELD = 8 * 2**20  # bytes of frames of unknown runs
_HELD = 1.0  # seconds that such a run may stay unknown


def state_to_wire(state: RunState) -> bytes:
    """Return the state without its preview, as compact ASCII JSON for `state_from_wire`.

    A state with more than `MOST_OF_A_STATE` bytes goes without its results and node errors; its
    record has them at the end. Raises ValueError if it is still too large.
    """
    data = _json_of(state)
    if len(data) > MOST_OF_A_STATE:
        data = _json_of(replace(state, files=(), texts=(), node_errors=()))
    if len(data) > MOST_OF_A_STATE:
        raise ValueError(f"a state of {len(data)} bytes")
    return data


def _json_of(state: RunState) -> bytes:
    # `json` writes a lone surrogate as ASCII, which pydantic's encoder refuses
    parts = _STATE.dump_python(
        state, mode="json", exclude=_APART, exclude_defaults=True, round_trip=True
    )
    return json.dumps(parts, separators=(",", ":")).encode()


def state_from_wire(data: bytes, job: Job) -> RunState:
    """Return the state of this job's run in a body of `state_to_wire`, without a preview. Raises
    ValueError for any other body."""
    if len(data) > MOST_OF_A_STATE:
        raise ValueError(f"a state of {len(data)} bytes")
    parts = _object(data)
    for name in _APART:
        parts.pop(name, None)
    try:
        state = _STATE.validate_python(parts)
    except ValidationError as error:
        raise _malformed(error) from None
    planned = planned_nodes(job.prompt, job.outputs, job.titles)
    if fault := next(_faults(state, planned), None):
        raise ValueError(fault)
    return replace(state, planned=planned)


def _object(data: bytes) -> dict[str, Any]:
    """Return a JSON object without NaN and infinity. Raises ValueError."""
    value = parse_json(data, _EXACT)
    if not isinstance(value, dict):
        raise ValueError("not an object")
    return value


def _refuse(constant: str) -> object:
    raise ValueError(f"{constant} isn't a number")


_EXACT = json.JSONDecoder(parse_constant=_refuse)


def _malformed(error: ValidationError) -> ValueError:
    """Return an error that names the first fault, without the body's values."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    return ValueError(f"{first['loc']}: {first['msg']}"[:_LONGEST_FAULT])


def _faults(state: RunState, planned: PlannedNodes) -> Iterator[str]:
    """Yield what other code can't compute with."""
    progress, animation = state.progress, state.animation
    counts = [state.step, state.steps, state.preview_number, *(file.size for file in state.files)]
    counts += (state.queue_place or 0, state.queue_remaining or 0)
    if any(abs(count) > sys.float_info.max for count in counts):
        yield "a number is too large"
    if not all(
        0 <= moment < YEAR_9999 for moment in (state.started_at or 0, state.finished_at or 0)
    ):
        yield "a time is out of range"
    nodes = {*state.nodes_finished, *progress.nodes, *progress.samplers, *progress.rounds}
    if not planned.titles.keys() >= nodes | progress.finished_rounds.keys():
        yield "a node isn't in the prompt"
    if not 0 <= progress.fraction <= 1:
        yield "the progress is out of range"
    if not all(map(_is_possible, progress.samplers.values())):
        yield "a sampler's steps are out of range"
    rounds = (*progress.rounds.values(), *progress.finished_rounds.values())
    if not all(0 <= count <= _MOST_STEPS for count in rounds):
        yield "a number of rounds is out of range"
    if animation is not None and not _is_playable(animation):
        yield "the animation is out of range"


def _is_possible(sampler: SamplerSteps) -> bool:
    most, times = _MOST_STEPS, (sampler.first_at or 0, sampler.last_at or 0, sampler.lost)
    return (
        1 <= sampler.steps <= most
        and 0 <= sampler.taken <= most
        and 0 <= sampler.first <= most
        and 0 <= sampler.round < sampler.rounds <= most
        and 0 < sampler.weight < math.inf
        and all(abs(time) < YEAR_9999 for time in times)
    )


def _is_playable(animation: AnimatedPreviews) -> bool:
    return 1 <= animation.frames <= MOST_FRAMES and 0 < animation.rate <= FASTEST_ANIMATION


def preview_to_wire(preview: Preview) -> bytes:
    """Return a preview as a line of JSON and the image's bytes, for `preview_from_wire`."""
    head = {"node": preview.node, "prompt_id": preview.prompt_id, "frame": preview.frame}
    return b"\n".join((json.dumps(head, separators=(",", ":")).encode(), preview.data))


def preview_from_wire(data: bytes) -> Preview:
    """Return the preview in a body of `preview_to_wire`. Raises ValueError for any other body.

    As with a server's preview, the image itself isn't decoded.
    """
    end = data.find(b"\n", 0, _LONGEST_HEAD)
    if end < 0 or end == len(data) - 1 or len(data) > MOST_OF_A_PREVIEW:
        raise ValueError("no line of JSON, no image, or too large")
    head, image = _object(data[:end]), data[end + 1 :]
    try:
        preview = _PREVIEW.validate_python({**head, "data": image})
    except ValidationError as error:
        raise _malformed(error) from None
    if preview.frame is not None and not 0 <= preview.frame <= _MOST_OF_U32:
        raise ValueError("a number is out of range")
    return preview


@dataclass(frozen=True, slots=True)
class _Sent:
    """Newest state of a run that this process executes."""

    version: StateNumber
    fence: Fence
    state: RunState


class StateSender:
    """Sends the states of the runs that this process executes. Thread-safe; no method blocks."""

    def __init__(self, wire: Wire, life: str) -> None:
        self._wire, self._life = wire, life
        self._lock = threading.Lock()
        self._unwritten: dict[Fence, tuple[int, RunState]] = {}
        self._newest: dict[str, _Sent] = {}
        self._watched: dict[str, float] = {}
        wire.listen(_WATCHING, self._note_watcher)

    def send(self, run: ClusterRun, fence: Fence, number: int, state: RunState) -> None:
        """Send a state to the processes where the run has a follower; to all processes if lists
        show the difference."""
        version = fence.taken, number
        with self._lock:
            before = self._newest.get(run.id)
            if before is not None and before.version > version:  # from another thread
                return
            is_other = before is None or _listed(before.state) != _listed(state)
            self._newest[run.id] = _Sent(version, fence, state)
            self._unwritten[fence] = number, state
            is_watched = self._watched.get(run.id, 0.0) > time.monotonic()
            if state.phase.finished:
                del self._newest[run.id], self._unwritten[fence]
        if (is_other or is_watched) and (body := _body(fence, state)):
            if is_other:
                self._wire.publish(_CHANNEL, _packed(run.id, version, body), key=run.id)
            if is_watched:
                packed = _packed(run.id, version, body, _preview_body(state))
                self._wire.publish(_channel_of(run.id), packed, key=run.id)

    def forget(self, fence: Fence) -> None:
        """Forget a run that another process executes."""
        with self._lock:
            self._newest.pop(fence.run, None)
            self._unwritten.pop(fence, None)

    def unwritten(self) -> Mapping[Fence, tuple[int, bytes]]:
        """Return the newest states that the database lacks."""
        with self._lock:
            states = tuple(self._unwritten.items())
        bodies = {fence: (number, _body(fence, state)) for fence, (number, state) in states}
        found = {fence: (number, body) for fence, (number, body) in bodies.items() if body}
        self.note_written({fence: bodies[fence][0] for fence in bodies.keys() - found.keys()})
        return found

    def note_written(self, numbers: Mapping[Fence, int]) -> None:
        """Note that these states have been written, or can't be."""
        with self._lock:
            for fence, number in numbers.items():
                if fence in self._unwritten and self._unwritten[fence][0] == number:
                    del self._unwritten[fence]

    def _note_watcher(self, body: bytes) -> None:
        life, _, words = body[:_MOST_HEADER].decode("ascii", "replace").partition(" ")
        run_id, _, asks = words.partition(" ")
        if life == self._life:
            return
        now = time.monotonic()
        with self._lock:
            self._watched = {run: until for run, until in self._watched.items() if until > now}
            self._watched[run_id] = now + _WATCHED
            newest = self._newest.get(run_id) if asks else None
        if newest is not None and (body := _body(newest.fence, newest.state) or b""):
            packed = _packed(run_id, newest.version, body, _preview_body(newest.state))
            self._wire.publish(_answers_to(life), packed, key=run_id)


class StateReceiver:
    """Receives the states of the runs that other processes execute. Thread-safe."""

    def __init__(
        self,
        wire: Wire,
        life: str,
        get: Callable[[str], ClusterRun | None],
        look: Callable[[], None],
    ) -> None:
        """`get` returns a run by its id. `look` has the database read soon: only the database says
        that a run has ended."""
        self._wire, self._life = wire, life
        self._get, self._look = get, look
        self._lock = threading.Lock()
        self._leave: dict[str, Callable[[], None]] = {}
        wire.listen(_CHANNEL, self._receive)
        wire.listen(_answers_to(life), self._receive_answer)

    def watch(self, run: ClusterRun) -> None:
        """Follow every state of a run if it has a follower here, and stop otherwise. Call this
        regularly: the process that executes the run forgets followers."""
        is_followed = run.is_followed and not run.state.phase.finished
        with self._lock:
            leave = None if is_followed else self._leave.pop(run.id, None)
            is_new = is_followed and run.id not in self._leave
            if is_new:
                self._leave[run.id] = self._wire.listen(_channel_of(run.id), self._receive)
        if leave is not None:
            leave()
        if is_followed:
            words = f"{self._life} {run.id}" + " asks" * is_new
            self._wire.publish(_WATCHING, words.encode(), key=words)

    def ask(self, run: ClusterRun) -> None:
        """Wait briefly until a run shows its newest state, if another process executes it. Follow
        it for a while, because programs ask often."""
        row = run.row
        if row is None or row.process in (None, self._life) or run.state.phase.finished:
            return
        if run.follow_for(_ASKED):
            self.watch(run)
        run.answered.wait(_ANSWER)
        run.answered.set()

    def _receive_answer(self, body: bytes) -> None:
        if run := self._receive(body):
            run.answered.set()

    def _receive(self, body: bytes) -> ClusterRun | None:
        """Show a state. Return its run if the message says which."""
        try:
            run_id, version, state_body, preview = _unpacked(body)
        except (ValueError, KeyError, TypeError):
            return None
        run = self._get(run_id)
        if run is not None and not run.state.phase.finished and version >= run.version:
            self._show(run, version, state_body, preview)
        return run

    def _show(
        self, run: ClusterRun, version: StateNumber, state_body: bytes, preview: bytes
    ) -> None:
        try:
            state = state_from_wire(state_body, run.job)
            shown = preview_from_wire(preview) if preview else _previous(run.state, state)
        except ValueError:
            return
        if state.phase.finished:
            self._look()
        else:
            run.hear(version, replace(state, preview=shown))


def _body(fence: Fence, state: RunState) -> bytes | None:
    """Return the body of a state; None if it is too large."""
    try:
        return state_to_wire(state)
    except ValueError as problem:
        log.warning("Run %s can't be shown at other processes: %s", fence.run, problem)
        return None


def _listed(state: RunState) -> object:
    """Return what lists of runs show."""
    return state.phase, state.queue_place, state.held, state.away


def _preview_body(state: RunState) -> bytes:
    return preview_to_wire(state.preview) if state.preview else b""


def _previous(known: RunState, state: RunState) -> Preview | None:
    """Return the preview that a state without one continues to show."""
    return known.preview if known.preview_number == state.preview_number else None


def _channel_of(run_id: str) -> str:
    return f"run:{run_id}"


def _answers_to(life: str) -> str:
    return f"states:{life}"


def _packed(run_id: str, version: StateNumber, state: bytes, preview: bytes = b"") -> bytes:
    header = json.dumps({"run": run_id, "version": version, "size": len(state)})
    return header.encode() + b"\n" + state + preview


def _unpacked(body: bytes) -> tuple[str, StateNumber, bytes, bytes]:
    """Raises ValueError, KeyError or TypeError for anything else than `_packed`."""
    end = body.index(b"\n", 0, _MOST_HEADER)
    header = parse_json(body[:end])
    run_id, (taken, number), size = header["run"], header["version"], header["size"]
    if not (isinstance(run_id, str) and all(type(one) is int for one in (taken, number, size))):
        raise TypeError(header)
    start = end + 1
    return run_id, (taken, number), body[start : start + size], body[start + size :]


@dataclass(slots=True)
class _Held:
    """Frames of a run that this process doesn't know yet, with the processes that sent them."""

    since: float
    size: int = 0
    frames: list[tuple[str, str | bytes]] = field(default_factory=list)


class FrameExchange:
    """Frames of all runs for the followers in this process. Thread-safe; no method blocks.

    Messages are numbered per process. A missing number, a lost wire, or a run that another process
    has taken over is a gap, and followers hear of it. Frames of a run that isn't known here yet
    wait until it is.
    """

    def __init__(
        self,
        wire: Wire,
        life: str,
        executed: Callbacks[[str, str, str | bytes]],
        owner_of: Callable[[str], str | None],
        look: Callable[[], None],
    ) -> None:
        """`executed`: frames of the runs that this process executes. `owner_of` returns a
        run's owner; None if it isn't known here. `look` has the `unknown` runs read soon;
        `release` follows."""
        self._wire, self._life, self._owner_of, self._look = wire, life, owner_of, look
        self._followers = Callbacks[[str, str, str | bytes]]()
        self._gaps = Callbacks[[]]()
        self._lock = threading.Lock()
        self._count = 0  # followers
        self._leave: Callable[[], None] | None = None
        self._followed_until = float("-inf")  # by other processes
        self._number = 0
        self._numbers: dict[str, int] = {}  # the last one of each other process
        self._executors: dict[str, str] = {}  # the process of each run's last frame
        self._receiving = threading.Lock()  # keeps the order between `release` and the wire
        self._held: dict[str, _Held] = {}
        executed.add(self._take_executed)
        wire.listen(_FOLLOWING, self._note_follower)
        wire.on_return(self._gaps.call)

    def follow(self, callback: FrameFollower, gap: OnGap) -> Callable[[], None]:
        removals = [self._followers.add(callback)]
        if gap is not None:
            removals.append(self._gaps.add(gap))
        with self._lock:
            self._count += 1
            if self._leave is None:
                self._numbers.clear()
                self._executors.clear()
                self._leave = self._wire.listen(_FRAMES_CHANNEL, self._receive)
        self.remind()

        def stop() -> None:
            for remove in removals:
                remove()
            leave = None
            with self._lock:
                self._count -= 1
                if self._count == 0:
                    leave, self._leave = self._leave, None
            if leave is not None:
                leave()

        return stop

    def remind(self) -> None:
        """Tell the other processes that there are followers here, if so. Call this regularly."""
        if self._count:
            self._wire.publish(_FOLLOWING, self._life.encode(), key=_FOLLOWING)

    def _note_follower(self, body: bytes) -> None:
        if body != self._life.encode():
            self._followed_until = time.monotonic() + _FOLLOWED

    def _take_executed(self, owner: str, run_id: str, frame: str | bytes) -> None:
        self._deliver(owner, run_id, frame, self._life)
        if time.monotonic() > self._followed_until:
            return
        with self._lock:  # the wire keeps the order
            self._number += 1
            self._wire.publish(
                _FRAMES_CHANNEL, _packed_frame(self._life, self._number, run_id, frame)
            )

    def _receive(self, body: bytes) -> None:
        try:
            life, number, run_id, frame = _unpacked_frame(body)
        except (ValueError, KeyError, TypeError):
            return
        if life == self._life:
            return
        before = self._numbers.get(life)
        if len(self._numbers) > _MOST_PROCESSES:
            self._numbers.clear()
        self._numbers[life] = number
        if before is not None and number != before + 1:
            self._gaps.call()
        with self._receiving:
            held = self._held.setdefault(run_id, _Held(time.monotonic()))
            held.frames.append((life, frame))
            held.size += len(body)
            is_known = self._release(run_id)
            size = sum(one.size for one in self._held.values())
            if size > _MOST_HELD or len(self._held) > _MOST_RUNS:
                self._held.clear()
                self._gaps.call()
            elif not is_known and len(held.frames) == 1:
                self._look()

    @property
    def unknown(self) -> tuple[str, ...]:
        """Return the runs whose frames wait."""
        with self._receiving:
            return tuple(self._held)

    def release(self) -> None:
        """Deliver the frames of runs that are known now. Call this after runs were read."""
        with self._receiving:
            for run_id in tuple(self._held):
                is_late = time.monotonic() - self._held[run_id].since > _HELD
                if not self._release(run_id) and is_late:
                    del self._held[run_id]

    def _release(self, run_id: str) -> bool:
        """Deliver a run's frames if it is known. Return whether it is."""
        owner = self._owner_of(run_id)
        if owner is None:
            return False
        for life, frame in self._held.pop(run_id).frames:
            self._deliver(owner, run_id, frame, life)
        return True

    def _deliver(self, owner: str, run_id: str, frame: str | bytes, life: str) -> None:
        if not self._count:
            return
        with self._lock:
            is_taken_over = self._executors.pop(run_id, life) != life
            self._executors[run_id] = life
            while len(self._executors) > _MOST_RUNS:
                del self._executors[next(iter(self._executors))]
        if is_taken_over:
            self._gaps.call()
        self._followers.call(owner, run_id, frame)


def _packed_frame(life: str, number: int, run_id: str, frame: str | bytes) -> bytes:
    is_text = isinstance(frame, str)
    header = json.dumps({"life": life, "number": number, "run": run_id, "text": is_text})
    return header.encode() + b"\n" + (frame.encode() if isinstance(frame, str) else frame)


def _unpacked_frame(body: bytes) -> tuple[str, int, str, str | bytes]:
    """Raises ValueError, KeyError or TypeError for anything else than `_packed_frame`."""
    end = body.index(b"\n", 0, _MOST_HEADER)
    header = parse_json(body[:end])
    life, number, run_id = header["life"], header["number"], header["run"]
    if not (isinstance(life, str) and type(number) is int and isinstance(run_id, str)):
        raise TypeError(header)
    frame = body[end + 1 :]
    return life, number, run_id, frame.decode() if header["text"] is True else frame
