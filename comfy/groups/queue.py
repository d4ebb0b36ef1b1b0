"""Base classes of the batch and chain queues. Each active group runs in its own thread and survives
restarts."""

from __future__ import annotations

import logging
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar, Generic, Protocol, TypeVar
from weakref import WeakValueDictionary

from cachetools import FIFOCache

from comfy.base.errors import ComfyError, DatabaseAway, TooManyThreads
from comfy.base.messages import message, message_from_json, message_to_json
from comfy.base.threads import Callbacks, start_thread
from comfy.launch.start import Starter
from comfy.records.groups import Group, GroupKind, GroupState, GroupTaken
from comfy.runs.interface import GroupCheck, GroupWork, Origin, Run, RunRegistry, WorkingQueue
from comfy.runs.limits import BatchLimits, ChainLimits, Person

log = logging.getLogger(__name__)
_OUR_FAULT = message("Something went wrong.")
_RECENT = 200  # ended groups that pages still list
_STOPPING = 3.0  # seconds to wait for the end of canceled runs of another process
_DATABASE_PAUSE = 1.0  # seconds until a database that is away is tried again
_ASKING = 0.05  # seconds between two looks


class GroupSummary(Protocol):
    """Progress of a group."""

    @property
    def id(self) -> str:
        """Return the group's id."""

    @property
    def created_at(self) -> float:
        """Return the time when the group was created."""

    @property
    def finished(self) -> bool:
        """Return whether the group has finished."""


Summary = TypeVar("Summary", bound=GroupSummary)


class OpenGroup(ABC, Generic[Summary]):
    """A batch or chain. Thread-safe. Only the queue sets `thread`; a thread holds `changing` while
    it resumes or deletes the group, and `saving` while it writes it. `address` and `text_sources`
    are as in `Origin`. `moved`: another process may have started runs of it. `disowned`: another
    process executes it now."""

    _state: GroupState
    _live: Mapping[Any, object]  # active runs

    def __init__(self, group: Group) -> None:
        self.id, self.owner = group.id, group.owner
        self.title = str(message_from_json(group.about.get("title", "")))
        self.address = str(group.about.get("address", ""))
        self.text_sources = tuple(map(str, group.about.get("text_sources", ())))
        self.thread: threading.Thread | None = None
        self.deleted = self.moved = self.disowned = False
        self.stored: Group | None = None  # the state that `GroupQueue.save_changed` has seen
        self.lock = threading.RLock()
        self.changing, self.saving = threading.Lock(), threading.Lock()
        self._group = group
        self._why = str(message_from_json(group.about.get("why", "")))
        self._ended_at = group.ended_at

    @property
    def person(self) -> Person:
        """Return the owner and address, for limits."""
        return self.owner, self.address

    @property
    def origin(self) -> Origin:
        return Origin(self.owner, self.address, text_sources=self.text_sources)

    @property
    def group(self) -> Group:
        """Return the group's current state for the database."""
        with self.lock:
            about = {**self._group.about, "why": message_to_json(self._why)}
            about |= {"text_sources": [*self.text_sources], **self._about()}
            return replace(
                self._group,
                state=self._state,
                about=about,
                progress=self._progress(),
                ended_at=self._ended_at,
            )

    @property
    def is_running(self) -> bool:
        """Return whether the group is to start runs."""
        return self._state == "running"

    @property
    @abstractmethod
    def summary(self) -> Summary:
        """Return the group's progress for lists."""

    @property
    def is_at_work(self) -> bool:
        """Return whether some of its runs haven't finished."""
        with self.lock:
            return bool(self._live)

    def delete(self) -> None:
        """Stop the group and hide it."""
        with self.lock:
            self.deleted = True
        self.stop()

    @abstractmethod
    def stop(self) -> None:
        """Start no more runs and cancel the live ones."""

    @abstractmethod
    def fail(self, problem: ComfyError) -> None:
        """Note that the group failed for a reason outside its runs."""

    @abstractmethod
    def end_or_go_on(self) -> bool:
        """Note that no runs are left, and return whether the group was resumed in the meantime.
        Only the group's thread calls this."""

    @abstractmethod
    def _about(self) -> Mapping[str, Any]:
        """Return the parts of `Group.about` that change."""

    @abstractmethod
    def _progress(self) -> Mapping[str, Any]:
        """Return `Group.progress`."""

    def _reopen(self) -> None:
        self._state, self._why, self._ended_at = "running", "", None

    def _end(self, state: GroupState, why: str = "") -> None:
        self._state, self._why, self._ended_at = state, why, time.time()


