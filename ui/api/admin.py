"""Routes for administrators: users, servers and all users' runs, downloads of missing models, the
notice, figures and the log of actions."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import chain, islice
from typing import Annotated, Literal
from urllib.parse import urlencode

from fastapi import Body, Depends, HTTPException, Path, Query
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from comfy.base.files import safe_name
from comfy.base.messages import message
from comfy.batches.values import csv_line
from comfy.comfyui.servers.reports import ServerReport
from comfy.comfyui.servers.server import ComfyServer
from comfy.graph.write import graph_of
from comfy.records.administration import ModelRequest, Notice
from comfy.records.audit import AuditEvent, WantedEvents
from comfyforms.comfyui_node.downloads.queue import DOWNLOAD_ID
from ui.accounts.users import Role
from ui.administration.audit_log import ACTION_WORDS
from ui.administration.desk import Administration
from ui.administration.links import LinkRow
from ui.administration.people import (
    DayUse,
    GroupUse,
    NewPassword,
    PaidRuns,
    PersonRow,
    StorageFigures,
    UsageWeek,
)
from ui.administration.servers import BatchAction, BatchLine, RunLine
from ui.documents.model_docs import ModelDownload, all_downloads
from ui.files.result_files import as_file
from ui.languages.current import translated
from ui.page.form.missing_groups import MissingParts, missing_parts
from ui.web.access import Access, GuardedRoutes, RouteHandlers
from ui.web.responses import BINARY, AsciiJSON
from ui.web.shares import Work

EventCursor = Annotated[str, Query(pattern=r"^([0-9]{1,12}\.[0-9]{1,9}-[0-9]{1,15})?$")]
_Number = Annotated[int, Path(ge=0)]
_Limit = Annotated[int, Query(ge=1, le=10_000)]
_Wanted = Annotated[WantedEvents, Depends()]
_Key = Annotated[str, Path(pattern=f"^{DOWNLOAD_ID.pattern}$")]
_Files = Annotated[tuple[str, ...], Field(fail_fast=True)]
_COLUMNS = (
    *(message("Time (UTC)"), message("Person"), message("Account"), message("Action")),
    *(message("What"), message("Run"), message("Number")),
)
_MONTH_COLUMNS = (
    *(message("Month"), message("Person"), message("Runs"), message("Failed runs")),
    *(message("Deleted runs"), message("Kept results"), message("Seconds of kept runs")),
    message("Size (kB)"),
)
_Group = Annotated[str, Field(min_length=1, max_length=100)]
_Groups = Annotated[tuple[_Group, ...], Field(max_length=100, fail_fast=True), Body()]
_Password = Annotated[str, Body(embed=True, max_length=1000)]


@dataclass(frozen=True, slots=True)
class DownloadList:
    """Downloads at all servers, oldest first. `problems`: of servers that don't report theirs."""

    downloads: tuple[ModelDownload, ...]
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ModelRequests:
    """Users' open requests for missing models, oldest first."""

    requests: tuple[ModelRequest, ...]


