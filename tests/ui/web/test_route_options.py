"""Options of declared routes that the middleware enforces: limits of bodies, and turns."""

from __future__ import annotations

import re
from typing import Any

import pytest
from starlette.types import Scope

from tests.support.serving import RunningApp
from ui.web.access import Access, DeclaredRoute, GuardedRoutes
from ui.web.limits import BodyLimit, BodyLimitMiddleware
from ui.web.responses import API
from ui.web.shares import Room, TurnMiddleware, Work

MULTIPART = "multipart/form-data"
EXPENSIVE = {
    f"{API}/batches/a/results.zip": Work.PROCESSOR,
    f"{API}/chains/a": Work.PROCESSOR,
    "/files/a/all.zip": Work.PROCESSOR,
    f"{API}/workflows/a/b": Work.CATALOG,
    f"{API}/health/": Work.HEALTH,
}
LARGE = {
    "/gradio_api/upload": BodyLimit.FILES,
    f"{API}/uploads/": BodyLimit.FILES,
    f"{API}/workflows/a/b/runs": BodyLimit.FILES,
    f"{API}/workflows": BodyLimit.WORKFLOW,
    "/gradio_api/call/other": BodyLimit.PAGE,
    "/login": BodyLimit.LOGIN_FORM,
    "/unknown": BodyLimit.PAGE,
}


def request_for(method: str, path: str) -> Scope:
    return {"type": "http", "method": method, "path": path, "headers": []}


def installed(app: RunningApp, kind: type[Any]) -> Any:
    """Return the app's middleware of this class."""
    layer: Any = app.asgi.middleware_stack
    while not isinstance(layer, kind):
        layer = layer.app
    return layer


def requests_of(app: RunningApp) -> list[tuple[DeclaredRoute, Scope]]:
    """Return each declared route with a request that it answers, once per method."""
    return [
        (route, request_for(method, re.sub(r"{[^}]*}", "a", route.path)))
        for route in app.asgi.state.rules
        for method in route.methods
    ]


def has_multipart_body(route: DeclaredRoute) -> bool:
    document = route.options.get("openapi_extra", {})
    return MULTIPART in document.get("requestBody", {}).get("content", {})


def test_the_limit_knows_every_route_of_files(app: RunningApp) -> None:
    """A route whose document has a body of files gets a body as large as a file."""
    body_of = installed(app, BodyLimitMiddleware).body_of
    of_files = [asked for asked in requests_of(app) if has_multipart_body(asked[0])]
    assert len(of_files) >= 6
    small = [route.path for route, scope in of_files if body_of(scope) is not BodyLimit.FILES]
    assert not small, f"Declare them with body=BodyLimit.FILES: {small}"


def test_the_middleware_reads_each_routes_options(app: RunningApp) -> None:
    """The middleware finds the route that answers a request, even if several routes match."""
    body_of = installed(app, BodyLimitMiddleware).body_of
    work_of = installed(app, TurnMiddleware).work_of
    for route, scope in requests_of(app):
        assert body_of(scope) is route.body, route.path
        if scope["method"] != "HEAD":
            assert work_of(scope) is route.work, route.path


@pytest.mark.parametrize(("path", "work"), EXPENSIVE.items())
def test_an_expensive_request_takes_turns(app: RunningApp, path: str, work: Work) -> None:
    """The route's declaration, or the table of Gradio's routes, names the kind of turns."""
    work_of = installed(app, TurnMiddleware).work_of
    assert [work_of(request_for(method, path)) for method in ("GET", "HEAD")] == [work, work]


@pytest.mark.parametrize(("path", "body"), LARGE.items())
def test_a_body_has_the_limit_of_its_route(app: RunningApp, path: str, body: BodyLimit) -> None:
    """The limit depends on the route's declaration, or on the table of Gradio's routes."""
    assert installed(app, BodyLimitMiddleware).body_of(request_for("POST", path)) is body


def test_a_route_takes_turns_unless_its_declaration_says_otherwise() -> None:
    """A place in a room replaces the turns: a stream would never end its turn."""
    routes = GuardedRoutes()
    routes.get("/a", Access.PUBLIC)(print)
    routes.get("/b", Access.OWNER, room=Room.CALLS)(print)
    routes.get("/c", Access.PUBLIC, is_constant=True)(print)
    routes.post("/d", Access.SIGNED_IN)(print)
    routes.plain("/e", print, Access.SIGNED_IN, "GET", "POST")
    routes.delete("/g", Access.OWNER)(print)
    routes.websocket("/h", Access.OWNER)(print)
    routes.post("/i", Access.ADMINISTRATOR)(print)
    kinds = [Work.PROCESSOR, None, None, *[Work.PROCESSOR] * 3, None, Work.HEALTH]
    assert [one.work for one in routes] == kinds
    for options in ({"work": None}, {"work": Work.FILE, "room": Room.CALLS}):
        with pytest.raises(ValueError, match="/f: a route has"):
            routes.get("/f", Access.OWNER, **options)(print)


def test_an_annotation_that_cannot_be_resolved_is_refused() -> None:
    """FastAPI would ask for the owner in the query, as it doesn't know names of a function. The
    error says what to do."""
    from comfyforms.hooks import Owner

    def handle(owner: Owner) -> None: ...

    routes = GuardedRoutes()
    with pytest.raises(ValueError, match="annotation 'Owner' of 'owner'"):
        routes.get("/mine", Access.OWNER)(handle)
    handle.__annotations__ = {"owner": Owner}  # as without the import from `__future__`
    routes.get("/mine", Access.OWNER)(handle)
