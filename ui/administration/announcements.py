"""Announcements to all open pages: the notice, and which servers take runs."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from comfy.base.errors import ComfyError
from comfy.base.messages import message
from comfy.base.threads import Callbacks, repeated
from comfy.comfyui.servers.pool import ServerPool
from comfy.records.administration import AdministrationStore, Notice
from ui.administration.audit_log import Actor, AuditLog

log = logging.getLogger(__name__)
LONGEST_NOTICE = 500  # characters
_PAUSE = 2.0  # seconds until other processes' changes are seen
_LONGEST = 366 * 24 * 3600.0  # seconds that a notice with an end may stay
_EMPTY = message("Write the notice first.")
_TOO_LONG = message("The notice can have at most {count} characters.", count=LONGEST_NOTICE)
_NO_END = message("Choose an end within a year.")


class Announcements:
    """State that all open pages show. Thread-safe."""

    def __init__(self, store: AdministrationStore, servers: ServerPool, audit: AuditLog) -> None:
        self._store = store
        self._servers = servers
        self._audit = audit
        self._listeners = Callbacks[[]]()
        self._notice: Notice | None = None
        # Held while the database answers, so that `refresh` never restores an older notice.
        self._writing = threading.Lock()
        try:
            self.refresh()
        except ComfyError as problem:
            log.warning("The notice can't be read: %s %s", problem, problem.hint)
        servers.on_change(self._listeners.call)

    @property
    def notice(self) -> Notice | None:
        """Return the notice; None if there isn't one, or if it has ended."""
        notice = self._notice
        return None if notice is None or notice.is_over(time.time()) else notice

    @property
    def paused(self) -> bool:
        return self._servers.paused

    @property
    def servers(self) -> dict[str, int]:
        """Return the number of servers, and how many of them are available."""
        return {"count": len(self._servers.servers), "available": self._servers.available}

    @property
    def start_words(self) -> str:
        return self._servers.start_words

    def subscribe(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call `callback` after each change, from any thread. Return a function that
        unsubscribes."""
        return self._listeners.add(callback)

    def refresh(self) -> None:
        """Read the notice again, as another process may have changed it. Raises ComfyError."""
        with self._writing:
            before, self._notice = self._notice, self._store.notice()
        if self._notice != before:
            self._listeners.call()

    def put(self, actor: Actor, text: str, seconds: float | None = None) -> Notice:
        """Show a text on all pages, in place of the previous one, for this many seconds (None:
        until it is removed). Raises ComfyError for an empty or long text."""
        text = " ".join(text.split())
        if not text:
            raise ComfyError(_EMPTY)
        if len(text) > LONGEST_NOTICE:
            raise ComfyError(_TOO_LONG)
        if seconds is not None and not 0 < seconds <= _LONGEST:
            raise ComfyError(_NO_END)
        until = None if seconds is None else time.time() + seconds
        with self._writing:
            self._notice = notice = self._store.set_notice(text, until)
        self._listeners.call()
        names = {"person": actor.name, "text": text}
        self._audit.note(actor, message("{person} shared a notice: “{text}”", **names))
        return notice

    def remove(self, actor: Actor) -> None:
        with self._writing:
            self._store.remove_notice()
            had, self._notice = self.notice, None
        self._listeners.call()
        if had is not None:
            self._audit.note(actor, message("{person} removed the notice.", person=actor.name))


async def refresh_regularly(announcements: Announcements) -> None:
    """Show the changes that other processes make, until canceled."""

    def refresh() -> None:
        with suppress(ComfyError):  # other jobs log that the database is away
            announcements.refresh()

    await repeated(partial(asyncio.to_thread, refresh), _PAUSE)
