"""Declarations of routes: the callers of each, the room in which its requests hold a place, and the
limit of their bodies. They are checked in this order, before a body is read."""

from __future__ import annotations

import ast
import builtins
import re
from collections import ChainMap, defaultdict
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
from contextlib import ExitStack
from copy import copy
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import cached_property, partial
from types import MethodType
from typing import Annotated, Any, Protocol, TypeVar

from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.routing import Route, compile_path, get_name
from starlette.types import ASGIApp, Receive, Scope, Send

from comfy.base.errors import ComfyError
from ui.web.audit import Audit
from ui.web.identity import Identity
from ui.web.limits import BodyLimit, JsonRequest, place_held
from ui.web.responses import ErrorAnswer
from ui.web.shares import Room, Rooms, Work, answer_in_room, answer_in_turn, caller_of

_SAFE = ("GET", "HEAD")
_PARAMETER = re.compile(r"\{[^{}]*\}")  # of a path
_SOCKET = "WEBSOCKET"  # stands for the method that a WebSocket doesn't have
_Endpoint = TypeVar("_Endpoint", bound=Callable[..., Any])
_Guard = Callable[[Request], Awaitable[object]]
_LARGE = (BodyLimit.FILES, BodyLimit.WORKFLOW, BodyLimit.CALL)
_OWN_OPTIONS = ("is_plain", "work", "is_constant", "body", "room", "closes_signed_out", "audit")


class _Decorator(Protocol):
    def __call__(self, endpoint: _Endpoint, /) -> _Endpoint: ...


class Access(Enum):
    """Users that a route answers. The value appears in docs/api_endpoints.md."""

    PUBLIC = "everyone"  # even before they sign in
    SIGN_IN_PAGE = "everyone, after signing in"  # its handler shows the sign-in page first
    SIGNED_IN = "users"
    OWNER = "owner"  # of the item in the path or query; other users get 404
    ADMINISTRATOR = "administrators"  # other users get 404
    # Like SIGNED_IN and OWNER, but pages of other sites may link to them.
    FILE = "users, by links too"
    OWN_FILE = "owner, by links too"


_OPEN = (Access.PUBLIC, Access.SIGN_IN_PAGE)


async def _owner(request: Request) -> str:
    owner: str = request.state.owner
    return owner


# The caller's name as an owner of runs, found by the guard of the route's rule (only those that
# require a user; administrators have `Administration.actor`).
Owner = Annotated[str, Depends(_owner)]


@dataclass(frozen=True, slots=True)
class DeclaredRoute:
    """Route with its access rule and the middleware's options.

    `methods`: empty for a WebSocket. `options`: FastAPI's. `is_plain`: Starlette calls it without
    FastAPI, so its handler checks the caller. `work`: of requests that take turns, as they
    do by default for a processor. `is_constant`: they take none, because nothing that people store
    or send makes them slower. `body`: what its requests may contain;
    `room`: where they hold a place until they are answered, as those with a large body must, and
    streams of events, which would keep a turn.
    `closes_signed_out`: the handler of a WebSocket accepts callers without a sign-in, and closes
    with a code that tells its page. `errors`: the format of its errors and of the middleware's
    refusals, if it isn't the app's.
    `audit`: the audit log gets each successful request. `scope`: tokens with this word in their
    scope open it, too.
    """

    path: str
    methods: tuple[str, ...]
    access: Access
    endpoint: Callable[..., Any]
    options: Mapping[str, Any] = field(default_factory=dict)
    is_plain: bool = False
    work: Work | None = None
    is_constant: bool = False
    body: BodyLimit = BodyLimit.PAGE
    room: Room | None = None
    closes_signed_out: bool = False
    errors: ErrorAnswer | None = None
    audit: Audit | None = None
    scope: str = ""

    def __post_init__(self) -> None:
        """Raise ValueError for a declaration that would let callers take more than their share."""
        if self.access in _OPEN and self.body is not BodyLimit.LOGIN_FORM:
            raise ValueError(f"{self.path}: callers without an account send only a LOGIN_FORM")
        if self.body in _LARGE and self.room is None:
            raise ValueError(f"{self.path}: a large body needs a room")
        bounds = (self.work, self.is_constant or None, self.room)
        if self.methods and sum(one is not None for one in bounds) != 1:
            raise ValueError(f"{self.path}: a route has either work, or a room, or is constant")


