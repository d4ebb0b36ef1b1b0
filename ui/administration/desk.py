"""Administration of one app: its parts, for the pages and for REST.

Node packs: installed by the servers' ComfyUI-Managers, for administrators.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from starlette.requests import HTTPConnection

from comfy.base.errors import ComfyError
from comfy.base.messages import message
from comfy.comfyui.servers.managers import managed_servers
from comfy.comfyui.servers.pool import ServerPool
from comfy.requirements.model import NodePack
from ui.administration.announcements import Announcements
from ui.administration.audit_log import Actor, AuditLog
from ui.administration.links import LinkActions, PluginLinks
from ui.administration.model_downloads import ModelActions
from ui.administration.people import Figures, People
from ui.administration.servers import Monitor, RunActions, ServerActions
from ui.services import Services
from ui.web.identity import Identity, owner_of_user

_NO_MANAGER = message("No ComfyUI server has ComfyUI-Manager.")
_BY_COMMAND = message("Install the pack with the command.")
_NOT_LISTED = message("The registry doesn't have this pack.")
_ADMINISTRATOR = message("The administrator")


@dataclass(frozen=True, slots=True)
class PackActions:
    """Installation of node packs; each is logged with the administrator."""

    pool: ServerPool
    audit: AuditLog

    def install(self, actor: Actor, pack: NodePack) -> None:
        """Let every server with a Manager install a pack of the registry. Raises ComfyError."""
        if not pack.is_listed:
            raise ComfyError(_NOT_LISTED, _BY_COMMAND)
        managed = managed_servers(self.pool)
        if not managed:
            raise ComfyError(_NO_MANAGER, _BY_COMMAND)
        for one in managed:
            one.install(pack.id, pack.release)
            names = {"person": actor.name, "pack": pack.id, "server": one.server.label}
            self.audit.note(actor, message("{person} installed {pack} on {server}.", **names))


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
    links: LinkActions

    @classmethod
    def of(
        cls,
        services: Services,
        identity: Identity,
        links: Sequence[PluginLinks],
        *,
        images: bool,
    ) -> Self:
        """Create the administration of an app. `links`: from plugins; `images`: whether
        administrators see previews."""
        runs = services.runs
        store, pool = runs.history.administration, services.servers
        audit = AuditLog(runs.history.audit)
        if identity.login is not None:
            identity.login.note = lambda who, *it: audit.note(Actor(owner_of_user(who), ""), *it)
            identity.login.note_sign_in = lambda who, address: audit.event(
                owner_of_user(who), "signed-in", address
            )
        runs.history.shared.is_removed = identity.is_removed
        operates = services.forms.permissions.operates
        groups = (services.batches, services.chains)
        keys = services.parts.payment.keys
        may = services.forms.permissions
        actions = LinkActions(runs.history, identity, audit, links)
        people = People(
            identity.login, operates, runs, groups, audit, actions, keys, may.group, may.assignable
        )
        return cls(
            services,
            identity,
            audit,
            people,
            Announcements(store, pool, audit),
            ServerActions(pool, audit, services.parts.local),
            PackActions(pool, audit),
            RunActions(runs, services.batches, identity, audit),
            Monitor(
                pool,
                services.reports,
                runs,
                services.batches,
                identity.name_of,
                images,
                services.parts,
            ),
            Figures(runs.history, services.library, identity.name_of),
            ModelActions(
                services.library,
                services.downloads,
                store.model_requests,
                audit,
                services.known_parts,
                services.model_files,
            ),
            actions,
        )

    def actor(self, request: HTTPConnection) -> Actor:
        """Return the administrator who sends a request."""
        owner = self.identity.owner(request) or ""
        return Actor(owner, self.identity.name_of(owner) or _ADMINISTRATOR)
