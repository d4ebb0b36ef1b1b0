"""What the queues of batches and of chains have in common: groups of runs of everybody, of which
each that goes on has a thread of its own, and which outlive the program."""

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

_OUR_FAULT = message("Something went wrong inside this program.")


class OpenGroup(ABC):
    """A batch or chain that any thread may use. Only the queue sets `thread`; a thread holds
    `saving` while it writes the group. `address` and `text_sources` are as in `Origin`."""

    def __init__(self, group: Group) -> None:
        """As it is remembered."""
        self.id, self.owner = group.id, group.owner
        self.address = str(group.about.get("address", ""))
        self.text_sources = tuple(map(str, group.about.get("text_sources", ())))
        self.thread: threading.Thread | None = None
        self.deleted = False
        self.lock, self.saving = threading.RLock(), threading.Lock()

    @property
    def origin(self) -> Origin:
        """The origin of its runs."""
        return Origin(self.owner, self.address, text_sources=self.text_sources)

    @property
    @abstractmethod
    def group(self) -> Group:
        """As it is to be remembered now."""

    @property
    @abstractmethod
    def is_at_work(self) -> bool:
        """It has runs whose end it has not noted."""

    def delete(self) -> None:
        """Stop it, and tell nobody of it any more."""
        with self.lock:
            self.deleted = True
        self.stop()

    @abstractmethod
    def stop(self) -> None:
        """End it: what waits is not begun, and what runs is cancelled."""

    @abstractmethod
    def fail(self, problem: ComfyError) -> None:
        """It cannot go on."""

    @abstractmethod
    def end_or_go_on(self) -> bool:
        """Of the thread alone, once it has nothing in work: whether it is to go on after all."""


class Standing(Protocol):
    """How far one is."""

    @property
    def finished(self) -> bool:
        """It is over."""


Open = TypeVar("Open", bound=OpenGroup)
AnyStanding = TypeVar("AnyStanding", bound=Standing)


