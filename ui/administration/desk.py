"""Administration of one app: its parts, for the pages and for REST."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from starlette.requests import HTTPConnection

from comfy.base.messages import message
from ui.administration.audit import Actor, AuditLog
from ui.administration.people import People
from ui.services import Services
from ui.web.identity import Identity

_ADMINISTRATOR = message("The administrator")


@dataclass(frozen=True, slots=True)
class Administration:
    """Parts of an app that administrators can see and change."""

    services: Services
    identity: Identity
    audit: AuditLog
    people: People

    @classmethod
    def of(cls, services: Services, identity: Identity) -> Self:
        """Create the administration of an app."""
        runs = services.runs
        audit = AuditLog(runs.history.administration if runs.history else None)
        operates = services.forms.permissions.operates
        people = People(identity.login, operates, runs, audit)
        return cls(services, identity, audit, people)

    def actor(self, request: HTTPConnection) -> Actor:
        """Return the administrator who sends a request."""
        owner = self.identity.owner(request) or ""
        return Actor(owner, self.identity.name_of(owner) or _ADMINISTRATOR)