class LocalGroupWork:
    """Groups of one kind, all in this process."""

    hands_over = False

    def __init__(self, runs: RunRegistry, kind: GroupKind) -> None:
        self._runs, self._kind = runs, kind
        self._lock = threading.Lock()
        self._people: dict[str, Person] = {}

    def join(self, queue: WorkingQueue) -> Collection[Group]:
        return self._runs.history.groups.unfinished(self._kind)

    def check(self, person: Person, check: GroupCheck, but: str = "") -> None:
        with self._lock:
            self._check_locked(person, check, but)

    def claim(self, group_id: str, person: Person, check: GroupCheck | None) -> None:
        with self._lock:
            if check is not None:
                self._check_locked(person, check, group_id)
            self._people[group_id] = person

    def release(self, group_id: str) -> None:
        with self._lock:
            self._people.pop(group_id, None)

    def is_here(self, group_id: str) -> bool:
        return True

    def changing(self, group_id: str, person: Person) -> AbstractContextManager[bool]:
        return nullcontext(enter_result=False)

    def _check_locked(self, person: Person, check: GroupCheck, but: str) -> None:
        check(*person, [one for group_id, one in self._people.items() if group_id != but])


Open = TypeVar("Open", bound=OpenGroup[Any])


class GroupQueue(ABC, Generic[Open, Summary]):
    """Queue of all users' groups. Thread-safe. All methods except `subscribe` may read the
    database."""

    kind: ClassVar[GroupKind]
    keeps_none: ClassVar[str]  # error for users without a cookie, who couldn't find a group again

    def __init__(self, starter: Starter, limits: BatchLimits | ChainLimits, nobody: str) -> None:
        """The last argument is the owner that users without a cookie share. Their groups end with
        the request."""
        self._starter, self._runs = starter, starter.runs
        self._group_limits, self._nobody = limits, nobody
        work_of = self._runs.group_work or partial(LocalGroupWork, self._runs)
        self._work: GroupWork = work_of(self.kind)
        self._lock = threading.Lock()
        self._open: dict[str, Open] = {}
        # Concurrent callers share one instance, so that no stale copy is saved.
        self._shared = WeakValueDictionary[str, Open]()
        self._unsaved: dict[str, Open] = {}  # kept in memory, since the stored state is older
        self._elsewhere: dict[str, Open] = {}  # unfinished groups of other processes, as stored
        self._reading = threading.Lock()
        self._closing = threading.Event()
        self._listeners = Callbacks[[str]]()
        self._ended = FIFOCache[str, tuple[str, Summary]](_RECENT)  # with their owners

    def subscribe(self, callback: Callable[[str], None]) -> Callable[[], None]:
        """Call `callback` with the owner of each group that changes. It must not block. Return a
        function that unsubscribes it."""
        return self._listeners.add(callback)

    def resume(self) -> None:
        """Resume the groups that were running when the app stopped. Call it after the registry has
        resumed its runs."""
        try:
            unfinished = self._work.join(self)
        except ComfyError as problem:
            log.warning("Can't resume any %s after the restart: %s", self.kind, problem)
            return
        for group in unfinished:
            self.take_up(group)

    def close(self, timeout: float = 5.0) -> None:
        """Wait for the threads of all groups, unless other processes continue them. Call it after
        closing the registry."""
        self._closing.set()
        if self._work.hands_over:
            return
        with self._lock:
            threads = [opened.thread for opened in self._open.values() if opened.thread is not None]
        end = time.monotonic() + timeout
        for thread in threads:
            thread.join(max(0.0, end - time.monotonic()))

    # Change

    def stop(self, group_id: str, owner: str) -> None:
        """Stop a group and cancel its runs, even if the new state can't be stored."""
        with self._changing(group_id, owner) as opened:
            opened.stop()
            self._save(opened)
            if opened.moved:
                self._cancel_runs(opened.group)
            if opened.thread is None:
                self._close_ended(opened)

    def delete(self, group_id: str, owner: str) -> None:
        """Stop and delete a group. Its runs stay in the history."""
        with self._changing(group_id, owner) as opened:
            self._delete(opened)
        self._listeners.call(owner)

    # Look up

    def get(self, group_id: str, owner: str) -> Summary:
        """Return the progress of an owner's group."""
        summary: Summary = self._opened(group_id, owner).summary
        return summary

    def of(self, owner: str) -> tuple[Summary, ...]:
        """Return the progress of an owner's groups, newest first, without their results."""
        if owner == self._nobody:
            return ()
        groups = self._runs.history.groups.of(owner, self.kind)
        with self._lock:
            opened = [self._open.get(group.id) for group in groups]
        known = zip(opened, groups, strict=True)
        return tuple((one or self._make(group)).summary for one, group in known)

    def recent(self, owner: str) -> tuple[Summary, ...]:
        """Return the progress of an owner's active groups and of those that ended since the app
        started, oldest first. Doesn't read the database."""
        with self._lock:
            unfinished = [*self._open.values(), *self._elsewhere.values()]
            ended = {key: ended for key, (whose, ended) in self._ended.items() if whose == owner}
        own = [one for one in unfinished if one.owner == owner and not one.deleted]
        known = {**ended, **{one.id: one.summary for one in own}}
        return tuple(sorted(known.values(), key=lambda one: (one.created_at, one.id)))

    @property
    def is_closing(self) -> bool:
        """Return whether the app is shutting down. Unfinished groups resume after a restart."""
        return self._runs.closed or self._closing.is_set()

    def is_at_work(self, group_id: str) -> bool:
        """Return whether a group has live runs, even during shutdown. If not, `get` knows the
        results of all its runs."""
        with self._lock:
            opened = self._open.get(group_id)
        return opened is not None and opened.is_at_work

    # Called by `GroupWork`: see `WorkingQueue`

    def take_up(self, group: Group) -> None:
        try:
            if group.ended_at is not None:
                self._cancel_runs(group)
            elif group.owner == self._nobody:
                self._end_unwaited(group)
            else:
                self._take_up(self._open_group(group))
        except ComfyError as problem:
            log.warning("Can't resume a %s after the restart: %s", self.kind, problem)
        except Exception:  # the other groups still resume
            log.exception("Can't resume a %s after the restart", self.kind)

    def lose(self, group_id: str) -> None:
        with self._lock:
            opened = self._open.pop(group_id, None) or self._shared.get(group_id)
            self._shared.pop(group_id, None)
            if opened is None:
                return
            opened.disowned = True
            self._elsewhere[group_id] = opened
        log.info("Another process executes %s %s.", self.kind, group_id)
        self._listeners.call(opened.owner)

    def show(self, group: Group) -> None:
        try:
            opened = self._restore(group)
        except ComfyError as problem:
            log.warning("Can't read a %s: %s", self.kind, problem)
            return
        with self._lock:
            self._elsewhere.pop(group.id, None)
            if group.ended_at is None:
                self._elsewhere[group.id] = opened
        if group.ended_at is not None:
            self._remember(opened)
        self._listeners.call(group.owner)

    def forget(self, group_id: str) -> None:
        with self._lock:
            opened = self._elsewhere.pop(group_id, None)
        owner = self._forget_ended(group_id) if opened is None else opened.owner
        if owner is not None:
            self._listeners.call(owner)

    def save_changed(self) -> None:
        with self._lock:
            own = tuple(self._open.values())
        for opened in own:
            group = opened.group
            if group != opened.stored and self._save(opened):
                opened.stored = group

    # Differences between batches and chains

    @abstractmethod
    def _make(self, group: Group) -> Open:
        """Return an open group from its stored state."""

    def _restore(self, group: Group) -> Open:
        """Return an open group with everything that the database knows of it."""
        return self._make(group)

    @abstractmethod
    def _not_found(self) -> ComfyError:
        """Return the error for a group that the owner doesn't have."""

    @abstractmethod
    def _take_up(self, opened: Open) -> None:
        """Resume a group that was running when the app, or another process, stopped."""

    @abstractmethod
    def _run(self, opened: Open) -> None:
        """Run a group in its own thread. Errors go to `OpenGroup.fail`."""

    # Inside

    def _open_group(self, group: Group) -> Open:
        opened = self._restore(group)
        with self._lock:
            self._shared[group.id] = opened
        return opened

    def _opened(self, group_id: str, owner: str) -> Open:
        """Return an owner's group, opening it if needed. A group that another process executes is
        only to be read. Raises `_not_found`."""
        with self._reading:
            is_here = self._work.is_here(group_id)
            with self._lock:
                opened = self._shared.get(group_id) if is_here else None
            if opened is None:
                group = self._runs.history.groups.get(group_id, owner)
                make = self._open_group if is_here else self._restore
                opened = make(group) if group and group.kind == self.kind else None
        if opened is None or opened.owner != owner or opened.deleted:
            raise self._not_found()
        return opened

    @contextmanager
    def _changing(self, group_id: str, owner: str) -> Iterator[Open]:
        """Yield an owner's group to change it here, after taking it over from another process.
        Raises `_not_found`, and the errors of `GroupWork.changing`."""
        person = self._opened(group_id, owner).person
        with self._work.changing(group_id, person) as is_outdated:
            if is_outdated:
                with self._lock:
                    self._shared.pop(group_id, None)
                    self._elsewhere.pop(group_id, None)
            opened = self._opened(group_id, owner)
            if is_outdated:
                self._bring_here(opened)
            yield opened

    def _change(self, opened: Open, change: Callable[[Open], object]) -> None:
        """Apply and store a change of a group, and let the group run if it is active now. Raises
        ComfyError and changes nothing if it can't be stored."""
        try:
            with opened.saving:  # keeps the thread from overwriting it
                if opened.deleted:
                    raise self._not_found()
                after = self._make(opened.group)
                change(after)
                self._runs.history.groups.save(after.group)
                change(opened)
            self._listeners.call(opened.owner)
        finally:
            self._close_ended(opened)
        if opened.is_running:
            self._let_run(opened)

    def _delete(self, opened: Open) -> None:
        with opened.changing, opened.saving:  # prevents a resume in between
            self._runs.history.groups.delete(opened.id, opened.owner)
            opened.delete()
        if opened.moved:
            self._cancel_runs(opened.group)
        self._forget_ended(opened.id)
        if opened.thread is None:
            self._close(opened)

    def _bring_here(self, opened: Open) -> None:
        """Execute a group that another process may have executed until now."""
        opened.moved = True
        if opened.group.ended_at is None:
            self._take_up(opened)
            return
        own = self._cancel_runs(opened.group)
        end = time.monotonic() + _STOPPING
        while any(not run.state.phase.finished for run in own) and time.monotonic() < end:
            self._closing.wait(_ASKING)

    def _cancel_runs(self, group: Group) -> list[Run]:
        line = self._runs.line_of(group.owner)
        own = [run for run in line if run.record.group == group.id]
        for run in own:
            run.cancel()
        return own

    def _end_unwaited(self, group: Group) -> None:
        """Stop and delete a group whose request ended with the app."""
        self._cancel_runs(group)
        self._runs.history.groups.delete(group.id, group.owner)
        self._work.release(group.id)

    def _check_start(self, origin: Origin, *, attended: bool) -> None:
        """Raise ComfyError if there is no room for another group of this origin, or if the owner
        has no cookie and doesn't wait for the group to finish."""
        if origin.owner == self._nobody and not attended:
            raise ComfyError(self.keeps_none, message("Allow cookies for this page."))
        self._check_room((origin.owner, origin.address))

    def _check_room(self, person: Person, but: str = "") -> None:
        """Raise TooManyRuns if a group has no room to run, not counting the group `but`."""
        self._work.check(person, self._group_limits.check, but)

    @contextmanager
    def _counted(self, opened: Open) -> Iterator[None]:
        """Count a group as running unless the block fails. Raises TooManyRuns."""
        self._work.claim(opened.id, opened.person, self._group_limits.check)
        with self._lock:
            was_open = opened.id in self._open
            self._open[opened.id] = opened
        try:
            yield
        except BaseException:
            if opened.thread is None and not was_open:
                self._close(opened)
            raise

    def _keep_open(self, opened: Open) -> None:
        """Count a group as running, without a limit."""
        self._work.claim(opened.id, opened.person, None)
        with self._lock:
            self._open[opened.id] = opened
            self._elsewhere.pop(opened.id, None)

    def _close(self, opened: Open) -> None:
        """Count a group as running no more."""
        if opened.disowned:
            return
        with self._lock:
            self._open.pop(opened.id, None)
        self._work.release(opened.id)

    def _close_ended(self, opened: Open) -> None:
        """Count a group as running no more if it has finished, and note it for `recent`."""
        with opened.lock:
            if opened.thread is not None or not opened.summary.finished or opened.disowned:
                return
            with self._lock:
                was_open = opened.id in self._open
            if was_open and not opened.deleted:
                self._remember(opened)
            self._close(opened)
        self._listeners.call(opened.owner)

    def _remember(self, opened: Open) -> None:
        with self._lock:
            self._ended[opened.id] = opened.owner, opened.summary

    def _forget_ended(self, group_id: str) -> str | None:
        """Remove an ended group from `recent`. Return its owner if it was there."""
        with self._lock:
            ended = self._ended.pop(group_id, None)
        return None if ended is None else ended[0]

    def _save(self, opened: Open) -> bool:
        """Store a group and notify listeners. Return False after a database error; the next call
        stores it."""
        is_saved = True
        try:
            with opened.saving:  # so that no older state overwrites a newer one
                if not opened.disowned:
                    self._runs.history.groups.save(opened.group)
        except GroupTaken:
            return True
        except ComfyError as problem:
            log.warning("Can't save the progress of a %s: %s", self.kind, problem)
            is_saved = False
        with self._lock:
            self._unsaved.pop(opened.id, None)
            if not is_saved:
                self._unsaved[opened.id] = opened
        self._listeners.call(opened.owner)
        return is_saved

    def _let_run(self, opened: Open) -> None:
        """Start a thread for a group if it has none. If no thread can be started, the group
        fails."""
        try:
            with opened.lock:
                self._keep_open(opened)
                if opened.thread is None:
                    main, name = partial(self._main, opened), f"{self.kind}-{opened.id[:8]}"
                    thread = threading.Thread(target=main, name=name, daemon=True)
                    start_thread(thread)
                    opened.thread = thread
        except TooManyThreads as problem:
            if not self._runs.closed:  # otherwise it resumes after the restart
                opened.fail(problem)
            self._save(opened)
            self._close_ended(opened)
        self._listeners.call(opened.owner)

    def _main(self, opened: Open) -> None:
        while True:
            try:
                self._run(opened)
            except ComfyError as problem:
                if self._tries_again_after(problem):
                    continue
                if not self._runs.closed and not opened.disowned:
                    opened.fail(problem)
            except Exception:
                log.exception("A %s failed with an internal error", self.kind)
                opened.fail(ComfyError(_OUR_FAULT))
            if opened.disowned:
                return
            if self.is_closing or not opened.end_or_go_on():
                break
        while not self._save(opened) and self._work.hands_over:
            if self._closing.wait(_DATABASE_PAUSE):
                return
        self._close_ended(opened)

    def _tries_again_after(self, problem: ComfyError) -> bool:
        """Wait for a moment after an error that other processes have at the same time; return
        whether the group continues."""
        if not isinstance(problem, DatabaseAway) or not self._work.hands_over:
            return False
        return not self._closing.wait(_DATABASE_PAUSE) and not self._runs.closed

    def _check_database(self, outcome: object) -> None:
        """Raise the outcome of a run that couldn't start because the database is away."""
        if isinstance(outcome, DatabaseAway) and self._work.hands_over:
            raise outcome