@dataclass(frozen=True, slots=True)
class DownloadHandlers:
    """Handlers of the routes below `/admin/downloads` and `/admin/model-requests`."""

    desk: Administration

    routes = GuardedRoutes("/admin", tags=["Administration"])

    def _server(self, number: int) -> ComfyServer:
        if not 0 <= number < len(self.desk.servers.pool.servers):
            raise HTTPException(404)
        return self.desk.servers.pool.servers[number]

    @routes.get("/downloads", Access.ADMINISTRATOR, work=Work.HEALTH, response_model=DownloadList)
    def list_downloads(self) -> AsciiJSON:
        """Return the downloads of models at all servers."""
        lists = self.desk.models.downloads.lists()
        found = all_downloads(lists, self.desk.models.downloads.numbers)
        return AsciiJSON(DownloadList(found, tuple(at.problem for at in lists if at.problem)))

    @routes.post("/downloads", Access.ADMINISTRATOR, status_code=204)
    def start_download(
        self,
        request: Request,
        workflow: Annotated[str, Body()],
        files: Annotated[_Files | None, Body()] = None,
        number: Annotated[int, Body(alias="server")] = 0,
    ) -> Response:
        """Download missing models of a workflow to a server: these files, or all of them."""
        self.desk.models.get(self.desk.actor(request), self._server(number), workflow, files)
        return Response(status_code=204)

    @routes.post("/downloads/{number}/{key}/{action}", Access.ADMINISTRATOR, status_code=204)
    def change_download(
        self,
        request: Request,
        key: _Key,
        action: Literal["pause", "resume", "retry"],
        number: _Number,
    ) -> Response:
        """Pause, resume or retry a download."""
        self.desk.models.change(
            self.desk.actor(request),
            self._server(number),
            key,
            "resume" if action == "retry" else action,
        )
        return Response(status_code=204)

    @routes.delete("/downloads/{number}/{key}", Access.ADMINISTRATOR, status_code=204)
    def delete_download(self, request: Request, key: _Key, number: _Number) -> Response:
        """Cancel a download and delete its partial file, or remove an ended one from the list."""
        self.desk.models.change(self.desk.actor(request), self._server(number), key, "remove")
        return Response(status_code=204)

    @routes.get("/model-requests", Access.ADMINISTRATOR, response_model=ModelRequests)
    def list_model_requests(self) -> AsciiJSON:
        """Return users' requests for missing models."""
        return AsciiJSON(ModelRequests(self.desk.models.open_requests()))

    @routes.post("/model-requests/{key}/get", Access.ADMINISTRATOR, status_code=204)
    def start_requested_download(
        self,
        request: Request,
        key: str,
        number: Annotated[int, Body(alias="server", embed=True)] = 0,
    ) -> Response:
        """Download the models of a request, and close it."""
        self.desk.models.get_requested(self.desk.actor(request), self._server(number), key)
        return Response(status_code=204)

    @routes.delete("/model-requests", Access.ADMINISTRATOR, status_code=204)
    def delete_model_requests(self) -> Response:
        """Close all requests without a download."""
        self.desk.models.close_all()
        return Response(status_code=204)

    @routes.delete("/model-requests/{key}", Access.ADMINISTRATOR, status_code=204)
    def delete_model_request(self, key: str) -> Response:
        """Close a request without a download."""
        self.desk.models.close(key)
        return Response(status_code=204)


@dataclass(frozen=True, slots=True)
class NoticeDoc:
    """The notice, null without one."""

    notice: Notice | None


@dataclass(frozen=True, slots=True)
class UsageDoc:
    """Use by week, newest first, and by workflow; and of the last 24 hours."""

    weeks: tuple[UsageWeek, ...]
    day: DayUse


@dataclass(frozen=True, slots=True)
class PaidRunsDoc:
    """Paid runs by person, most first."""

    people: tuple[PaidRuns, ...]


@dataclass(frozen=True, slots=True)
class AuditDoc:
    """Page of the actions of all users, newest first. `next`: the `cursor` of the next page, null
    on the last."""

    events: tuple[AuditEvent, ...]
    next: str | None


@dataclass(frozen=True, slots=True)
class LinksDoc:
    """Links of all users, by owner."""

    links: tuple[LinkRow, ...]


@dataclass(frozen=True, slots=True)
class GroupsDoc:
    """Groups that have members, by name."""

    groups: tuple[GroupUse, ...]


