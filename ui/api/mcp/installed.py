"""The extra `[mcp]`, where it is installed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from importlib.util import find_spec

from starlette.routing import BaseRoute, Route

from ui.services import Services
from ui.web.identity import Identity

MCP = "/mcp"


@dataclass(frozen=True, slots=True)
class McpRoutes:
    """Its routes, and what has to last as long as they answer."""

    routes: Sequence[BaseRoute] = ()
    serving: Callable[[], AbstractAsyncContextManager[None]] = nullcontext


def mcp_routes(services: Services, identity: Identity, root: str) -> McpRoutes:
    """`/mcp`; none where the package `mcp` is not there. `root`: the path of the whole app below
    its host."""
    if find_spec("mcp") is None:
        return McpRoutes()
    from ui.api.mcp.endpoint import McpEndpoint

    endpoint = McpEndpoint(services, identity, root)
    methods = ["GET", "POST", "DELETE"]
    return McpRoutes([Route(MCP, endpoint, methods=methods)], endpoint.serving)
