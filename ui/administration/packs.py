"""Node packs: installed by the servers' ComfyUI-Managers, for administrators."""

from __future__ import annotations

from dataclasses import dataclass

from comfy.base.errors import ComfyError, TooManyThreads
from comfy.base.messages import message
from comfy.base.threads import in_threads
from comfy.comfyui.client.manager import Manager, ManagerClient
from comfy.comfyui.servers.pool import ServerPool
from comfy.comfyui.servers.server import ComfyServer
from comfy.requirements.model import NodePack
from ui.administration.audit import Actor, AuditLog

_ANSWER_SECONDS = 5.0
_NO_MANAGER = message("No ComfyUI server has ComfyUI-Manager.")
_BY_COMMAND = message("Install the pack with the command.")
_NOT_LISTED = message("The registry doesn't have this pack.")


@dataclass(frozen=True, slots=True)
class ManagedServer:
    """Server with a ComfyUI-Manager. `number`: its place in the settings."""

    number: int
    server: ComfyServer
    manager: Manager


@dataclass(frozen=True, slots=True)
class PackActions:
    """Installation of node packs and restarts by ComfyUI-Manager; each is logged with the
    administrator."""

    pool: ServerPool
    audit: AuditLog

    def managers(self) -> tuple[ManagedServer, ...]:
        """Return the servers that answer and have a Manager. Waits for all servers, for a few
        seconds at most."""
        servers = tuple(enumerate(self.pool.servers))
        try:
            found = in_threads(lambda one: _manager_of(one[1]), servers, name="managers")
        except TooManyThreads:
            return ()
        return tuple(
            ManagedServer(number, server, manager)
            for (number, server), manager in zip(servers, found, strict=True)
            if manager is not None
        )

    def install(self, actor: Actor, pack: NodePack) -> None:
        """Let every server with a Manager install a pack of the registry. Raises ComfyError."""
        if not pack.is_listed:
            raise ComfyError(_NOT_LISTED, _BY_COMMAND)
        managers = self.managers()
        if not managers:
            raise ComfyError(_NO_MANAGER, _BY_COMMAND)
        for one in managers:
            with _client(one.server) as client:
                client.install(one.manager, pack.id, pack.release)
            names = {"person": actor.name, "pack": pack.id, "server": one.server.label}
            self.audit.note(message("{person} installed {pack} on {server}.", **names))

    def reboot(self, server: ComfyServer) -> bool:
        """Restart a ComfyUI by its Manager. Return False if it has none. Raises ComfyError."""
        with _client(server) as client:
            if (manager := client.find()) is None:
                return False
            client.reboot(manager)
        self.pool.expire_lists()
        return True


def _client(server: ComfyServer) -> ManagerClient:
    return ManagerClient(server.client.address, timeout=_ANSWER_SECONDS)


def _manager_of(server: ComfyServer) -> Manager | None:
    """Return a server's Manager; None without one, and if the server doesn't answer."""
    try:
        with _client(server) as client:
            return client.find()
    except ComfyError:
        return None
