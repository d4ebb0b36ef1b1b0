"""Whether the app and each ComfyUI behind it are up."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from threading import Condition
from typing import Any, Literal

from cachetools import TTLCache, cached
from fastapi import APIRouter, Depends

from comfy.errors import ComfyError
from comfy.json_values import as_dicts, as_mapping, as_number, as_text
from comfy.servers.pool import ServerPool
from comfy.servers.server import ComfyServer
from ui.services import Services
from ui.web.identity import Identity
from ui.web.responses import AsciiJSON

_ANSWER_SECONDS = 5.0  # a ComfyUI that loads a model may take a few
Status = Literal["ok", "partly", "down"]
_FRESH = 2.0  # seconds that an answer is good for, whoever asks


@dataclass(frozen=True, slots=True)
class Memory:
    """A device of a server; bytes of its memory, null where it does not say."""

    device: str
    free: int | None
    total: int | None


@dataclass(frozen=True, slots=True)
class ServerReport:
    """A ComfyUI. `name`: its address where callers may know it; `running`, `waiting`: prompts in
    its queue, whoever sent them; `version`: "" where it does not say."""

    name: str
    up: bool
    version: str = ""
    running: int | None = None
    waiting: int | None = None
    memory: tuple[Memory, ...] = ()


@dataclass(frozen=True, slots=True)
class Health:
    """The app: "ok", "partly" where not all servers answer, "down" where none does. `waiting`: runs
    that wait here, of all people."""

    status: Status
    version: str
    waiting: int
    servers: tuple[ServerReport, ...]


def health_api(services: Services, identity: Identity) -> APIRouter:
    """`GET /health`."""
    router = APIRouter(tags=["Health"])
    look = fresh(services.servers)

    @router.get("/health", response_model=Health)
    def health(_: str = Depends(identity.caller)) -> AsciiJSON:
        """The app and every ComfyUI behind it: whether it is up, its version, queue and memory."""
        servers = look()
        up = sum(one.up for one in servers)
        status: Status = "ok" if up == len(servers) else "partly" if up else "down"
        told = Health(status, _version(), services.runs.waiting, servers)
        return AsciiJSON(asdict(told))

    return router


def fresh(pool: ServerPool) -> Callable[[], tuple[ServerReport, ...]]:
    """What asks all servers at once; however many want to know, one question in two seconds."""

    @cached(TTLCache[Any, tuple[ServerReport, ...]](1, _FRESH), condition=Condition())
    def look() -> tuple[ServerReport, ...]:
        with ThreadPoolExecutor(len(pool.servers)) as threads:
            return tuple(threads.map(health_of, pool.servers))

    return look


def health_of(server: ComfyServer) -> ServerReport:
    """What a server says of itself; that it is not up where it does not answer."""
    client = server.client.fork(timeout=_ANSWER_SECONDS)
    name = client.address.short_name
    try:
        stats, queue = client.system_stats(), client.queue()
    except ComfyError:
        return ServerReport(name, up=False)
    return ServerReport(
        name,
        up=True,
        version=as_text(as_mapping(stats.get("system")).get("comfyui_version")),
        running=len(queue.running),
        waiting=len(queue.pending),
        memory=tuple(map(_memory, as_dicts(stats.get("devices")))),
    )


def _memory(device: dict[str, Any]) -> Memory:
    free, total = (as_number(device.get(name)) for name in ("vram_free", "vram_total"))
    return Memory(as_text(device.get("name")), _whole(free), _whole(total))


def _whole(number: float | None) -> int | None:
    return None if number is None else int(number)


def _version() -> str:
    try:
        return version("comfyforms")
    except PackageNotFoundError:  # it runs from a folder, as it was unpacked
        return ""
