"""Notice, storage, usage, missing parts and the log of actions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Body, Depends
from starlette.requests import Request
from starlette.responses import Response

from comfy.records.administration import AuditLine, Notice
from ui.administration.announcements import Actor
from ui.administration.desk import Administration
from ui.administration.people import PaidRuns, StorageFigures, UsageWeek
from ui.page.form.missing_groups import MissingParts, missing_parts
from ui.web.access import Access, GuardedRoutes
from ui.web.responses import AsciiJSON
from ui.web.shares import Work


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


def overview_api(desk: Administration) -> GuardedRoutes:
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
