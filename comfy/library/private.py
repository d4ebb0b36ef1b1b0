"""Workflows that users opened, each visible only to the user who opened it."""

from __future__ import annotations

import hashlib
import logging
import re
import threading
import time
from collections.abc import Collection
from dataclasses import dataclass, replace

from cachetools import LRUCache

from comfy.base.errors import ComfyError, WorkflowError, WorkflowNotFound
from comfy.base.json_values import levels
from comfy.base.messages import message
from comfy.base.quota import Use, to_remove
from comfy.base.wording import short
from comfy.records.opened import OpenedKey, OpenedRow, OpenedStore, PrivateFile
from comfy.records.tables import digest
from comfy.workflow.config import config_in
from comfy.workflow.model import Workflow, open_workflow, title_from_name

log = logging.getLogger(__name__)

MARK = "~"  # no file name starts with it, so it can't collide with a workflow in the folder
_KEEP = 20  # workflows per user; the one opened longest ago is deleted first
# Size of all workflows together; the oldest one of the largest owner is deleted first
_BYTES = 128 * 1024 * 1024
LARGEST = (
    32 * 1024 * 1024
)  # bytes that one workflow may take in addition to its file; the largest known graph takes 4 MB
_VALUE = 100  # bytes of memory for a value, list or object, not counting its text
_DAY = 24 * 3600.0
_FRESH = 2.0  # seconds after which another process's changes are seen
_NAME = re.compile(rf"{MARK}[0-9a-f]{{16}}")


@dataclass(frozen=True, slots=True)
class _Known:
    """A workflow in the cache. `checked_at`: when its row was read, by the monotonic clock."""

    row: OpenedRow
    workflow: Workflow
    checked_at: float


