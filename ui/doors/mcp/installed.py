"""The extra `[mcp]`, if it is installed."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

from packaging.requirements import Requirement

from ui.parts import Parts
from ui.services import Services
from ui.web.access import Access, GuardedRoutes
from ui.web.identity import Identity
from ui.web.limits import BodyLimit

log = logging.getLogger(__name__)

MCP = "/mcp"
NEEDED = "mcp>=2.3,<3"  # same as the extra in pyproject.toml, which a wheel doesn't contain


@dataclass(frozen=True, slots=True)
class McpRoutes:
    """MCP routes, and the context that must stay open while they answer."""

    routes: GuardedRoutes = field(default_factory=GuardedRoutes)
    serving: Callable[[], AbstractAsyncContextManager[None]] = nullcontext


def mcp_routes(services: Services, identity: Identity, root: str) -> McpRoutes:
    """Return `/mcp`. Empty if the `mcp` package is missing, or has a version that suits Gradio but
    not the app. `root`: the path of the whole app below its host."""
    if find_spec("mcp") is None:
        return McpRoutes()
    try:
        installed = version("mcp")
    except PackageNotFoundError:
        installed = "0"
    if not Requirement(NEEDED).specifier.contains(installed, prereleases=True):
        log.info("%s is off: it needs %s, but mcp %s is installed.", MCP, NEEDED, installed)
        return McpRoutes()
    from ui.doors.mcp.calls import ToolCalls
    from ui.doors.mcp.endpoint import McpEndpoint

    # The package logs a line per session. The id in it would make each line a new kind for
    # `LogLimit`.
    logging.getLogger("mcp").setLevel(logging.WARNING)

    parts = Parts(services)
    calls = ToolCalls(
        identity,
        parts.run_docs(root),
        parts.run_start,
        parts.chain_start,
        parts.results,
        services.waiting,
    )
    endpoint = McpEndpoint(calls, services.limits)
    routes = GuardedRoutes()
    routes.plain(MCP, endpoint, Access.SIGNED_IN, "GET", "POST", "DELETE", body=BodyLimit.CALL)
    return McpRoutes(routes, endpoint.serving)
