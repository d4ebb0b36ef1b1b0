"""Orders of downloads, stored in one file each, so that they survive a restart."""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

_ID = re.compile(r"[0-9a-f]{32}")
_STATES = ("active", "paused", "failed", "done")


@dataclass(frozen=True, slots=True)
class DownloadOrder:
    """Order to download a file. `folder`: ComfyUI's name of the model folder; `name`: the file,
    with its subfolders; `hosts`: the hosts that the administrator has added; `token`: for Hugging
    Face, never stored."""

    url: str
    folder: str
    name: str
    sha256: str = ""
    hosts: tuple[str, ...] = ()
    token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Entry:
    """Stored order with its state: active, paused, failed or done. `etag`: of the partial
    content; `size`: of the complete file in bytes, None if unknown; `problem`: why it failed."""

    id: str
    order: DownloadOrder
    at: float
    state: str = "active"
    etag: str = ""
    size: int | None = None
    problem: str = ""


class OrderJournal:
    """Folder of stored orders. Not thread-safe."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, entry: Entry) -> None:
        """Store an entry, atomically and without its token. Raises OSError."""
        self._folder.mkdir(parents=True, exist_ok=True)
        stored = asdict(entry)
        del stored["order"]["token"]
        file = self._file(entry.id)
        new = file.with_suffix(".new")
        with new.open("w", encoding="utf-8") as opened:
            json.dump(stored, opened)
            opened.flush()
            os.fsync(opened.fileno())
        new.replace(file)

    def remove(self, key: str) -> None:
        """Delete an entry."""
        self._file(key).unlink(missing_ok=True)

    def entries(self) -> Iterable[Entry]:
        """Return the stored entries, oldest first. Damaged files are skipped."""
        found = []
        for file in self._folder.glob("*.json"):
            with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
                found.append(_entry(json.loads(file.read_text(encoding="utf-8"))))
        return sorted(found, key=lambda entry: entry.at)

    def _file(self, key: str) -> Path:
        return self._folder / f"{key}.json"


def _entry(stored: dict[str, Any]) -> Entry:
    order = stored.pop("order")
    entry = Entry(order=DownloadOrder(**{**order, "hosts": tuple(order["hosts"])}), **stored)
    if not _ID.fullmatch(entry.id) or entry.state not in _STATES:
        raise ValueError("not an entry")
    return entry
