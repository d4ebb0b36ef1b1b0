"""Administration of one app: its parts, for the pages and for REST."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from starlette.requests import HTTPConnection

from comfy.base.messages import message
from ui.administration.announcements import Announcements
from ui.administration.audit import Actor, AuditLog
from ui.administration.figures import Figures
from ui.administration.model_downloads import ModelActions
from ui.administration.overview import Monitor
from ui.administration.packs import PackActions
from ui.administration.people import People
from ui.administration.servers import RunActions, ServerActions
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
    announcements: Announcements
    servers: ServerActions
    packs: PackActions
    runs: RunActions
    monitor: Monitor
    figures: Figures
    models: ModelActions

    @classmethod
    def of(cls, services: Services, identity: Identity, *, images: bool) -> Self:
        """Create the administration of an app. `images`: whether administrators see previews."""
        runs = services.runs
        store, pool = runs.history.administration if runs.history else None, services.servers
        audit = AuditLog(store)
        operates = services.forms.permissions.operates
        groups = (services.batches, services.chains)
        keys = services.parts.payment.keys
        people = People(identity.login, operates, runs, groups, audit, keys)
        return cls(
            services,
            identity,
            audit,
            people,
            Announcements(store, pool, audit),
            ServerActions(pool, audit, services.parts.local),
            PackActions(pool, audit),
            RunActions(runs, identity, audit),
            Monitor(pool, services.reports, runs, identity.name_of, images, services.parts),
            Figures(runs.history, services.library, identity.name_of),
            ModelActions(
                services.library,
                services.downloads,
                store.model_requests if store else None,
                audit,
                services.known_parts,
            ),
        )

    def actor(self, request: HTTPConnection) -> Actor:
        """Return the administrator who sends a request."""
        owner = self.identity.owner(request) or ""
        return Actor(owner, self.identity.name_of(owner) or _ADMINISTRATOR)
