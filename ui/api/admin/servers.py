"""Servers and runs of all users: list, pause, stop and move."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Annotated, Literal

from fastapi import Depends, HTTPException, Path
from starlette.requests import Request
from starlette.responses import Response

from comfy.comfyui.servers.reports import ServerReport
from comfy.comfyui.servers.server import ComfyServer
from ui.administration.announcements import Actor
from ui.administration.desk import Administration
from ui.administration.servers import RunLine
from ui.web.access import Access, GuardedRoutes
from ui.web.responses import AsciiJSON
from ui.web.shares import Work

_Number = Annotated[int, Path(ge=0)]


@dataclass(frozen=True, slots=True)
class AdminServer(ServerReport):
    """State of a server. `number`: identifies it; servers of the settings have their place there.
    `address`: without credentials. `process`: "starting", "running", "pausing" before the next
    start, or "ended", for a ComfyUI that the app starts, otherwise "". `ended`: how it last ended
    by itself, "" if it hasn't."""

    number: int = 0
    address: str = ""
    process: str = ""
    ended: str = ""


@dataclass(frozen=True, slots=True)
class AdminServers:
    """All servers, in the order of the settings, then the started ones."""

    servers: tuple[AdminServer, ...]


@dataclass(frozen=True, slots=True)
class ServerLog:
    """Last lines that a ComfyUI wrote, oldest first."""

    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AdminRuns:
    """Unfinished runs of all users: active ones first, then in the order of the queue."""

    runs: tuple[RunLine, ...]


def servers_api(desk: Administration) -> GuardedRoutes:
    """Return the routes below `/admin/servers` and `/admin/runs`."""
    routes = GuardedRoutes("/admin", tags=["Administration"])
    pool = desk.servers.pool

    def actor(request: Request) -> Actor:
        return desk.actor(request)

    def server(number: _Number) -> ComfyServer:
        if (found := pool.numbered(number)) is None:
            raise HTTPException(404)
        return found

    @routes.get("/servers", Access.ADMINISTRATOR, work=Work.HEALTH, response_model=AdminServers)
    def servers() -> AsciiJSON:
        """Return all servers with their queue and memory."""
        found = (
            AdminServer(
                **asdict(report) | _now(one) | _process_of(desk, one),
                number=one.number,
                address=one.url,
            )
            for one, report in desk.services.reports()
        )
        return AsciiJSON(AdminServers(tuple(found)))

    @routes.post("/servers/{number}/pause", Access.ADMINISTRATOR, status_code=204)
    def pause(server: ComfyServer = Depends(server), actor: Actor = Depends(actor)) -> Response:
        """Send a server no more runs; its current runs continue."""
        desk.servers.pause(actor, server)
        return Response(status_code=204)

    @routes.post("/servers/{number}/resume", Access.ADMINISTRATOR, status_code=204)
    def resume(server: ComfyServer = Depends(server), actor: Actor = Depends(actor)) -> Response:
        """Send a server runs again."""
        desk.servers.resume(actor, server)
        return Response(status_code=204)

    @routes.post("/servers/{number}/free", Access.ADMINISTRATOR, status_code=204)
    def free(server: ComfyServer = Depends(server), actor: Actor = Depends(actor)) -> Response:
        """Make a server free its memory."""
        desk.servers.free(actor, server)
        return Response(status_code=204)

    @routes.post("/servers/{number}/update", Access.ADMINISTRATOR, status_code=204)
    def update(server: ComfyServer = Depends(server), actor: Actor = Depends(actor)) -> Response:
        """Ask a server for its nodes, models and choices now."""
        desk.servers.update_list(actor, server)
        return Response(status_code=204)

    @routes.post("/servers/{number}/restart", Access.ADMINISTRATOR, status_code=204)
    def restart(server: ComfyServer = Depends(server), actor: Actor = Depends(actor)) -> Response:
        """Restart a ComfyUI that the app started. Its active run ends."""
        desk.servers.restart(actor, server)
        return Response(status_code=204)

    @routes.get("/servers/{number}/log", Access.ADMINISTRATOR, response_model=ServerLog)
    def log(server: ComfyServer = Depends(server)) -> AsciiJSON:
        """Return the last lines of a ComfyUI that the app started."""
        if (local := desk.servers.local.get(server.url)) is None:
            raise HTTPException(404)
        return AsciiJSON(ServerLog(local.log.tail()))

    @routes.get("/runs", Access.ADMINISTRATOR, response_model=AdminRuns)
    def runs() -> AsciiJSON:
        """Return the unfinished runs of all users, without their contents."""
        return AsciiJSON(AdminRuns(desk.monitor.overview().runs))

    @routes.post("/runs/{run_id}/stop", Access.ADMINISTRATOR, status_code=204)
    def stop(run_id: str, actor: Actor = Depends(actor)) -> Response:
        """Stop any user's run."""
        desk.runs.stop(actor, run_id)
        return Response(status_code=204)

    @routes.post("/runs/{run_id}/move", Access.ADMINISTRATOR, status_code=204)
    def move(run_id: str, to: Literal["front", "back"], actor: Actor = Depends(actor)) -> Response:
        """Move any user's waiting run to the front or back of the queue."""
        desk.runs.move(actor, run_id, first=to == "front")
        return Response(status_code=204)

    return routes


def _process_of(desk: Administration, server: ComfyServer) -> dict[str, object]:
    """Return the state of a ComfyUI that the app starts."""
    if (local := desk.servers.local.get(server.url)) is None:
        return {}
    end = local.status.last_end
    return {"process": local.status.phase, "ended": end.sentence if end else ""}


def _now(server: ComfyServer) -> dict[str, object]:
    """Return the values that are newer than a report or only for administrators."""
    return {"name": server.label, "drained": server.drained}
