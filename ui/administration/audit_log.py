"""Log of administrators' actions: a line in the app's log, and a record for the page."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from comfy.base.errors import ComfyError
from comfy.base.messages import message
from comfy.records.audit import AuditAction, AuditEvent, AuditEvents, WantedEvents
from ui.web.guesses import FailedSignIns

log = logging.getLogger(__name__)
ACTION_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "run": message("Ran"),
        "failed": message("Failed"),
        "publish": message("Published"),
        "move": message("Moved"),
        "share": message("Shared"),
        "delete": message("Deleted"),
        "download": message("Downloaded"),
        "review": message("Reviewed"),
        "administer": message("Administration"),
        "account": message("Account"),
        "sign-in": message("Sign-in failed"),
        "signed-in": message("Signed in"),
    }
)


@dataclass(frozen=True, slots=True)
class Actor:
    """Administrator who does something: the `owner` of their runs, and their `name` for people."""

    owner: str
    name: str


class AuditLog:
    """Log of actions. `events`: the actions of all users. Thread-safe."""

    def __init__(self, events: AuditEvents) -> None:
        self.events = events

    def note(self, actor: Actor, sentence: str, action: AuditAction = "administer") -> None:
        """Log an administrator's action, or a user's on their account, also in the app's log. The
        sentence names the person."""
        log.info("%s", sentence)
        self.event(actor.owner, action, sentence)

    def event(
        self,
        owner: str,
        action: AuditAction,
        what: str,
        guest: str = "",
        address: str = "",
        count: int = 1,
    ) -> None:
        """Record an action of a user, or of a guest with a name, which was done anyway if that
        fails. `address`: see `AuditEvents.add`."""
        try:
            self.events.add(owner, action, what, guest=guest, address=address, count=count)
        except ComfyError as problem:
            log.warning("This action couldn't be recorded: %s %s", problem, problem.hint)

    def failed_sign_ins(self, failed: FailedSignIns) -> None:
        """Record how many failed, and where."""
        owner = f"user:{failed.name}" if failed.name else ""
        self.event(owner, "sign-in", failed.address, count=failed.number)

    def export(
        self, name_of: Callable[[str], str], wanted: WantedEvents, cursor: str
    ) -> Iterator[AuditEvent]:
        """Yield the wanted actions of all users, newest first, after the one with the id `cursor`.
        `name_of`: the name of an owner's account."""
        for one in self.events.of(wanted, cursor):
            kind, _, guest = one.account.partition(":")
            account = one.account if kind in ("user", "openid", "guest") else ""
            person = guest if kind == "guest" else name_of(account)
            yield replace(one, account=account, person=person)
