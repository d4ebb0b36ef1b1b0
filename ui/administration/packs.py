"""Node packs: installed by the servers' ComfyUI-Managers, for administrators."""

from __future__ import annotations

from dataclasses import dataclass

from comfy.base.errors import ComfyError
from comfy.base.messages import message
from comfy.comfyui.servers.managers import managed_servers
from comfy.comfyui.servers.pool import ServerPool
from comfy.requirements.model import NodePack
from ui.administration.audit import Actor, AuditLog

_NO_MANAGER = message("No ComfyUI server has ComfyUI-Manager.")
_BY_COMMAND = message("Install the pack with the command.")
_NOT_LISTED = message("The registry doesn't have this pack.")


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
            self.audit.note(message("{person} installed {pack} on {server}.", **names))