class GroupQueue(ABC, Generic[Open, AnyStanding]):
    """Any thread may call anything here; only `subscribe` waits for no disk."""

    kind: ClassVar[GroupKind]
    keeps_none: ClassVar[str]  # what is said to somebody who could not find one again
    no_history: ClassVar[str]  # what is said where nothing is remembered

    def __init__(self, starter: Starter, limits: BatchLimits | ChainLimits, nobody: str) -> None:
        """`nobody`: the owner of what nobody could find again, who has some only while they are
        waited for."""
        self._starter, self._runs = starter, starter.runs
        self._group_limits, self._nobody = limits, nobody
        self._lock = threading.Lock()
        self._open: dict[str, Open] = {}
        # Whoever asks for one at the same time has the same one: else one of them would write, and
        # stop, what it no longer is.
        self._shared = WeakValueDictionary[str, Open]()
        self._reading = threading.Lock()
        self._closing = threading.Event()
        self._listeners = Callbacks[[str]]()

    def subscribe(self, callback: Callable[[str], None]) -> Callable[[], None]:
        """Call `callback` with an owner whenever something is new of one of theirs: it must not
        block. Returns the way out."""
        return self._listeners.add(callback)

    def resume(self) -> None:
        """Let those go on that did when the program ended, once the registry has taken up its
        runs."""
        history = self._runs.history
        try:
            unfinished = () if history is None else history.groups.unfinished(self.kind)
        except ComfyError as problem:
            log.warning("No %s of before the restart can go on: %s", self.kind, problem)
            return
        for group in unfinished:
            try:
                if group.owner == self._nobody:
                    self._end_unwaited(group)
                else:
                    self._take_up(group)
            except ComfyError as problem:
                log.warning("A %s of before the restart cannot go on: %s", self.kind, problem)
            except Exception:  # one keeps no other from it
                log.exception("A %s of before the restart cannot go on", self.kind)

    def close(self, timeout: float = 5.0) -> None:
        """Wait until none is at work, once the registry is closed."""
        self._closing.set()
        with self._lock:
            threads = [one.thread for one in self._open.values() if one.thread is not None]
        end = time.monotonic() + timeout
        for thread in threads:
            thread.join(max(0.0, end - time.monotonic()))

    def _known(self, owner: str) -> tuple[Open | Group, ...]:
        """Those of one owner, the newest first: as they go on, or as they are remembered."""
        if self._runs.history is None or owner == self._nobody:
            return ()
        groups = self._runs.history.groups.of(owner, self.kind)
        with self._lock:
            return tuple(self._open.get(one.id, one) for one in groups)

    @property
    def is_closing(self) -> bool:
        """The program ends: what is not over goes on in the next one."""
        return self._runs.closed or self._closing.is_set()

    def is_at_work(self, group_id: str) -> bool:
        """One of them has runs that go on, also as those that the program finishes at its end; what
        `get` tells after that has the ends of all others."""
        with self._lock:
            one = self._open.get(group_id)
        return one is not None and one.is_at_work

    # What each kind does

    @abstractmethod
    def get(self, group_id: str, owner: str, /) -> AnyStanding:
        """How far one of this owner's is."""

    @abstractmethod
    def _make(self, group: Group) -> Open:
        """One as it is remembered."""

    @abstractmethod
    def _not_found(self) -> ComfyError:
        """What is raised where an owner has no such one."""

    @abstractmethod
    def _take_up(self, group: Group) -> None:
        """Let one go on that did when the program ended."""

    @abstractmethod
    def _run(self, one: Open) -> None:
        """Of its thread: do what there is to do. What is raised, it is told to `OpenGroup.fail`."""

    @abstractmethod
    def _close_ended(self, one: Open) -> None:
        """Keep no more of one that has ended than people are told."""

    # Inside

    def _open_group(self, group: Group) -> Open:
        one = self._make(group)
        with self._lock:
            self._shared[group.id] = one
        return one

    def _opened(self, group_id: str, owner: str) -> Open:
        """One of this owner's, as it is in work or as it is remembered. Raises `_not_found`."""
        with self._reading:
            with self._lock:
                one = self._shared.get(group_id)
            if one is None and self._runs.history is not None:
                group = self._runs.history.groups.get(group_id, owner)
                one = self._open_group(group) if group and group.kind == self.kind else None
        if one is None or one.owner != owner or one.deleted:
            raise self._not_found()
        return one

    def _end_unwaited(self, group: Group) -> None:
        """Whoever waited for it is gone."""
        for run in self._runs.line_of(group.owner):
            if run.record.group == group.id:
                run.cancel()
        self._history().groups.delete(group.id, group.owner)

    def _history(self) -> RunStore:
        if self._runs.history is None:
            raise ComfyError(self.no_history)
        return self._runs.history

    def _check_kept(self, owner: str, *, attended: bool) -> None:
        """ComfyError for somebody who could not find one again, and does not wait for it."""
        if owner == self._nobody and not attended:
            raise ComfyError(self.keeps_none, message("Allow cookies for this page."))

    def _check_start(self, origin: Origin, *, attended: bool) -> None:
        """Raise ComfyError if this origin may not start a group now."""
        self._check_kept(origin.owner, attended=attended)
        with self._lock:
            self._check_room_locked(origin.owner, origin.address)

    def _check_room_locked(self, owner: str, address: str, but: str = "") -> None:
        """TooManyRuns where one more is too much; the one with the id `but` does not count."""
        people = [(one.owner, one.address) for one in self._open.values() if one.id != but]
        self._group_limits.check(owner, address, people)

    @contextmanager
    def _counted(self, one: Open) -> Iterator[None]:
        """It counts among those that go on, unless the block fails. Raises TooManyRuns."""
        with self._lock:
            self._check_room_locked(one.owner, one.address, one.id)
            was_open = one.id in self._open
            self._open[one.id] = one
        try:
            yield
        except BaseException:
            with self._lock:
                if one.thread is None and not was_open:
                    self._open.pop(one.id, None)
            raise

    def _save(self, one: Open) -> None:
        """Write how far it is, and tell of it: what cannot be written now is written later."""
        try:
            with one.saving:  # nobody writes what was so before over what is so now
                self._history().groups.save(one.group)
        except ComfyError as problem:
            log.warning("How far a %s is could not be written: %s", self.kind, problem)
        self._listeners.call(one.owner)

    def _let_run(self, one: Open) -> None:
        """See that there is a thread that runs it. Where none can be started, it is told why it
        cannot go on, as by that thread."""
        try:
            with one.lock:
                with self._lock:
                    self._open[one.id] = one
                if one.thread is None:
                    main, name = partial(self._main, one), f"{self.kind}-{one.id[:8]}"
                    thread = threading.Thread(target=main, name=name, daemon=True)
                    start_thread(thread)
                    one.thread = thread
        except TooManyThreads as problem:
            if not self._runs.closed:  # else it goes on in the next life
                one.fail(problem)
            self._save(one)
            self._close_ended(one)
        self._listeners.call(one.owner)

    def _main(self, one: Open) -> None:
        while True:
            try:
                self._run(one)
            except ComfyError as problem:
                if not self._runs.closed:
                    one.fail(problem)
            except Exception:
                log.exception("A %s failed inside this program", self.kind)
                one.fail(ComfyError(_OUR_FAULT))
            if self.is_closing or not one.end_or_go_on():  # else it goes on in the next life
                break
        self._save(one)
        self._close_ended(one)
