"""Log of administrators' actions: a line in the app's log, and a record for the page."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from comfy.base.errors import ComfyError
from comfy.records.administration import AdministrationStore, AuditLine
from comfy.records.audit import AuditAction, AuditEvent, AuditEvents, WantedEvents

log = logging.getLogger(__name__)
_MOST = 50  # shown on the page


@dataclass(frozen=True, slots=True)
class Actor:
    """Administrator who does something: the `owner` of their runs, and their `name` for people."""

    owner: str
    name: str


class AuditLog:
    """Log of actions. Without a `store`, administrators' last ones are in memory. `events`: the
    actions of all users, None without a database. Thread-safe."""

    def __init__(
        self, store: AdministrationStore | None, events: AuditEvents | None = None
    ) -> None:
        self._store = store
        self.events = events
        self._lines: deque[AuditLine] = deque(maxlen=_MOST)

    def note(self, actor: Actor, sentence: str) -> None:
        """Log an administrator's action, also in the app's log. The sentence names them."""
        log.info("%s", sentence)
        self.event(actor.owner, "administer", sentence)
        if self._store is None:
            self._lines.appendleft(AuditLine(time.time(), sentence))
            return
        try:
            self._store.add_line(sentence)
        except ComfyError as problem:  # the action was done anyway
            log.warning("This action couldn't be recorded: %s %s", problem, problem.hint)

    def event(
        self, owner: str, action: AuditAction, what: str, guest: str = "", address: str = ""
    ) -> None:
        """Record an action of a user, or of a guest with a name, which was done anyway if that
        fails. `address`: see `AuditEvents.add`."""
        try:
            if self.events is not None:
                self.events.add(owner, action, what, guest=guest, address=address)
        except ComfyError as problem:
            log.warning("This action couldn't be recorded: %s %s", problem, problem.hint)

    def export(self, name_of: Callable[[str], str], wanted: WantedEvents) -> Iterator[AuditEvent]:
        """Yield the wanted actions of all users, newest first; without a database, administrators'
        last ones. `name_of`: the name of an owner's account."""
        if self.events is None:
            for line in self._lines:
                yield AuditEvent(line.at, "", "", "administer", line.sentence, "")
            return
        for one in self.events.of(wanted):
            kind, _, guest = one.account.partition(":")
            account = one.account if kind in ("user", "openid", "guest") else ""
            person = guest if kind == "guest" else name_of(account)
            yield replace(one, account=account, person=person)

    def last(self) -> tuple[AuditLine, ...]:
        """Return the last actions, newest first. Raises ComfyError."""
        return tuple(self._lines) if self._store is None else self._store.lines(_MOST)