@dataclass(frozen=True, slots=True)
class OverviewHandlers:
    """Handlers of the routes below `/admin` that don't change users, servers or runs."""

    desk: Administration

    routes = GuardedRoutes("/admin", tags=["Administration"])

    @routes.get("/notice", Access.ADMINISTRATOR, response_model=NoticeDoc)
    def get_notice(self) -> AsciiJSON:
        """Return the notice that all pages show."""
        return AsciiJSON(NoticeDoc(self.desk.announcements.notice))

    @routes.post("/notice", Access.ADMINISTRATOR, response_model=NoticeDoc)
    def set_notice(
        self,
        request: Request,
        text: Annotated[str, Body()],
        seconds: Annotated[float | None, Body()] = None,
    ) -> AsciiJSON:
        """Show a notice on all open pages, in place of the previous one.

        It stays for this many `seconds`, or until it is removed.
        """
        return AsciiJSON(
            NoticeDoc(self.desk.announcements.put(self.desk.actor(request), text, seconds))
        )

    @routes.delete("/notice", Access.ADMINISTRATOR, status_code=204)
    def delete_notice(self, request: Request) -> Response:
        """Remove the notice from all pages."""
        self.desk.announcements.remove(self.desk.actor(request))
        return Response(status_code=204)

    @routes.get("/storage", Access.ADMINISTRATOR, response_model=StorageFigures)
    def list_storage(self) -> AsciiJSON:
        """Return the storage of all users, and what expires in the next seven days."""
        return AsciiJSON(self.desk.figures.storage())

    @routes.get("/usage", Access.ADMINISTRATOR, response_model=UsageDoc)
    def get_usage(self) -> AsciiJSON:
        """Return the runs of the last eight weeks by workflow, and of the last 24 hours."""
        return AsciiJSON(UsageDoc(self.desk.figures.weeks(), self.desk.figures.day()))

    @routes.get("/paid-runs", Access.ADMINISTRATOR, response_model=PaidRunsDoc)
    def list_paid_runs(self) -> AsciiJSON:
        """Return how many paid runs each user started in the last 24 hours and 30 days."""
        return AsciiJSON(PaidRunsDoc(self.desk.figures.paid_runs()))

    @routes.get("/missing", Access.ADMINISTRATOR, work=Work.CATALOG, response_model=MissingParts)
    def list_missing_parts(self, request: Request) -> AsciiJSON:
        """Return the models and nodes that workflows need and no server has."""
        services, owner = self.desk.services, self.desk.actor(request).owner
        return AsciiJSON(
            missing_parts(services.library, services.known_parts, owner, demo=services.demo)
        )

    @routes.get("/links", Access.ADMINISTRATOR, response_model=LinksDoc)
    def list_links(self) -> AsciiJSON:
        """Return the links that users have made for others, without what they show."""
        return AsciiJSON(LinksDoc(self.desk.links.all()))

    @routes.delete("/links/{link}", Access.ADMINISTRATOR, status_code=204)
    def end_link(self, request: Request, link: str) -> Response:
        """End a link."""
        self.desk.links.end(self.desk.actor(request), link)
        return Response(status_code=204)

    @routes.get("/groups", Access.ADMINISTRATOR, response_model=GroupsDoc)
    def list_groups(self) -> AsciiJSON:
        """Return the storage and the runs of each group."""
        return AsciiJSON(GroupsDoc(self.desk.people.uses_of_groups()))

    def _events(self, wanted: WantedEvents, cursor: str) -> Iterator[AuditEvent]:
        return self.desk.audit.export(self.desk.identity.name_of, wanted, cursor)

    @routes.get("/audit", Access.ADMINISTRATOR, response_model=AuditDoc)
    def list_audit_events(
        self, wanted: _Wanted, cursor: EventCursor = "", limit: _Limit = 1000
    ) -> AsciiJSON:
        """Return who ran, published, shared, deleted, downloaded or reviewed what, newest first.

        Failed runs also have an event with the reason. Times are in seconds since 1970. `next` is
        the `cursor` of the next page, null on the last. `account` and `action` are as in the
        answer.
        """
        found = tuple(islice(self._events(wanted, cursor), limit + 1))
        page = found[:limit]
        return AsciiJSON(AuditDoc(page, page[-1].id if found[limit:] else None))

    @routes.get(
        "/audit.csv",
        Access.ADMINISTRATOR,
        response_class=StreamingResponse,
        responses={200: {"content": {"text/csv": BINARY}}},
    )
    def get_audit_table(self, wanted: _Wanted) -> StreamingResponse:
        """Return the same as a CSV table, in words. Its times are in UTC."""
        rows = map(_cells, self._events(wanted, cursor=""))
        return _table("audit.csv", _COLUMNS, rows)

    @routes.get(
        "/usage.csv",
        Access.ADMINISTRATOR,
        response_class=StreamingResponse,
        responses={200: {"content": {"text/csv": BINARY}}},
    )
    def get_usage_table(self) -> StreamingResponse:
        """Return the use of each person in each month as a CSV table, newest month first.

        Deleted runs count in the month when they were started, without results, seconds and size.
        """
        rows = (
            (*map(str, one[:-1]), str(round(one.bytes / 1000))) for one in self.desk.people.months()
        )
        return _table("usage.csv", _MONTH_COLUMNS, rows)


def _table(name: str, titles: Iterable[str], rows: Iterable[Iterable[str]]) -> StreamingResponse:
    lines = (csv_line(map(translated, row)) for row in chain([titles], rows))
    return StreamingResponse(
        chain(["\ufeff"], lines),  # for spreadsheets
        media_type="text/csv; charset=utf-8",
        headers=as_file(name),
    )


def _cells(one: AuditEvent) -> tuple[str, ...]:
    """Return the cells of a row of the audit log's table."""
    at = f"{datetime.fromtimestamp(one.at, UTC):%Y-%m-%d %H:%M:%S}"
    action = ACTION_WORDS[one.action]
    return at, one.person, one.account, action, one.what, one.run, str(one.count)