class PrivateWorkflows:
    """Opened workflows by owner and name. Thread-safe.

    `files`: stores them, by default in memory only. Workflows unused for this many `days` are
    deleted, unless the clock jumped or this machine was off that long. Methods also raise
    ComfyError if the files can't be read or stored.
    """

    def __init__(
        self,
        files: OpenedStore | None = None,
        days: float = 30,
        keep: int = _KEEP,
        size: int = _BYTES,
    ) -> None:
        self._longest = days * _DAY  # seconds
        self._seen_every = min(_DAY, self._longest / 2)
        self._keep = keep
        self._size = size
        self._lock = threading.Lock()
        self._files = files or OpenedStore()
        self._cache = LRUCache[OpenedKey, _Known](
            size, getsizeof=lambda one: min(one.row.size, size)
        )

    def put(
        self,
        owner: str,
        file: str,
        data: bytes,
        *,
        address: str = "",
        settings: str | None = None,
    ) -> Workflow:
        """Remember a workflow and its file, and return the workflow with its new name. A file name
        that is too long for a title is cut.

        `settings`: of its form, unless it already has some. `address`: the client address of an
        owner without an account. Owners with the same address may be the same user.

        Raises WorkflowError if the file can't be read or is too large to remember.
        """
        name = f"{MARK}{hashlib.sha256(data).hexdigest()[:16]}"
        whose, now = digest(owner), time.time()
        opened = PrivateFile(
            whose, name, digest(address or owner), file, data, 0, now, settings=settings
        )
        before = self._files.read(opened.key)
        if before:
            kept, _ = before
            opened = replace(opened, settings=kept.settings or settings, history=kept.history)
        workflow, row = self._write(opened)
        self._remove([one.key for one in self._files.rows(whose)[: -self._keep]])
        self._remove(self._too_large(row))
        return workflow

    def get(self, owner: str, name: str) -> Workflow:
        """Return the workflow that this user opened under that name. Raises WorkflowError if it is
        gone or another user's."""
        return self._find(owner, name).workflow

    def opened_by(self, owner: str) -> tuple[Workflow, ...]:
        """Return the user's opened workflows that aren't shared, newest first. While the database
        is away, only those in the cache."""
        rows = self._rows_of(digest(owner))
        known = (self._known(row) for row in reversed(rows) if not row.is_shared)
        return tuple(one.workflow for one in known if one)

    def note_shared(self, owner: str, name: str) -> None:
        """Mark a workflow as shared. It is now listed in the folder and stays here only for
        existing runs and batches that name it."""
        self._write(replace(self._read(owner, name), is_shared=True))

    def settings(self, owner: str, name: str) -> tuple[str | None, str]:
        """Return the settings of a workflow's form as TOML, None without any, and their history.
        Raises WorkflowError like `get`."""
        file = self._read(owner, name)
        return file.settings, file.history

    def set_settings(self, owner: str, name: str, settings: str | None, history: str) -> None:
        """Store the settings of a workflow's form and their history. Raises WorkflowError like
        `get`."""
        self._write(replace(self._read(owner, name), settings=settings, history=history))

    def forget(self, owner: str, name: str) -> None:
        """Forget a workflow that this user opened. Raises WorkflowError like `get`."""
        self._remove([self._find(owner, name).row.key])

    def sweep(self) -> None:
        """Delete workflows that were unused for too long or exceed the space limit."""
        now, longest, rows = time.time(), self._longest, self._files.rows()
        # Delete unused workflows only if another one was used within the period, and not just now.
        # Otherwise the clock may be wrong.
        if any(self._seen_every / 2 <= now - row.used_at <= longest for row in rows):
            self._remove([row.key for row in rows if now - row.used_at > longest])
        self._remove(self._too_large())

    def file(self, owner: str, name: str) -> tuple[str, bytes]:
        """Return the name and bytes of a workflow's file. Raises WorkflowError like `get`."""
        file = self._read(owner, name)
        return file.file, file.data

    def _find(self, owner: str, name: str) -> _Known:
        """Return a workflow that is at most `_FRESH` seconds old, and note its use."""
        if not _NAME.fullmatch(name):
            raise _not_here()
        key = digest(owner), name
        with self._lock:
            known: _Known | None = self._cache.get(key)
        if known is None or time.monotonic() - known.checked_at > _FRESH:
            known = self._read_again(key, known)
        if known is None:
            raise _not_here()
        now = time.time()
        if known.row.used_at < now - self._seen_every:
            self._files.touch(key)
            known = self._cached(replace(known, row=replace(known.row, used_at=now)))
        return known

    def _read_again(self, key: OpenedKey, known: _Known | None) -> _Known | None:
        """Return a workflow as it is stored now. While the database is away, `known` stays."""
        try:
            row = self._files.row(key)
            return None if row is None else self._known(row)
        except ComfyError:
            if known is None:
                raise
            return known

    def _rows_of(self, owner: str) -> tuple[OpenedRow, ...]:
        try:
            return self._files.rows(owner)
        except ComfyError as problem:
            log.warning("Can't list opened workflows: %s", problem)
        with self._lock:
            own = [one.row for one in self._cache.values() if one.row.owner == owner]
        return tuple(sorted(own, key=lambda row: row.opened_at))

    def _read(self, owner: str, name: str) -> PrivateFile:
        """Return a stored file, and note its use."""
        found = self._files.read(self._find(owner, name).row.key)
        if found is None:
            raise _not_here()
        return found[0]

    def _known(self, row: OpenedRow) -> _Known | None:
        """Return the workflow of this row, from the cache if it has the row's revision. None if the
        file was deleted meanwhile, or is refused by this version of the app."""
        now = time.monotonic()
        with self._lock:
            known: _Known | None = self._cache.get(row.key)
        if known is None or known.row.revision != row.revision:
            found = self._files.read(row.key)
            if found is None:
                return None
            file, row = found
            try:
                workflow = _workflow_of(file)
            except WorkflowError as problem:
                log.warning("An opened workflow is deleted: %s", problem)
                self._remove([row.key])
                return None
            known = _Known(row, workflow, now)
        return self._cached(replace(known, row=row, checked_at=now))

    def _cached(self, new: _Known) -> _Known:
        """Put a workflow into the cache. Another thread's equal workflow stays, because forms are
        cached by it."""
        with self._lock:
            old: _Known | None = self._cache.get(new.row.key)
            if old is not None and old.row.revision == new.row.revision:
                new = replace(new, workflow=old.workflow)
            self._cache[new.row.key] = new
        return new

    def _write(self, file: PrivateFile) -> tuple[Workflow, OpenedRow]:
        """Store a file with its size. Raises WorkflowError if it can't be opened."""
        workflow = _workflow_of(file)
        size = weight(workflow.prompt) + weight(workflow.graph)
        size += len(file.data) + len(file.settings or "") + len(file.history)
        row = self._files.write(replace(file, size=size))
        self._cached(_Known(row, workflow, time.monotonic()))
        return workflow, row

    def _remove(self, keys: Collection[OpenedKey]) -> None:
        self._files.remove(keys)
        with self._lock:
            for key in keys:
                self._cache.pop(key, None)

    def _too_large(self, newest: OpenedRow | None = None) -> list[OpenedKey]:
        """Return the workflows that exceed the space limit, except the newest."""
        if self._files.total() <= self._size:
            return []
        rows = self._files.rows()
        uses = [
            Use(str(at), row.address, newest is None or row.key != newest.key, str(at), row.size)
            for at, row in enumerate(rows)
        ]
        return [rows[int(at)].key for at in to_remove(uses, self._size)]


def _workflow_of(file: PrivateFile) -> Workflow:
    """Return a file's workflow, with the file's settings. Raises WorkflowError."""
    original = open_workflow(file.file, file.data)
    if weight(original.prompt) + weight(original.graph) > LARGEST:
        raise WorkflowError(
            message("This workflow is too large to open here."),
            message("Open a smaller one."),
        )
    config = None if file.settings is None else config_in(file.settings)
    title = (config.title if config else "") or original.title or title_from_name(original.name)
    return replace(original, name=file.name, title=short(title), config=config)


def _not_here() -> WorkflowNotFound:
    return WorkflowNotFound(
        message("This workflow isn't available here."),
        message(
            "Open its file again. If someone sent you this link, ask them for the file"
            " or to share the workflow."
        ),
    )


def weight(value: object) -> int:
    """Return the approximate memory size of a JSON value, in bytes."""
    return sum(
        _VALUE * len(level) + sum(len(one) for one in level if isinstance(one, str))
        for level in levels(value)
    )
