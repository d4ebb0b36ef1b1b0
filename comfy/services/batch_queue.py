"""The batches of everybody: each runs in a thread of its own, a few rows at a time, through the
registry of runs, so that people take turns whatever they have begun. They outlive the program."""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from cachetools import LRUCache

from comfy.batches.content import BatchContent, BatchRows
from comfy.batches.spec import BatchSpec, with_seeds
from comfy.errors import BatchNotFound, ComfyError
from comfy.messages import message
from comfy.prompt.value_types import BadValue
from comfy.records.groups import Group
from comfy.records.store import RunStore
from comfy.records.wanted import WantedOfGroups
from comfy.runs.limits import BatchLimits
from comfy.runs.shared import Callbacks
from comfy.services.batch_check import checked_batch
from comfy.services.batch_content import (
    content_from_json,
    content_to_json,
    values_of_all,
    with_other_values,
)
from comfy.services.batch_rows import RowStates
from comfy.services.batches import BatchRunner, RowBatch
from comfy.services.kept_uploads import kept_uploads
from comfy.services.open_batch import (
    BatchSummary,
    OpenBatch,
    about_batch,
    summary_of,
    why_paused,
)
from comfy.services.start import Starter
from comfy.services.uploads import Upload

log = logging.getLogger(__name__)

_RECENT = 200  # that ended, of which pages are still told
_SAVED_EACH = 1.0  # seconds: what is lost in between is found in the records of the runs
_LOOKED_AT = 200  # records at a time
_LOOKED_INTO = 5  # batches whose rows stay in memory, at most some 10 MB of each
_OUR_FAULT = message("Something went wrong inside this program.")
_GONE = message("This batch no longer exists.")


@dataclass(frozen=True, slots=True)
class BatchTable:
    """A batch with its rows, how far each is, and the runs of those that are in work."""

    summary: BatchSummary
    content: BatchContent
    rows: BatchRows
    states: RowStates
    live: Mapping[int, str]


