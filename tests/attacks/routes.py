"""List every route of the running app, including Gradio's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute

SOCKET = "WEBSOCKET"


@dataclass(frozen=True, order=True, slots=True)
class Registered:
    """A registered path with its {parameters}, and its HTTP method or SOCKET."""

    path: str
    method: str


def registered(routes: Sequence[BaseRoute], prefix: str = "") -> Iterator[Registered]:
    """Return all routes, including those in routers and mounted apps. Raise TypeError for an
    unknown kind of route."""
    for route in routes:
        match route:
            case Mount(app=app):
                yield from registered(_behind(app).routes, prefix + route.path)
            case Route(methods=methods):
                yield from (
                    Registered(prefix + route.path, method) for method in methods or {"GET"}
                )
            case WebSocketRoute():
                yield Registered(prefix + route.path, SOCKET)
            case _ if router := getattr(route, "original_router", None):  # FastAPI's, since 0.136
                yield from registered(router.routes, prefix + route.include_context.prefix)  # type: ignore[attr-defined]
            case _:
                raise TypeError(
                    f"{route!r}: say in tests/attacks/routes.py how its paths are found"
                )


def _behind(app: Any) -> Any:
    while not hasattr(app, "routes"):
        app = next(inner for inner in vars(app).values() if callable(inner))
    return app
