"""State of the app and each ComfyUI server."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from fastapi import Request
from starlette.requests import HTTPConnection

from comfy.base.version import app_version
from comfy.comfyui.servers.reports import ServerReport, ServerReports
from comfy.runs.interface import RunRegistry
from ui.web.access import Access, GuardedRoutes
from ui.web.responses import AsciiJSON
from ui.web.shares import Work

HealthStatus = Literal["ok", "partly", "drained", "down"]


@dataclass(frozen=True, slots=True)
class Health:
    """The app's state: "ok", "partly" if not all servers answer and accept runs, "drained" if those
    that answer accept none, "down" if none answers. `waiting`: runs of all users that wait here."""

    status: HealthStatus
    version: str
    waiting: int
    servers: tuple[ServerReport, ...]


_NOT_READY: dict[str, Any] = {
    "model": Health,
    "description": "The same document, if the request has `ready=true` and no server accepts runs.",
}


def health_api(
    reports: Callable[[], ServerReports],
    runs: RunRegistry,
    operates: Callable[[HTTPConnection], bool],
) -> GuardedRoutes:
    """Return `GET /health`. `operates`: whether the caller is an administrator."""
    routes = GuardedRoutes(tags=["Health"])

    @routes.get(
        "/health",
        Access.SIGNED_IN,
        work=Work.HEALTH,
        response_model=Health,
        responses={503: _NOT_READY},
    )
    def get_health(request: Request, *, ready: bool = False) -> AsciiJSON:
        """Return the state of the app and of every ComfyUI server.

        Each server has its version, queue and free memory. Administrators get its address, others a
        number, unless the app shows the address. With `ready=true` the status is 503 while no
        server takes runs (`drained` or `down`).
        """
        knows_places = operates(request)
        states = tuple(
            replace(report, name=server.place) if knows_places else report
            for server, report in reports()
        )
        status = _status(states)
        document = Health(status, app_version(), runs.waiting, states)
        takes_runs = status in ("ok", "partly")
        return AsciiJSON(asdict(document), 200 if takes_runs or not ready else 503)

    return routes


def _status(servers: Sequence[ServerReport]) -> HealthStatus:
    up = [one for one in servers if one.up]
    taking = [one for one in up if not one.drained]
    if not taking:
        return "drained" if up else "down"
    return "ok" if len(taking) == len(servers) else "partly"