class BatchQueue:
    """Any thread may call anything here; only `subscribe` and `recent` wait for no disk.
    BatchNotFound wherever there is no such batch of this owner."""

    def __init__(
        self, starter: Starter, limits: BatchLimits | None = None, *, nobody: str = ""
    ) -> None:
        """`nobody`: the owner of what nobody could find again, who has no batches."""
        self._starter, self._runs = starter, starter.runs
        self._limits, self._nobody = limits or BatchLimits(), nobody
        self._lock = threading.Lock()
        self._open: dict[str, OpenBatch] = {}
        self._ended: OrderedDict[str, tuple[str, BatchSummary]] = OrderedDict()
        self._contents = LRUCache[str, tuple[BatchContent, BatchRows]](_LOOKED_INTO)
        self._listeners = Callbacks[[str]]()

    def subscribe(self, callback: Callable[[str], None]) -> Callable[[], None]:
        """Call `callback` with an owner whenever something is new of one of their batches: it must
        not block. Returns the way out."""
        return self._listeners.add(callback)

    def resume(self) -> None:
        """Let those go on that did when the program ended, once the registry has taken up its
        runs."""
        if self._runs.history is None:
            return
        try:
            unfinished = self._runs.history.groups.unfinished("batch")
        except ComfyError as problem:
            log.warning("Batches of before the restart cannot go on: %s", problem)
            return
        for group in unfinished:
            batch = self._open_batch(group)
            with self._lock:
                self._open[batch.id] = batch
            if batch.state == "running":
                self._let_run(batch)

    def close(self, timeout: float = 5.0) -> None:
        """Wait until no batch is at work, once the registry is closed."""
        with self._lock:
            threads = [batch.thread for batch in self._open.values() if batch.thread is not None]
        end = time.monotonic() + timeout
        for thread in threads:
            thread.join(max(0.0, end - time.monotonic()))

    # One batch

    def start(
        self,
        workflow: str,
        base: Mapping[str, object],
        spec: BatchSpec,
        owner: str,
        address: str = "",
        *,
        attended: bool = False,
    ) -> BatchSummary:
        """Check all rows, keep the files among their values, and let the batch run. `base`: the
        values that the form has; `address`: as of `RunRegistry.submit`; `attended`: whoever asks
        stays until its end, and need not find it again.

        BatchErrors and FieldErrors say what is wrong; also raises TooManyRuns, WorkflowError,
        ServerUnreachable, ServerError, and ComfyError where there is no room for a file.
        """
        history = self._history()
        if owner == self._nobody and not attended:
            raise ComfyError(
                message("This app keeps no batches of yours."),
                message("Allow cookies for this page."),
            )
        self._check_room(owner, address)
        content, form = checked_batch(self._starter, workflow, base, spec, owner)
        content = with_seeds(form, content, spec.seeds, self._starter.rng)
        group_id, about = str(uuid.uuid4()), about_batch(form.title, workflow, content, address)
        group = Group(group_id, owner, "batch", time.time(), "running", about)
        given = {id(one): one for one in values_of_all(content) if isinstance(one, Upload)}
        uploads = {str(key): one for key, one in given.items()}
        with kept_uploads(self._starter.blobs, history, uploads) as files:
            told = content_to_json(
                with_other_values(content, lambda value: files.get(str(id(value)), value))
            )
            with self._lock:
                self._check_room_locked(owner, address)
                batch = self._open[group_id] = self._open_batch(group)
            try:
                history.groups.add(group, told, {one.digest for one in files.values()})
            except BaseException:
                with self._lock:
                    del self._open[group_id]
                raise
        self._let_run(batch)
        return batch.summary

    def pause(self, batch_id: str, owner: str) -> None:
        """Begin no more of its rows; those that run go on."""
        self._changed(self._opened(batch_id, owner), OpenBatch.pause)

    def go_on(self, batch_id: str, owner: str) -> None:
        """Let one run that is paused."""
        batch = self._opened(batch_id, owner)
        if batch.state == "paused":
            self._changed(batch, OpenBatch.go_on)
            self._let_run(batch)

    def stop(self, batch_id: str, owner: str) -> None:
        """End it: what waits is not begun, and what runs is cancelled."""
        self._changed(self._opened(batch_id, owner), OpenBatch.stop)

    def leave(self, batch_id: str, owner: str) -> None:
        """Nobody waits for it any more, or hears of it: end it, also where that is not written."""
        batch = self._opened(batch_id, owner)
        batch.stop()
        self._save(batch)
        if batch.thread is None:
            self._let_go(batch)

    def retry_failed(self, batch_id: str, owner: str) -> None:
        """Run the rows that have failed, or were stopped, once more."""
        with self._lock:
            known = batch_id in self._open
        batch = self._opened(batch_id, owner)
        if not known:
            self._check_room(owner, batch.address)
        with self._lock:
            batch = self._open.setdefault(batch_id, batch)
        self._changed(batch, lambda one: one.go_on("failed", "stopped"))
        if batch.state == "running":
            self._let_run(batch)

    def delete(self, batch_id: str, owner: str, *, with_runs: bool = False) -> None:
        """Forget one, which is stopped first; its runs stay in the history, unless they are no
        longer to be listed either, and soon deleted (`with_runs`)."""
        batch = self._opened(batch_id, owner)
        history = self._history()
        history.groups.delete(batch_id, owner)
        batch.deleted = True
        batch.stop()
        with self._lock:
            self._ended.pop(batch_id, None)
            if batch.thread is None:
                self._open.pop(batch_id, None)
        self._listeners.call(owner)
        wanted = WantedOfGroups(groups=(batch_id,))
        while with_runs and (runs := history.of(owner, wanted, limit=_LOOKED_AT)):
            if not history.unlist([one.id for one in runs], owner):
                break

    # Looking

    def of(self, owner: str) -> tuple[BatchSummary, ...]:
        """Those of one owner, the newest first."""
        if self._runs.history is None or owner == self._nobody:
            return ()
        groups = self._runs.history.groups.of(owner, "batch")
        with self._lock:
            live = {one.id: one for one in self._open.values()}
        return tuple(live[one.id].summary if one.id in live else summary_of(one) for one in groups)

    def recent(self, owner: str) -> tuple[BatchSummary, ...]:
        """Those of one owner that have not ended, and the last that have since the program's
        start; the oldest first."""
        with self._lock:
            live = [one for one in self._open.values() if one.owner == owner and not one.deleted]
            ended = [told for whose, told in self._ended.values() if whose == owner]
        going = [one.summary for one in live]
        known = {one.id for one in going}
        told = [*going, *(one for one in ended if one.id not in known)]
        return tuple(sorted(told, key=lambda one: (one.created_at, one.id)))

    def get(self, batch_id: str, owner: str) -> BatchSummary:
        """One of this owner's."""
        return self._opened(batch_id, owner).summary

    def table(self, batch_id: str, owner: str) -> BatchTable:
        """One of this owner's with its rows."""
        batch = self._opened(batch_id, owner)
        content, rows = self._content(batch_id, owner)
        states, live = batch.states()
        return BatchTable(batch.summary, content, rows, states, live)

    # Inside

    def _history(self) -> RunStore:
        if self._runs.history is None:
            raise ComfyError(message("This app remembers no runs, so it can't run batches."))
        return self._runs.history

    def _check_room(self, owner: str, address: str) -> None:
        """What has been paused for long is stopped first where there is no room."""
        with self._lock:
            batches = tuple(self._open.values())
        if self._limits.is_full(address, [(one.owner, one.address) for one in batches]):
            for one in (one for one in batches if one.was_paused_for(self._limits.paused)):
                self._changed(one, OpenBatch.stop)
        with self._lock:
            self._check_room_locked(owner, address)

    def _check_room_locked(self, owner: str, address: str) -> None:
        people = [(one.owner, one.address) for one in self._open.values()]
        self._limits.check(owner, address, people)

    def _open_batch(self, group: Group) -> OpenBatch:
        return OpenBatch(group, self._runs, partial(self._listeners.call, group.owner))

    def _opened(self, batch_id: str, owner: str) -> OpenBatch:
        """The batch, as it is in work or as it is remembered."""
        with self._lock:
            batch = self._open.get(batch_id)
        if batch is None and self._runs.history is not None:
            group = self._runs.history.groups.get(batch_id, owner)
            batch = self._open_batch(group) if group and group.kind == "batch" else None
        if batch is None or batch.owner != owner or batch.deleted:
            raise BatchNotFound(_GONE)
        return batch

    def _content(self, batch_id: str, owner: str) -> tuple[BatchContent, BatchRows]:
        """What is to be run, which never changes, of a batch that is this owner's."""
        with self._lock:
            known = self._contents.get(batch_id)
        if known is not None:
            return known
        told = self._history().groups.content(batch_id, owner)
        try:
            content = content_from_json(told or {})
        except (KeyError, TypeError, ValueError) as error:
            raise BatchNotFound(_GONE) from error
        read = content, BatchRows(content)
        with self._lock:
            self._contents[batch_id] = read
        return read

    def _changed(self, batch: OpenBatch, change: Callable[[OpenBatch], object]) -> None:
        """Do with a batch what somebody wants, and tell of it. ComfyError where it cannot be
        remembered: then nothing has changed."""
        try:
            with batch.saving:  # the thread writes nothing over it
                after = OpenBatch(batch.group, self._runs)
                change(after)
                self._history().groups.save(after.group)
                change(batch)
            self._listeners.call(batch.owner)
        finally:
            if batch.thread is None:
                self._let_go(batch)

    def _save(self, batch: OpenBatch) -> None:
        """Where nobody has asked for it: what cannot be written now is written later."""
        try:
            with batch.saving:  # nobody writes what was so before over what is so now
                batch.saved_at = time.monotonic()
                self._history().groups.save(batch.group)
        except ComfyError as problem:
            log.warning("How far a batch is could not be written: %s", problem)
        self._listeners.call(batch.owner)

    def _let_go(self, batch: OpenBatch) -> None:
        """Keep no more than a line of one that has ended."""
        if batch.state in ("running", "paused"):
            return
        with self._lock:
            if self._open.pop(batch.id, None) is not None and not batch.deleted:
                self._ended[batch.id] = batch.owner, batch.summary
                while len(self._ended) > _RECENT:
                    self._ended.popitem(last=False)
        self._listeners.call(batch.owner)

    def _let_run(self, batch: OpenBatch) -> None:
        """See that there is a thread that runs it."""
        with batch.lock:
            if batch.thread is None:
                main = partial(self._main, batch)
                name = f"batch-{batch.id[:8]}"
                batch.thread = threading.Thread(target=main, name=name, daemon=True)
                batch.thread.start()
        self._listeners.call(batch.owner)

    # The thread of a batch

    def _main(self, batch: OpenBatch) -> None:
        while True:
            try:
                self._run_rows(batch)
            except (ComfyError, BadValue) as problem:
                if not self._runs.closed:
                    batch.pause(why_paused(problem))
            except Exception:
                log.exception("A batch failed inside this program")
                batch.pause(_OUR_FAULT)
            if not batch.settle():
                break
        self._save(batch)
        self._let_go(batch)

    def _run_rows(self, batch: OpenBatch) -> None:
        _, rows = self._content(batch.id, batch.owner)
        rows_batch = RowBatch(uuid.UUID(batch.id), batch.workflow, rows)
        runner = BatchRunner(self._starter, batch.owner, batch.address)
        states, _ = batch.states()
        waiting = states.places("waiting")
        for start in range(0, len(waiting), _LOOKED_AT):
            some = waiting[start : start + _LOOKED_AT]
            last = runner.last_of(rows_batch, some)
            batch.found(some, {at: (one, runner.is_done(one)) for at, (one, _) in last.items()})
        states, _ = batch.states()
        over = set(range(len(rows))) - set(states.places("waiting"))
        for index, record in runner.run(rows_batch, over, batch):
            batch.ended(index, record, is_done=runner.is_done(record))
            if time.monotonic() - batch.saved_at > _SAVED_EACH:
                self._save(batch)
            else:
                self._listeners.call(batch.owner)
