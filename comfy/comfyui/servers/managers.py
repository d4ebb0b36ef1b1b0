"""ComfyUI-Managers of the servers."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass

from comfy.base.errors import ComfyError, TooManyThreads
from comfy.base.json_values import as_mapping, as_text
from comfy.base.threads import in_threads, start_thread
from comfy.comfyui.client.manager import Manager, ManagerClient
from comfy.comfyui.servers.pool import ServerPool
from comfy.comfyui.servers.server import ComfyServer

log = logging.getLogger(__name__)

_ANSWER_SECONDS = 5.0
_FIRST_SECONDS = 1.0  # to wait for the first answer
_FRESH_SECONDS = 3600.0
_RETRY_SECONDS = 60.0  # after a Manager failed


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


class KnownPacks:
    """Node packs by node class, as the servers' Managers know them. Thread-safe. `versions`: of
    ComfyUI on the servers that answered.

    The Managers are asked in the background, so that a server that hangs delays no form.
    """

    def __init__(self, pool: ServerPool) -> None:
        self._pool = pool
        self._lock = threading.Lock()
        self._known: Mapping[str, str] = {}
        self.versions: tuple[str, ...] = ()
        self._ask_at = 0.0
        self._wait_until: float | None = None
        self._answered = threading.Event()

    def get(self) -> Mapping[str, str]:
        """Return the packs known so far: their ids in the registry, or the addresses of their
        repositories. Calls wait for the Managers' first answer, but never longer than a second
        after the first call."""
        with self._lock:
            now = time.monotonic()
            is_due = now >= self._ask_at
            if is_due:
                self._ask_at = now + _RETRY_SECONDS
            self._wait_until = self._wait_until or now + _FIRST_SECONDS
            seconds = max(0.0, self._wait_until - now)
        if is_due:
            try:
                start_thread(threading.Thread(target=self._ask, name="node packs", daemon=True))
            except TooManyThreads:
                self._ask_at = 0.0
                return self._known
        self._answered.wait(seconds)
        return self._known

    def _ask(self) -> None:
        """Ask all Managers. After a failure, keep the known packs and ask again soon."""
        found: dict[str, str] = {}
        versions = []
        has_failed = False
        for server in tuple(self._pool.servers):
            try:
                with _client(server) as client:
                    found = client.packs() | found
                    system = as_mapping(client.system_stats().get("system"))
                    versions.append(as_text(system.get("comfyui_version"))[:50])
            except ComfyError as problem:
                log.info("Can't read the node packs that %s knows: %s", server.label, problem)
                has_failed = True
        self.versions = tuple(versions)
        if has_failed:
            self._known = {**self._known, **found}
        else:
            self._known = found
            self._ask_at = time.monotonic() + _FRESH_SECONDS
        self._answered.set()
