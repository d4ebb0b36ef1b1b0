"""Workflows that users opened, each visible only to the user who opened it."""

from __future__ import annotations

import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from comfy.base.errors import WorkflowError, WorkflowNotFound
from comfy.base.json_values import levels
from comfy.base.messages import message
from comfy.base.quota import Use, to_remove
from comfy.base.wording import short
from comfy.library.private_files import PrivateFile, PrivateFiles
from comfy.workflow.config import config_in
from comfy.workflow.model import Workflow, open_workflow, title_from_name

MARK = "~"  # no file name starts with it, so it can't collide with a workflow in the folder
_KEEP = 20  # workflows per user; the one opened longest ago is deleted first
# Size of all workflows together; the oldest one of the largest owner is deleted first
_BYTES = 128 * 1024 * 1024
LARGEST = (
    32 * 1024 * 1024
)  # bytes that one workflow may take in addition to its file; the largest known graph takes 4 MB
_VALUE = 100  # bytes of memory for a value, list or object, not counting its text
_DAY = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class _Opened:
    """An opened workflow. `used_at`: seconds since 1970, accurate to a day; `size`: bytes of the
    file plus memory."""

    kept: PrivateFile
    workflow: Workflow
    size: int
    used_at: float


class PrivateWorkflows:
    """Opened workflows by owner and name.

    `folder`: stores their files, so that they survive a restart; None keeps them in memory only.
    Workflows unused for this many `days` are deleted, unless the clock jumped or this machine was
    off that long.
    """

    def __init__(
        self, folder: Path | None = None, days: float = 30, keep: int = _KEEP, size: int = _BYTES
    ) -> None:
        self._longest = days * _DAY  # seconds
        self._seen_every = min(_DAY, self._longest / 2)
        self._keep = keep
        self._size = size
        self._lock = threading.Lock()
        self._files = PrivateFiles(folder)
        self._opened: OrderedDict[tuple[str, str], _Opened] = OrderedDict()
        for kept, used_at in sorted(self._files.read(), key=lambda read: read[0].opened_at):
            try:
                self._opened[kept.owner, kept.name] = _opened(kept, used_at)
            except WorkflowError:  # a newer version of the app may refuse it
                self._files.remove(kept)
        self.sweep()

    def put(self, owner: str, file: str, data: bytes, *, address: str = "") -> Workflow:
        """Remember a workflow and its file, and return the workflow with its new name. A file name
        that is too long for a title is cut.

        `address`: the client address of an owner without an account. Owners with the same address
        may be the same user.

        Raises WorkflowError if the file can't be read or is too large to remember.
        """
        name = f"{MARK}{hashlib.sha256(data).hexdigest()[:16]}"
        now, whose = time.time(), _digest(owner)
        kept = PrivateFile(whose, name, _digest(address or owner), file, data, opened_at=now)
        with self._lock:
            before = self._opened.get((whose, name))
        if before:
            kept = replace(kept, settings=before.kept.settings, history=before.kept.history)
        opened = _opened(kept, now)
        self._files.write(kept)
        with self._lock:
            self._opened[kept.owner, name] = opened
            self._opened.move_to_end((kept.owner, name))
            self._forget(self._too_many(kept.owner))
            self._forget(self._too_large(kept))
        return opened.workflow

    def get(self, owner: str, name: str) -> Workflow:
        """Return the workflow that this user opened under that name. Raises WorkflowError if it is
        gone or another user's."""
        return self._find(owner, name).workflow

    def opened_by(self, owner: str) -> tuple[Workflow, ...]:
        """Return the user's opened workflows that aren't shared, newest first."""
        whose = _digest(owner)
        with self._lock:
            return tuple(
                one.workflow
                for one in reversed(self._opened.values())
                if one.kept.owner == whose and not one.kept.is_shared
            )

    def note_shared(self, owner: str, name: str) -> None:
        """Mark a workflow as shared. It is now listed in the folder and stays here only for
        existing runs and batches that name it."""
        opened = self._find(owner, name)
        kept = replace(opened.kept, is_shared=True)
        with self._lock:
            self._files.write(kept)
            self._opened[kept.owner, name] = replace(opened, kept=kept)

    def settings(self, owner: str, name: str) -> tuple[str | None, str]:
        """Return the settings of a workflow's form as TOML, None without any, and their history.
        Raises WorkflowError like `get`."""
        kept = self._find(owner, name).kept
        return kept.settings, kept.history

    def set_settings(self, owner: str, name: str, settings: str | None, history: str) -> None:
        """Store the settings of a workflow's form and their history. Raises WorkflowError like
        `get`."""
        opened = self._find(owner, name)
        kept = replace(opened.kept, settings=settings, history=history)
        changed = _opened(kept, opened.used_at)
        with self._lock:
            self._files.write(kept)
            self._opened[kept.owner, name] = changed

    def forget(self, owner: str, name: str) -> None:
        """Forget a workflow that this user opened. Raises WorkflowError like `get`."""
        opened = self._find(owner, name)
        with self._lock:
            self._forget([opened.kept])

    def sweep(self) -> None:
        """Delete workflows that were unused for too long or exceed the space limit."""
        now, longest = time.time(), self._longest
        with self._lock:
            every = list(self._opened.values())
            # Delete unused workflows only if another one was used within the period, and not just
            # now. Otherwise the clock may be wrong.
            if any(self._seen_every / 2 <= now - one.used_at <= longest for one in every):
                self._forget([one.kept for one in every if now - one.used_at > longest])
            self._forget(self._too_large())

    def file(self, owner: str, name: str) -> tuple[str, bytes]:
        """Return the name and bytes of a workflow's file. Raises WorkflowError like `get`."""
        kept = self._find(owner, name).kept
        return kept.file, kept.data

    def _find(self, owner: str, name: str) -> _Opened:
        key, now = (_digest(owner), name), time.time()
        with self._lock:
            opened = self._opened.get(key)
            if opened and opened.used_at < now - self._seen_every:
                self._opened[key] = replace(opened, used_at=now)
                self._files.touch(opened.kept)
        if opened is None:
            raise WorkflowNotFound(
                message("This workflow isn't available here."),
                message(
                    "Open its file again. If someone sent you this link, ask them for the file"
                    " or to share the workflow."
                ),
            )
        return opened

    def _too_many(self, owner: str) -> list[PrivateFile]:
        own = [one.kept for one in self._opened.values() if one.kept.owner == owner]
        return own[: -self._keep]

    def _too_large(self, newest: PrivateFile | None = None) -> list[PrivateFile]:
        """Return the workflows that exceed the space limit, except the newest."""
        every = list(self._opened.values())
        uses = [
            Use(str(at), one.kept.address, one.kept is not newest, str(at), one.size)
            for at, one in enumerate(every)
        ]
        return [every[int(at)].kept for at in to_remove(uses, self._size)]

    def _forget(self, some: Iterable[PrivateFile]) -> None:
        for kept in some:
            self._opened.pop((kept.owner, kept.name), None)
            self._files.remove(kept)


def _opened(kept: PrivateFile, used_at: float) -> _Opened:
    original = open_workflow(kept.file, kept.data)
    taken = weight(original.prompt) + weight(original.graph)
    if taken > LARGEST:
        raise WorkflowError(
            message("This workflow is too large to open here."),
            message("Open a smaller one."),
        )
    workflow = replace(
        original,
        name=kept.name,
        title=short(title_from_name(original.name)),
        config=None if kept.settings is None else config_in(kept.settings),
    )
    size = taken + len(kept.data) + len(kept.settings or "") + len(kept.history)
    return _Opened(kept, workflow, size, used_at)


def weight(value: object) -> int:
    """Return the approximate memory size of a JSON value, in bytes."""
    return sum(
        _VALUE * len(level) + sum(len(one) for one in level if isinstance(one, str))
        for level in levels(value)
    )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