class RouteHandlers(Protocol):
    """Object whose class declares routes for its methods: `routes = GuardedRoutes()` in the body,
    and `@routes.get(…)` before a method."""

    @property
    def routes(self) -> GuardedRoutes:
        """Return the routes, which aren't bound to an object yet."""


class GuardedRoutes:
    """Routes of one topic. `prefix` is put before each path; `options`: FastAPI's options for each
    route. `DeclaredRoute` explains `audit`, `errors`, `work`, `is_constant`, `body`,
    `room` and `closes_signed_out`."""

    def __init__(
        self, prefix: str = "", *, errors: ErrorAnswer | None = None, **options: Any
    ) -> None:
        self._prefix = prefix
        self._errors = errors
        self._options = options
        self._declared: list[DeclaredRoute] = []

    @classmethod
    def of(cls, handlers: RouteHandlers) -> GuardedRoutes:
        """Return the routes that a class declares for its methods, bound to one of its objects."""
        routes = cls()
        routes._declared = [
            replace(route, endpoint=MethodType(route.endpoint, handlers))
            for route in handlers.routes
        ]
        return routes

    def __iter__(self) -> Iterator[DeclaredRoute]:
        return iter(self._declared)

    def __len__(self) -> int:
        return len(self._declared)

    def get(self, path: str, access: Access, **options: Any) -> _Decorator:
        return self._declare(path, ("GET",), access, options)

    def head(self, path: str, access: Access, **options: Any) -> _Decorator:
        return self._declare(path, ("HEAD",), access, options)

    def post(self, path: str, access: Access, **options: Any) -> _Decorator:
        return self._declare(path, ("POST",), access, options)

    def put(self, path: str, access: Access, **options: Any) -> _Decorator:
        return self._declare(path, ("PUT",), access, options)

    def patch(self, path: str, access: Access, **options: Any) -> _Decorator:
        return self._declare(path, ("PATCH",), access, options)

    def delete(self, path: str, access: Access, **options: Any) -> _Decorator:
        return self._declare(path, ("DELETE",), access, options)

    def websocket(
        self, path: str, access: Access, *, closes_signed_out: bool = False
    ) -> _Decorator:
        """Declare a WebSocket, whose handler calls `authenticate_socket`."""
        return self._declare(path, (), access, {"closes_signed_out": closes_signed_out})

    def plain(
        self,
        path: str,
        endpoint: Callable[..., Any],
        access: Access,
        *methods: str,
        **options: Any,
    ) -> None:
        """Declare a route that Starlette calls without FastAPI. Its handler checks the caller."""
        self._declare(path, methods, access, {"is_plain": True, **options})(endpoint)

    def include(self, routes: GuardedRoutes, prefix: str = "", scope: str = "") -> None:
        """Declare these routes, too, with a prefix. `scope`: see `DeclaredRoute`."""
        self._declared += [
            replace(route, path=prefix + route.path, scope=scope or route.scope) for route in routes
        ]

    def add_to(self, router: APIRouter, check: Callable[[ASGIApp, DeclaredRoute], ASGIApp]) -> None:
        """Add these routes. `check`: returns the ASGI app that comes before one."""
        for route in self._declared:
            methods = list(route.methods)
            if not (methods or route.is_plain):
                router.add_api_websocket_route(route.path, route.endpoint)
                continue
            if route.is_plain:
                added = Route(route.path, route.endpoint, methods=methods or None)
            else:
                added = LateRoute(router, route)
            added.app = check(added.app, route)
            router.routes.append(added)

    def _declare(
        self, path: str, methods: tuple[str, ...], access: Access, options: dict[str, Any]
    ) -> _Decorator:
        own = {name: options.pop(name) for name in _OWN_OPTIONS if name in options}
        if access in _OPEN:
            own.setdefault("body", BodyLimit.LOGIN_FORM)
        if methods and not {"room", "is_constant"} & own.keys():
            acts_on_servers = access is Access.ADMINISTRATOR and "GET" not in methods
            own.setdefault("work", Work.HEALTH if acts_on_servers else Work.PROCESSOR)

        def declared(endpoint: _Endpoint) -> _Endpoint:
            if not own.get("is_plain"):
                _check_annotations(path, endpoint)
            all_options = self._options | options
            self._declared.append(
                DeclaredRoute(
                    *(self._prefix + path, methods, access, endpoint, all_options),
                    errors=self._errors,
                    **own,
                )
            )
            return endpoint

        return declared


