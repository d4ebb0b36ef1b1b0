"""Settings of forms that their authors are editing and haven't saved."""

from __future__ import annotations

import threading

from cachetools import TTLCache

from comfy.workflow.config import FormConfig

_MOST = 200  # drafts of all users; the oldest one is dropped first
_SECONDS = 12 * 3600.0


class Drafts:
    """Drafts by owner and workflow, in memory. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._drafts = TTLCache[tuple[str, str], FormConfig](_MOST, _SECONDS)

    def put(self, owner: str, name: str, config: FormConfig) -> None:
        """Remember a draft, in place of an older one."""
        with self._lock:
            self._drafts[owner, name] = config

    def get(self, owner: str, name: str) -> FormConfig | None:
        """Return this user's draft for a workflow, None without one."""
        with self._lock:
            return self._drafts.get((owner, name))

    def drop(self, owner: str, name: str) -> None:
        """Forget a draft, if there is one."""
        with self._lock:
            self._drafts.pop((owner, name), None)