@dataclass(frozen=True, slots=True)
class PeopleDoc:
    """All users, then guests and removed users with results. `can_change`: users can be added and
    removed here. `assignable`: names of groups that you can put users in."""

    people: tuple[PersonRow, ...]
    can_change: bool
    assignable: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PeopleHandlers:
    """Handlers of the routes below `/admin/people`."""

    desk: Administration

    routes = GuardedRoutes("/admin/people", tags=["Administration"])

    @routes.get("", Access.ADMINISTRATOR, response_model=PeopleDoc)
    def list_users(self) -> AsciiJSON:
        """Return all users, with their storage and their runs of the last seven days."""
        people = self.desk.people
        return AsciiJSON(PeopleDoc(tuple(people.all()), people.can_change, people.assignable))

    @routes.post("", Access.ADMINISTRATOR, status_code=201, response_model=NewPassword)
    def add_user(
        self,
        request: Request,
        name: Annotated[str, Body()],
        password: Annotated[str, Body(max_length=1000)] = "",
        role: Annotated[Role, Body()] = "user",
        groups: _Groups = (),
    ) -> AsciiJSON:
        """Add a user, with groups of the users file.

        Without a `password`, the app generates one and returns it only now.
        """
        actor = self.desk.actor(request)
        return AsciiJSON(self.desk.people.add(actor, name, password, role, groups), 201)

    @routes.patch("/{name:path}", Access.ADMINISTRATOR, status_code=204)
    def change_user(
        self,
        request: Request,
        name: str,
        role: Annotated[Role | None, Body()] = None,
        groups: _Groups | None = None,
    ) -> Response:
        """Change a user's role (`operator` for administrators, or `user`) and groups.

        `groups` replace the previous ones in the users file.
        """
        if role is None and groups is None:
            if name not in self.desk.people.file.users:
                raise HTTPException(404)  # as for another method of a path below
            raise HTTPException(422, "Send a role, groups, or both.")
        actor = self.desk.actor(request)
        if role is not None:
            self.desk.people.set_role(actor, name, role)
        if groups is not None:
            self.desk.people.set_groups(actor, name, groups)
        return Response(status_code=204)

    @routes.post("/{name:path}/password", Access.ADMINISTRATOR, response_model=NewPassword)
    async def reset_password(
        self, request: Request, name: str, password: _Password = ""
    ) -> AsciiJSON:
        """Set a user's password, and end their sessions and tokens.

        Without a `password`, the app generates one and returns it only now.
        """
        answer = await asyncio.to_thread(
            self.desk.people.reset, self.desk.actor(request), name, password
        )
        await self.desk.identity.close_ended()
        return AsciiJSON(answer)

    @routes.delete("/{name:path}", Access.ADMINISTRATOR, status_code=204)
    async def delete_user(
        self, request: Request, name: str, results: Literal["keep", "delete"] = "keep"
    ) -> Response:
        """Remove a user, and end their sessions and tokens at once.

        Their results are kept unless `results=delete`. For a user who was removed earlier,
        `results=delete` deletes the results.
        """
        await asyncio.to_thread(
            self.desk.people.remove, self.desk.actor(request), name, results=results == "delete"
        )
        await self.desk.identity.close_ended()
        return Response(status_code=204)


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
    """Unfinished runs of all users: active ones first, then in the order of the queue. `waiting`:
    their number, with the rows of the running `batches` that aren't runs yet."""

    runs: tuple[RunLine, ...]
    batches: tuple[BatchLine, ...]
    waiting: int


@dataclass(frozen=True, slots=True)
class SavedWorkflow:
    """Workflow in ComfyUI's *Workflows* sidebar. `url`: the editor, which opens the workflow if the
    server has the custom node."""

    name: str
    url: str