def _check_annotations(path: str, endpoint: Callable[..., Any]) -> None:
    """Raise ValueError for an annotation that FastAPI couldn't resolve: it would take the parameter
    for a part of the query."""
    known = ChainMap(getattr(endpoint, "__globals__", {}), vars(builtins))
    for parameter, text in getattr(endpoint, "__annotations__", {}).items():
        names = ast.walk(ast.parse(text, mode="eval")) if isinstance(text, str) else ()
        for name in names:
            if isinstance(name, ast.Name) and name.id not in known:
                raise ValueError(
                    f"{path}: the annotation {name.id!r} of {parameter!r} isn't a name in the"
                    " route's module. If a function imports it, write no “from __future__ import"
                    " annotations” in that module."
                )


class LateRoute(Route):
    """Route that FastAPI builds when it is first requested: to build all of them takes seconds."""

    def __init__(self, router: APIRouter, declared: DeclaredRoute) -> None:
        self.path = declared.path
        self.name = get_name(declared.endpoint)
        self.endpoint = declared.endpoint
        self.methods = {*declared.methods}
        self.include_in_schema = False  # by itself: the document has the built route
        self.path_regex, self.path_format, self.param_convertors = compile_path(declared.path)
        self.app = self._answer
        self._router = router
        self._declared = declared

    @cached_property
    def built(self) -> APIRoute:
        """Return FastAPI's route, whose `app` checks no caller."""
        maker = copy(self._router)
        maker.routes = []
        route = self._declared
        options = {"route_class_override": _route_with(route.errors), **route.options}
        maker.add_api_route(route.path, route.endpoint, methods=[*route.methods], **options)
        (made,) = maker.routes
        assert isinstance(made, APIRoute)
        return made

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.built.app(scope, receive, send)


def _route_with(errors: ErrorAnswer | None) -> type[APIRoute]:
    class LimitedRoute(APIRoute):
        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            handle = super().get_route_handler()

            async def answered(request: Request) -> Response:
                try:
                    return await handle(JsonRequest(request.scope, request.receive))
                except (ComfyError, HTTPException) as error:
                    if errors is None:
                        raise
                    return errors(error)

            return answered

    return LimitedRoute


