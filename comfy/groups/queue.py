"""Base class of the batch and chain queues. Each active group runs in its own thread and survives
restarts."""

from __future__ import annotations

import logging
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import ClassVar, Generic, Protocol, TypeVar
from weakref import WeakValueDictionary

from comfy.base.callbacks import Callbacks
from comfy.base.errors import ComfyError, TooManyThreads
from comfy.base.messages import message
from comfy.base.threads import start_thread
from comfy.launch.start import Starter
from comfy.records.groups import Group, GroupKind
from comfy.records.store import RunStore
from comfy.runs.interface import Origin
from comfy.runs.limits import BatchLimits, ChainLimits

log = logging.getLogger(__name__)

_OUR_FAULT = message("Something went wrong.")


class OpenGroup(ABC):
    """A batch or chain. Thread-safe. Only the queue sets `thread`; a thread holds `saving` while it
    writes the group. `address` and `text_sources` are as in `Origin`."""

    def __init__(self, group: Group) -> None:
        self.id, self.owner = group.id, group.owner
        self.address = str(group.about.get("address", ""))
        self.text_sources = tuple(map(str, group.about.get("text_sources", ())))
        self.thread: threading.Thread | None = None
        self.deleted = False
        self.lock, self.saving = threading.RLock(), threading.Lock()

    @property
    def origin(self) -> Origin:
        """Return the origin for the group's runs."""
        return Origin(self.owner, self.address, text_sources=self.text_sources)

    @property
    @abstractmethod
    def group(self) -> Group:
        """Return the group's current state for the database."""

    @property
    @abstractmethod
    def is_at_work(self) -> bool:
        """Return whether some of its runs haven't finished."""

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


class Standing(Protocol):
    """Progress of a group."""

    @property
    def finished(self) -> bool:
        """Return whether the group has finished."""


Open = TypeVar("Open", bound=OpenGroup)
AnyStanding = TypeVar("AnyStanding", bound=Standing)


