"""What all runs of one registry share."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from comfy.client.client import Client
from comfy.protocol.parse import WarnOnce
from comfy.runs.fair_queue import FairQueue
from comfy.runs.timeouts import Timeouts

if TYPE_CHECKING:
    from comfy.records.blobs import BlobStore
    from comfy.records.store import RunStore


class EndedPrompts:
    """The last few prompts that ran to their end; a server that still knows one of them was not
    restarted since. Any thread may call it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ids: deque[str] = deque(maxlen=3)

    def add(self, prompt_id: str) -> None:
        """Note that this prompt is done, or has failed."""
        with self._lock:
            self._ids.append(prompt_id)

    def ids(self) -> tuple[str, ...]:
        """Their ids, oldest first."""
        with self._lock:
            return tuple(self._ids)


@dataclass(frozen=True, slots=True)
class RunContext:
    """The server, how patient to be with it, and who goes next. `files`: where files that runs are
    given are kept. Without a `history` nothing outlives the program."""

    client: Client
    timing: Timeouts
    line: FairQueue
    files: BlobStore | None = None
    history: RunStore | None = None
    skipped: WarnOnce = field(default_factory=WarnOnce)
    ended: EndedPrompts = field(default_factory=EndedPrompts)
