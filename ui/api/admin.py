"""Routes for administrators: users, servers and all users' runs, downloads of missing models, the
notice, figures and the log of actions."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Annotated, Literal

from fastapi import Body, Depends, HTTPException, Path
from starlette.requests import Request
from starlette.responses import Response

from comfy.comfyui.servers.reports import ServerReport
from comfy.comfyui.servers.server import ComfyServer
from comfy.records.administration import AuditLine, ModelRequest, Notice
from comfyforms.comfyui_node.downloads.queue import DOWNLOAD_ID
from ui.accounts.users import Role
from ui.administration.announcements import Actor
from ui.administration.desk import Administration
from ui.administration.people import NewPassword, PaidRuns, PersonRow, StorageFigures, UsageWeek
from ui.administration.servers import RunLine
from ui.documents.model_docs import ModelDownload, all_downloads
from ui.page.form.missing_groups import MissingParts, missing_parts
from ui.web.access import Access, GuardedRoutes
from ui.web.responses import AsciiJSON
from ui.web.shares import Work

_Number = Annotated[int, Path(ge=0)]
_Key = Annotated[str, Path(pattern=f"^{DOWNLOAD_ID.pattern}$")]


@dataclass(frozen=True, slots=True)
class DownloadList:
    """Downloads at all servers, oldest first. `problems`: of servers that don't report theirs."""

    downloads: tuple[ModelDownload, ...]
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ModelRequests:
    """Users' open requests for missing models, oldest first."""

    requests: tuple[ModelRequest, ...]


def _downloads_api(desk: Administration) -> GuardedRoutes:
    """Return the routes below `/admin/downloads` and `/admin/model-requests`."""
    routes = GuardedRoutes("/admin", tags=["Administration"])
    models, pool = desk.models, desk.servers.pool

    def actor(request: Request) -> Actor:
        return desk.actor(request)

    def numbered(number: int) -> ComfyServer:
        if not 0 <= number < len(pool.servers):
            raise HTTPException(404)
        return pool.servers[number]

    def server(number: _Number) -> ComfyServer:
        return numbered(number)

    @routes.get("/downloads", Access.ADMINISTRATOR, response_model=DownloadList)
    def downloads() -> AsciiJSON:
        """Return the downloads of models at all servers."""
        lists = models.downloads.lists()
        found = all_downloads(lists, models.downloads.numbers)
        return AsciiJSON(DownloadList(found, tuple(at.problem for at in lists if at.problem)))

    @routes.post("/downloads", Access.ADMINISTRATOR, status_code=204)
    def get(
        workflow: Annotated[str, Body()],
        files: Annotated[tuple[str, ...] | None, Body()] = None,
        number: Annotated[int, Body(alias="server")] = 0,
        actor: Actor = Depends(actor),
    ) -> Response:
        """Download missing models of a workflow to a server: these files, or all of them."""
        models.get(actor, numbered(number), workflow, files)
        return Response(status_code=204)

    @routes.post("/downloads/{number}/{key}/{action}", Access.ADMINISTRATOR, status_code=204)
    def act(
        key: _Key,
        action: Literal["pause", "resume", "retry"],
        server: ComfyServer = Depends(server),
        actor: Actor = Depends(actor),
    ) -> Response:
        """Pause, resume or retry a download."""
        models.change(actor, server, key, "resume" if action == "retry" else action)
        return Response(status_code=204)

    @routes.delete("/downloads/{number}/{key}", Access.ADMINISTRATOR, status_code=204)
    def cancel(
        key: _Key, server: ComfyServer = Depends(server), actor: Actor = Depends(actor)
    ) -> Response:
        """Cancel a download and delete its partial file, or remove an ended one from the list."""
        models.change(actor, server, key, "remove")
        return Response(status_code=204)

    @routes.get("/model-requests", Access.ADMINISTRATOR, response_model=ModelRequests)
    def requests() -> AsciiJSON:
        """Return users' requests for missing models."""
        return AsciiJSON(ModelRequests(models.open_requests()))

    @routes.post("/model-requests/{key}/get", Access.ADMINISTRATOR, status_code=204)
    def get_requested(
        key: str,
        number: Annotated[int, Body(alias="server", embed=True)] = 0,
        actor: Actor = Depends(actor),
    ) -> Response:
        """Download the models of a request, and close it."""
        models.get_requested(actor, numbered(number), key)
        return Response(status_code=204)

    @routes.delete("/model-requests", Access.ADMINISTRATOR, status_code=204)
    def close_all() -> Response:
        """Close all requests without a download."""
        models.close_all()
        return Response(status_code=204)

    @routes.delete("/model-requests/{key}", Access.ADMINISTRATOR, status_code=204)
    def close(key: str) -> Response:
        """Close a request without a download."""
        models.close(key)
        return Response(status_code=204)

    return routes


@dataclass(frozen=True, slots=True)
class NoticeDoc:
    """The notice, null without one."""

    notice: Notice | None


@dataclass(frozen=True, slots=True)
class UsageDoc:
    """Use by week, newest first, and by workflow."""

    weeks: tuple[UsageWeek, ...]


@dataclass(frozen=True, slots=True)
class PaidRunsDoc:
    """Paid runs by person, most first."""

    people: tuple[PaidRuns, ...]


@dataclass(frozen=True, slots=True)
class ActivityDoc:
    """The last actions of administrators, newest first."""

    actions: tuple[AuditLine, ...]