class GroupQueue(ABC, Generic[Open, AnyStanding]):
    """Queue of all users' groups. Thread-safe. All methods except `subscribe` may read the
    database."""

    kind: ClassVar[GroupKind]
    keeps_none: ClassVar[str]  # error for users without a cookie, who couldn't find a group again
    no_history: ClassVar[str]  # error if there is no database

    def __init__(self, starter: Starter, limits: BatchLimits | ChainLimits, nobody: str) -> None:
        """The last argument is the owner that users without a cookie share. Their groups end with
        the request."""
        self._starter, self._runs = starter, starter.runs
        self._group_limits, self._nobody = limits, nobody
        self._lock = threading.Lock()
        self._open: dict[str, Open] = {}
        # Concurrent callers share one instance, so that no stale copy is saved.
        self._shared = WeakValueDictionary[str, Open]()
        self._reading = threading.Lock()
        self._closing = threading.Event()
        self._listeners = Callbacks[[str]]()

    def subscribe(self, callback: Callable[[str], None]) -> Callable[[], None]:
        """Call `callback` with the owner of each group that changes. It must not block. Return a
        function that unsubscribes it."""
        return self._listeners.add(callback)

    def resume(self) -> None:
        """Resume the groups that were running when the app stopped. Call it after the registry has
        resumed its runs."""
        history = self._runs.history
        try:
            unfinished = () if history is None else history.groups.unfinished(self.kind)
        except ComfyError as problem:
            log.warning("Can't resume any %s after the restart: %s", self.kind, problem)
            return
        for group in unfinished:
            try:
                if group.owner == self._nobody:
                    self._end_unwaited(group)
                else:
                    self._take_up(group)
            except ComfyError as problem:
                log.warning("Can't resume a %s after the restart: %s", self.kind, problem)
            except Exception:  # the other groups still resume
                log.exception("Can't resume a %s after the restart", self.kind)

    def close(self, timeout: float = 5.0) -> None:
        """Wait for the threads of all groups. Call it after closing the registry."""
        self._closing.set()
        with self._lock:
            threads = [opened.thread for opened in self._open.values() if opened.thread is not None]
        end = time.monotonic() + timeout
        for thread in threads:
            thread.join(max(0.0, end - time.monotonic()))

    def _known(self, owner: str) -> tuple[Open | Group, ...]:
        """Return an owner's groups, newest first: open groups, or the stored ones."""
        if self._runs.history is None or owner == self._nobody:
            return ()
        groups = self._runs.history.groups.of(owner, self.kind)
        with self._lock:
            return tuple(self._open.get(group.id, group) for group in groups)

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

    # Differences between batches and chains

    @abstractmethod
    def get(self, group_id: str, owner: str, /) -> AnyStanding:
        """Return the progress of an owner's group."""

    @abstractmethod
    def _make(self, group: Group) -> Open:
        """Return an open group from its stored state."""

    @abstractmethod
    def _not_found(self) -> ComfyError:
        """Return the error for a group that the owner doesn't have."""

    @abstractmethod
    def _take_up(self, group: Group) -> None:
        """Resume a group that was running when the app stopped."""

    @abstractmethod
    def _run(self, opened: Open) -> None:
        """Run a group in its own thread. Errors go to `OpenGroup.fail`."""

    @abstractmethod
    def _close_ended(self, opened: Open) -> None:
        """Release what a finished group no longer needs."""

    # Inside

    def _open_group(self, group: Group) -> Open:
        opened = self._make(group)
        with self._lock:
            self._shared[group.id] = opened
        return opened

    def _opened(self, group_id: str, owner: str) -> Open:
        """Return an owner's group, opening it if needed. Raises `_not_found`."""
        with self._reading:
            with self._lock:
                opened = self._shared.get(group_id)
            if opened is None and self._runs.history is not None:
                group = self._runs.history.groups.get(group_id, owner)
                opened = self._open_group(group) if group and group.kind == self.kind else None
        if opened is None or opened.owner != owner or opened.deleted:
            raise self._not_found()
        return opened

    def _end_unwaited(self, group: Group) -> None:
        """Stop and delete a group whose request ended with the app."""
        for run in self._runs.line_of(group.owner):
            if run.record.group == group.id:
                run.cancel()
        self._history().groups.delete(group.id, group.owner)

    def _history(self) -> RunStore:
        if self._runs.history is None:
            raise ComfyError(self.no_history)
        return self._runs.history

    def _check_kept(self, owner: str, *, attended: bool) -> None:
        """Raise ComfyError for an owner without a cookie who doesn't wait for the group to
        finish."""
        if owner == self._nobody and not attended:
            raise ComfyError(self.keeps_none, message("Allow cookies for this page."))

    def _check_start(self, origin: Origin, *, attended: bool) -> None:
        """Raise ComfyError if this origin may not start a group now."""
        self._check_kept(origin.owner, attended=attended)
        with self._lock:
            self._check_room_locked(origin.owner, origin.address)

    def _check_room_locked(self, owner: str, address: str, but: str = "") -> None:
        """Raise TooManyRuns if another group would exceed a limit. `but`: the id of a group to
        leave out."""
        people = [
            (opened.owner, opened.address) for opened in self._open.values() if opened.id != but
        ]
        self._group_limits.check(owner, address, people)

    @contextmanager
    def _counted(self, opened: Open) -> Iterator[None]:
        """Count a group as running unless the block fails. Raises TooManyRuns."""
        with self._lock:
            self._check_room_locked(opened.owner, opened.address, opened.id)
            was_open = opened.id in self._open
            self._open[opened.id] = opened
        try:
            yield
        except BaseException:
            with self._lock:
                if opened.thread is None and not was_open:
                    self._open.pop(opened.id, None)
            raise

    def _save(self, opened: Open) -> None:
        """Store a group and notify listeners. After a database error, the next call stores it."""
        try:
            with opened.saving:  # so that no older state overwrites a newer one
                self._history().groups.save(opened.group)
        except ComfyError as problem:
            log.warning("Can't save the progress of a %s: %s", self.kind, problem)
        self._listeners.call(opened.owner)

    def _let_run(self, opened: Open) -> None:
        """Start a thread for a group if it has none. If no thread can be started, the group
        fails."""
        try:
            with opened.lock:
                with self._lock:
                    self._open[opened.id] = opened
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
                if not self._runs.closed:
                    opened.fail(problem)
            except Exception:
                log.exception("A %s failed with an internal error", self.kind)
                opened.fail(ComfyError(_OUR_FAULT))
            if self.is_closing or not opened.end_or_go_on():
                break
        self._save(opened)
        self._close_ended(opened)