class Gate:
    """Registry that adds declared routes to apps, each behind its access rule and its room. The
    middleware asks it for a request's route.

    `administrators`: raises HTTPException unless the caller is an administrator. `public`: paths of
    other routes that need no sign-in.
    """

    def __init__(
        self, identity: Identity, administrators: _Guard, public: frozenset[str], rooms: Rooms
    ) -> None:
        async def own_page_sends(request: Request) -> None:
            if request.method not in _SAFE:
                await identity.own_page(request)

        async def caller(request: Request) -> None:
            request.state.owner = await identity.caller(request)

        async def reader(request: Request) -> None:
            request.state.owner = await identity.reader(request)

        self.identity = identity
        identity.scope_of = self.scope_of
        self._guards: Mapping[Access, _Guard] = {
            Access.PUBLIC: own_page_sends,
            Access.SIGN_IN_PAGE: own_page_sends,
            Access.SIGNED_IN: caller,
            Access.OWNER: caller,
            Access.ADMINISTRATOR: administrators,
            Access.FILE: reader,
            Access.OWN_FILE: reader,
        }
        self._public = public
        self._rooms = rooms
        self.rules: list[DeclaredRoute] = []  # with their full paths
        self._open: list[tuple[tuple[str, ...], re.Pattern[str]]] = []
        self._by_method = defaultdict[str, list[tuple[re.Pattern[str], DeclaredRoute]]](list)

    def add(self, app: FastAPI, routes: GuardedRoutes, mounted_at: str = "") -> None:
        """Add routes to an app. `mounted_at`: the app's path within the whole app."""
        # Requests pass included routers far more slowly than routes of the app's own.
        routes.add_to(app.router, self._checked)
        rules = [replace(route, path=mounted_at + route.path) for route in routes]
        self.rules += rules
        for rule in rules:
            pattern = compile_path(rule.path)[0]
            if rule.access in _OPEN:
                self._open.append((rule.methods, pattern))
            for method in rule.methods or (_SOCKET,):
                self._by_method[method].append((pattern, rule))

    def _checked(self, inner: ASGIApp, route: DeclaredRoute) -> ASGIApp:
        """Return an app that checks the caller, then holds a place while the inner app reads the
        body and answers, and waits for a turn after the body, when it checks the caller again. A
        plain route reads the caller itself. `TurnMiddleware` gives GETs their turns, and a stream
        takes its own."""
        guard = self._guards[Access.PUBLIC if route.is_plain else route.access]

        async def checked(scope: Scope, receive: Receive, send: Send) -> None:
            try:
                with ExitStack() as held:
                    check = partial(guard, Request(scope))
                    await check()
                    if route.room is not None:
                        caller = caller_of(scope, self.identity)
                        held.enter_context(place_held(self._rooms.of(route.room, caller), caller))
                    if route.is_constant or scope["method"] in _SAFE:
                        await inner(scope, receive, send)
                    elif route.work is None:
                        files = route.body is BodyLimit.FILES
                        await answer_in_room(inner, scope, receive, send, check, takes_files=files)
                    else:
                        await answer_in_turn(inner, route.work, scope, receive, send, check)
            except HTTPException as error:
                if route.errors is None:
                    raise
                await route.errors(error)(scope, receive, send)

        return checked

    def route(self, scope: Scope) -> DeclaredRoute | None:
        """Return the declared route that answers a request, or None for a route of Gradio's and for
        an unknown path. As in Starlette, the first match counts. A trailing slash is ignored except
        for WebSockets, and HEAD counts as GET."""
        path = scope["path"]
        match scope["type"], scope.get("method"):
            case "websocket", _:
                methods = [_SOCKET]
            case "http", str(method):
                methods = ["GET", "HEAD"] if method == "HEAD" else [method]
                path = path.rstrip("/")
            case _:
                return None
        known = (one for method in methods for one in self._by_method.get(method, ()))
        return next((route for pattern, route in known if pattern.match(path)), None)

    def scope_of(self, scope: Scope) -> str:
        """Return the word in the scope of tokens that opens the route of a request, or ""."""
        route = self.route(scope)
        return route.scope if route else ""

    def allowed(self, scope: Scope) -> list[str]:
        """Return the methods of the declared path that a request matches. Of several paths with
        parameters, the one with the most fixed characters counts."""
        fixed: dict[str, list[str]] = defaultdict(list)
        for method, known in self._by_method.items():
            for pattern, rule in known:
                if method != _SOCKET and pattern.match(scope["path"]):
                    fixed[_PARAMETER.sub("", rule.path)].append(method)
        return sorted(fixed[max(fixed, key=len, default="")])

    def is_public(self, scope: Scope) -> bool:
        """Return whether a request needs no sign-in, or its handler answers callers without one."""
        path = scope["path"]
        match scope["type"], scope.get("method"):
            case "http", "GET" | "HEAD":
                return path in self._public or self._is_open("GET", path)
            case "http", str(method):  # Starlette redirects from a path with a trailing slash
                return self._is_open(method, path) or self._is_open(method, path.rstrip("/"))
            case "websocket", _:
                route = self.route(scope)
                return route is not None and route.closes_signed_out
            case _:
                return False

    def _is_open(self, method: str, path: str) -> bool:
        return any(method in methods and one.fullmatch(path) for methods, one in self._open)