def _overview_api(desk: Administration) -> GuardedRoutes:
    """Return the routes below `/admin` that don't change users, servers or runs."""
    routes = GuardedRoutes("/admin", tags=["Administration"])

    def actor(request: Request) -> Actor:
        return desk.actor(request)

    @routes.get("/notice", Access.ADMINISTRATOR, response_model=NoticeDoc)
    def notice() -> AsciiJSON:
        """Return the notice that all pages show."""
        return AsciiJSON(NoticeDoc(desk.announcements.notice))

    @routes.post("/notice", Access.ADMINISTRATOR, response_model=NoticeDoc)
    def put_notice(
        text: Annotated[str, Body()],
        seconds: Annotated[float | None, Body()] = None,
        actor: Actor = Depends(actor),
    ) -> AsciiJSON:
        """Show a notice on all open pages, in place of the previous one.

        It stays for this many `seconds`, or until it is removed.
        """
        return AsciiJSON(NoticeDoc(desk.announcements.put(actor, text, seconds)))

    @routes.delete("/notice", Access.ADMINISTRATOR, status_code=204)
    def remove_notice(actor: Actor = Depends(actor)) -> Response:
        """Remove the notice from all pages."""
        desk.announcements.remove(actor)
        return Response(status_code=204)

    @routes.get(
        "/storage", Access.ADMINISTRATOR, work=Work.PROCESSOR, response_model=StorageFigures
    )
    def storage() -> AsciiJSON:
        """Return the storage of all users, and what expires in the next seven days."""
        return AsciiJSON(desk.figures.storage())

    @routes.get("/usage", Access.ADMINISTRATOR, work=Work.PROCESSOR, response_model=UsageDoc)
    def usage() -> AsciiJSON:
        """Return the runs of the last eight weeks by workflow."""
        return AsciiJSON(UsageDoc(desk.figures.weeks()))

    @routes.get("/paid-runs", Access.ADMINISTRATOR, work=Work.PROCESSOR, response_model=PaidRunsDoc)
    def paid_runs() -> AsciiJSON:
        """Return how many paid runs each user started in the last 24 hours and 30 days."""
        return AsciiJSON(PaidRunsDoc(desk.figures.paid_runs()))

    @routes.get("/missing", Access.ADMINISTRATOR, work=Work.CATALOG, response_model=MissingParts)
    def missing() -> AsciiJSON:
        """Return the models and nodes that workflows need and no server has."""
        services = desk.services
        return AsciiJSON(missing_parts(services.library, services.known_parts, demo=services.demo))

    @routes.get("/activity", Access.ADMINISTRATOR, response_model=ActivityDoc)
    def activity() -> AsciiJSON:
        """Return the last 50 actions of administrators."""
        return AsciiJSON(ActivityDoc(desk.audit.last()))

    return routes


_Password = Annotated[str, Body(embed=True, max_length=1000)]


@dataclass(frozen=True, slots=True)
class PeopleDoc:
    """All users, then guests and removed users with results. `can_change`: users can be added and
    removed here."""

    people: tuple[PersonRow, ...]
    can_change: bool


def _people_api(desk: Administration) -> GuardedRoutes:
    """Return the routes below `/admin/people`."""
    routes = GuardedRoutes("/admin/people", tags=["Administration"])
    people, end_sockets = desk.people, desk.identity.close_ended

    def actor(request: Request) -> Actor:
        return desk.actor(request)

    @routes.get("", Access.ADMINISTRATOR, response_model=PeopleDoc)
    def listed() -> AsciiJSON:
        """Return all users, with their storage and their runs of the last seven days."""
        return AsciiJSON(PeopleDoc(tuple(people.all()), people.can_change))

    @routes.post("", Access.ADMINISTRATOR, status_code=201, response_model=NewPassword)
    def add(
        name: Annotated[str, Body()],
        password: Annotated[str, Body(max_length=1000)] = "",
        role: Annotated[Role, Body()] = "user",
        actor: Actor = Depends(actor),
    ) -> AsciiJSON:
        """Add a user.

        Without a `password`, the app generates one and returns it only now.
        """
        return AsciiJSON(people.add(actor, name, password, role), 201)

    @routes.patch("/{name:path}", Access.ADMINISTRATOR, status_code=204)
    def change(
        name: str, role: Annotated[Role, Body(embed=True)], actor: Actor = Depends(actor)
    ) -> Response:
        """Make a user an administrator (`operator`) or a `user`."""
        people.set_role(actor, name, role)
        return Response(status_code=204)

    @routes.post("/{name:path}/password", Access.ADMINISTRATOR, response_model=NewPassword)
    async def reset(
        name: str, password: _Password = "", actor: Actor = Depends(actor)
    ) -> AsciiJSON:
        """Set a user's password, and end their sessions and tokens.

        Without a `password`, the app generates one and returns it only now.
        """
        answer = await asyncio.to_thread(people.reset, actor, name, password)
        await end_sockets()
        return AsciiJSON(answer)

    @routes.delete("/{name:path}", Access.ADMINISTRATOR, status_code=204)
    async def remove(
        name: str, results: Literal["keep", "delete"] = "keep", actor: Actor = Depends(actor)
    ) -> Response:
        """Remove a user, and end their sessions and tokens at once.

        Their results are kept unless `results=delete`. For a user who was removed earlier,
        `results=delete` deletes the results.
        """
        await asyncio.to_thread(people.remove, actor, name, results=results == "delete")
        await end_sockets()
        return Response(status_code=204)

    return routes


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


def _servers_api(desk: Administration) -> GuardedRoutes:
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


def admin_api(desk: Administration) -> Iterator[GuardedRoutes]:
    """Return the routes below `/admin`."""
    yield _people_api(desk)
    yield _servers_api(desk)
    yield _overview_api(desk)
    yield _downloads_api(desk)
