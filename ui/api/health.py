"""Whether the app and each ComfyUI behind it are up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Literal

from fastapi import APIRouter, Depends, Request
from starlette.requests import HTTPConnection

from comfy.servers.reports import ServerReport
from ui.services import Services
from ui.version import app_version
from ui.web.identity import Identity
from ui.web.responses import AsciiJSON

Status = Literal["ok", "partly", "down"]


@dataclass(frozen=True, slots=True)
class Health:
    """The app: "ok", "partly" where not all servers answer, "down" where none does. `waiting`: runs
    that wait here, of all people."""

    status: Status
    version: str
    waiting: int
    servers: tuple[ServerReport, ...]


def health_api(
    services: Services, identity: Identity, operates: Callable[[HTTPConnection], bool]
) -> APIRouter:
    """`GET /health`. `operates`: whether an operator asks."""
    router = APIRouter(tags=["Health"])

    @router.get("/health", response_model=Health)
    def health(request: Request, _: str = Depends(identity.caller)) -> AsciiJSON:
        """The app and every ComfyUI behind it: whether it is up, its version, queue and memory.
        Operators are told its address; others where the app says it, else a number."""
        servers = services.reports()
        if operates(request):
            places = (one.client.address.place for one in services.servers.servers)
            pairs = zip(servers, places, strict=True)
            servers = tuple(replace(report, name=place) for report, place in pairs)
        up = sum(one.up for one in servers)
        status: Status = "ok" if up == len(servers) else "partly" if up else "down"
        told = Health(status, app_version(), services.runs.waiting, servers)
        return AsciiJSON(asdict(told))

    return router