@dataclass(frozen=True, slots=True)
class ServerHandlers:
    """Handlers of the routes below `/admin/servers` and `/admin/runs`."""

    desk: Administration

    routes = GuardedRoutes("/admin", tags=["Administration"])

    def _server(self, number: int) -> ComfyServer:
        if (found := self.desk.servers.pool.numbered(number)) is None:
            raise HTTPException(404)
        return found

    @routes.get("/servers", Access.ADMINISTRATOR, work=Work.HEALTH, response_model=AdminServers)
    def list_servers(self) -> AsciiJSON:
        """Return all servers with their queue and memory."""
        found = (
            AdminServer(
                **asdict(report) | _now(one) | _process_of(self.desk, one),
                number=one.number,
                address=one.url,
            )
            for one, report in self.desk.services.reports()
        )
        return AsciiJSON(AdminServers(tuple(found)))

    @routes.post("/servers/{number}/pause", Access.ADMINISTRATOR, status_code=204)
    def pause_server(self, request: Request, number: _Number) -> Response:
        """Send a server no more runs; its current runs continue."""
        self.desk.servers.pause(self.desk.actor(request), self._server(number))
        return Response(status_code=204)

    @routes.post("/servers/{number}/resume", Access.ADMINISTRATOR, status_code=204)
    def resume_server(self, request: Request, number: _Number) -> Response:
        """Send a server runs again."""
        self.desk.servers.resume(self.desk.actor(request), self._server(number))
        return Response(status_code=204)

    @routes.post("/servers/{number}/free", Access.ADMINISTRATOR, status_code=204)
    def free_server_memory(self, request: Request, number: _Number) -> Response:
        """Make a server free its memory."""
        self.desk.servers.free(self.desk.actor(request), self._server(number))
        return Response(status_code=204)

    @routes.post("/servers/{number}/update", Access.ADMINISTRATOR, status_code=204)
    def update_server(self, request: Request, number: _Number) -> Response:
        """Ask a server for its nodes, models and choices now."""
        self.desk.servers.update_list(self.desk.actor(request), self._server(number))
        return Response(status_code=204)

    @routes.post("/servers/{number}/restart", Access.ADMINISTRATOR, status_code=204)
    def restart_server(self, request: Request, number: _Number) -> Response:
        """Restart a ComfyUI that the app started. Its active run ends."""
        self.desk.servers.restart(self.desk.actor(request), self._server(number))
        return Response(status_code=204)

    @routes.get("/servers/{number}/log", Access.ADMINISTRATOR, response_model=ServerLog)
    def get_server_log(self, number: _Number) -> AsciiJSON:
        """Return the last lines of a ComfyUI that the app started."""
        if (local := self.desk.servers.local.get(self._server(number).url)) is None:
            raise HTTPException(404)
        return AsciiJSON(ServerLog(local.log.tail()))

    @routes.get("/runs", Access.ADMINISTRATOR, response_model=AdminRuns)
    def list_all_runs(self) -> AsciiJSON:
        """Return the unfinished runs and batches of all users, without their contents."""
        now = self.desk.monitor.overview()
        return AsciiJSON(AdminRuns(now.runs, now.batches, now.waiting))

    @routes.post("/batches/{batch_id}/{action}", Access.ADMINISTRATOR, status_code=204)
    def change_any_batch(self, request: Request, batch_id: str, action: BatchAction) -> Response:
        """Pause, continue or stop any user's batch."""
        self.desk.runs.change_batch(self.desk.actor(request), batch_id, action)
        return Response(status_code=204)

    @routes.post("/runs/{run_id}/stop", Access.ADMINISTRATOR, status_code=204)
    def stop_any_run(self, request: Request, run_id: str) -> Response:
        """Stop any user's run."""
        self.desk.runs.stop(self.desk.actor(request), run_id)
        return Response(status_code=204)

    @routes.post("/runs/{run_id}/move", Access.ADMINISTRATOR, status_code=204)
    def move_any_run(self, request: Request, run_id: str, to: Literal["front", "back"]) -> Response:
        """Move any user's waiting run to the front or back of the queue."""
        self.desk.runs.move(self.desk.actor(request), run_id, first=to == "front")
        return Response(status_code=204)

    @routes.post("/runs/{run_id}/editor", Access.ADMINISTRATOR, response_model=SavedWorkflow)
    def save_run_as_workflow(self, request: Request, run_id: str) -> AsciiJSON:
        """Save a run of yours as a workflow on its ComfyUI server, to open it in the editor."""
        services, actor = self.desk.services, self.desk.actor(request)
        record = services.runs.record(run_id, actor.owner)
        server = services.servers.at(record.server) or services.servers.numbered(0)
        if server is None:
            raise HTTPException(404)
        title = record.job.title.replace("/", "_").replace("%", "_")
        name = f"ComfyForms/{safe_name(f'{title} {run_id[:6]}')}"
        graph = graph_of(record.job.prompt, services.forms.catalog.get())
        server.save_workflow(f"{name}.json", graph)
        self.desk.audit.event(actor.owner, "administer", f"{server.label}: workflows/{name}.json")
        return AsciiJSON(SavedWorkflow(name, f"{server.url}/?{urlencode({'comfyforms': name})}"))


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
    topics: tuple[RouteHandlers, ...] = (
        PeopleHandlers(desk),
        ServerHandlers(desk),
        OverviewHandlers(desk),
        DownloadHandlers(desk),
    )
    return map(GuardedRoutes.of, topics)
