"""ComfyUI-Managers of the servers."""

from __future__ import annotations

from dataclasses import dataclass

from comfy.base.errors import ComfyError, TooManyThreads
from comfy.base.threads import in_threads
from comfy.comfyui.client.manager import Manager, ManagerClient
from comfy.comfyui.servers.pool import ServerPool
from comfy.comfyui.servers.server import ComfyServer

_ANSWER_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class ManagedServer:
    """Server with a ComfyUI-Manager."""

    server: ComfyServer
    manager: Manager

    def install(self, pack: str, version: str) -> None:
        """Let the Manager install a pack of the registry; `version`: "" for the newest. Raises
        ComfyError."""
        with _client(self.server) as client:
            client.install(self.manager, pack, version)


def managed_servers(pool: ServerPool) -> tuple[ManagedServer, ...]:
    """Return the servers that answer and have a Manager. Waits for all servers, for a few seconds
    at most."""
    servers = tuple(pool.servers)
    try:
        found = in_threads(_manager_of, servers, name="managers") if servers else []
    except TooManyThreads:
        return ()
    return tuple(
        ManagedServer(server, manager)
        for server, manager in zip(servers, found, strict=True)
        if manager is not None
    )


def reboot(server: ComfyServer) -> bool:
    """Restart a ComfyUI by its Manager. Return False if it has none. Raises ComfyError."""
    with _client(server) as client:
        if (manager := client.find()) is None:
            return False
        client.reboot(manager)
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
