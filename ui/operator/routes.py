"""Routes of the page of servers and runs, and of its buttons."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Literal

from fastapi import Form, HTTPException, Request
from fastapi.responses import HTMLResponse, Response

from comfy.base.errors import ComfyError, RunNotFound
from comfy.base.messages import message, sentences
from comfy.comfyui.servers.server import ComfyServer
from ui.administration.audit import Actor
from ui.operator.frame import PATH, AdminFrame
from ui.operator.model_routes import model_routes, models_section
from ui.operator.notice_form import DURATIONS, Duration
from ui.operator.page import overview_body
from ui.web.access import Access, GuardedRoutes
from ui.web.responses import NO_STORE

_GONE = message("This run has ended.")
_SAID = {"free": "freed", "update": "updated"}  # what the page says afterwards, in its address


def operator_routes(frame: AdminFrame) -> GuardedRoutes:
    """Return `GET /operator`, `GET /operator/runs/{run_id}/preview` for its images, and the routes
    of its buttons."""
    routes = GuardedRoutes()
    desk = frame.desk
    actions: Mapping[str, Callable[[Actor, ComfyServer], None]] = {
        "pause": desk.servers.pause,
        "resume": desk.servers.resume,
        "free": desk.servers.free,
        "update": desk.servers.update_list,
        "restart": desk.servers.restart,
    }

    def body(done: str = "") -> str:
        notice = desk.announcements.notice
        more = frame.sections() + models_section(desk)
        return overview_body(desk.monitor.overview(), notice, done, more)

    def failed(request: Request, path: str, problem: ComfyError, status: int = 409) -> Response:
        why = sentences(str(problem), problem.hint)
        return frame.page(request, path, PATH, body(), why, status)

    @routes.get(PATH, Access.SIGN_IN_PAGE)
    def operator(request: Request, freed: str = "", updated: str = "") -> HTMLResponse:
        """Return the page; without a user, return the sign-in page. Raises 404 for other users."""
        done = ""
        if server := frame.server(freed):
            done = message("Freed the memory of {server}.", server=server.label)
        elif server := frame.server(updated):
            done = message("Updated the list of {server}.", server=server.label)
        return frame.shown(request, PATH, lambda: body(done))

    @routes.get(f"{PATH}/runs/{{run_id}}/preview", Access.ADMINISTRATOR)
    def preview(run_id: str) -> Response:
        """Return the newest image of any user's run; 404 if administrators may not see it."""
        image = desk.monitor.preview_of(run_id)
        if image is None:
            raise HTTPException(404)
        return Response(image.data, media_type=image.media_type, headers=NO_STORE)

    @routes.post(f"{PATH}/servers/{{number}}/{{action}}", Access.ADMINISTRATOR)
    def act(request: Request, number: str, action: str) -> Response:
        """Run the action and redirect to the page. If the server failed, return the page with the
        reason and status 409."""
        path = f"{PATH}/servers/{number}/{action}"
        server = frame.server(number)
        if server is None or action not in actions:
            raise HTTPException(404)
        try:
            actions[action](desk.actor(request), server)
        except ComfyError as problem:
            return failed(request, path, problem)
        said = _SAID.get(action)
        return frame.back(request, path, f"{PATH}?{said}={number}" if said else PATH)

    @routes.post(f"{PATH}/runs/{{run_id}}/{{action}}", Access.ADMINISTRATOR)
    def of_run(request: Request, run_id: str, action: Literal["stop", "front", "back"]) -> Response:
        """Stop any user's run or move it in the queue, and redirect to the page."""
        path, actor = f"{PATH}/runs/{run_id}/{action}", desk.actor(request)
        try:
            if action == "stop":
                desk.runs.stop(actor, run_id)
            else:
                desk.runs.move(actor, run_id, first=action == "front")
        except RunNotFound:
            return failed(request, path, ComfyError(_GONE))
        return frame.back(request, path, PATH)

    @routes.post(f"{PATH}/notice", Access.ADMINISTRATOR)
    def put_notice(
        request: Request,
        text: Annotated[str, Form()],
        duration: Annotated[Duration, Form()] = "always",
    ) -> Response:
        """Show a notice on all open pages and redirect to the page."""
        path = f"{PATH}/notice"
        try:
            desk.announcements.put(desk.actor(request), text, DURATIONS[duration][1])
        except ComfyError as problem:
            return failed(request, path, problem, 422)
        return frame.back(request, path, PATH)

    @routes.post(f"{PATH}/notice/remove", Access.ADMINISTRATOR)
    def remove_notice(request: Request) -> Response:
        """Remove the notice and redirect to the page."""
        path = f"{PATH}/notice/remove"
        try:
            desk.announcements.remove(desk.actor(request))
        except ComfyError as problem:
            return failed(request, path, problem)
        return frame.back(request, path, PATH)

    routes.include(model_routes(frame, failed))
    return routes
