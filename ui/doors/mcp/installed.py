"""The extra `[mcp]`, where it is installed."""

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

log = logging.getLogger(__name__)

MCP = "/mcp"
NEEDED = "mcp>=2.3,<3"  # as the extra in pyproject.toml, which is not there in a wheel


@dataclass(frozen=True, slots=True)
class McpRoutes:
    """Its routes, and what has to last as long as they answer."""

    routes: GuardedRoutes = field(default_factory=GuardedRoutes)
    serving: Callable[[], AbstractAsyncContextManager[None]] = nullcontext


def mcp_routes(services: Services, identity: Identity, root: str) -> McpRoutes:
    """`/mcp`; none where the package `mcp` is not there, or is one that Gradio may use and the app
    cannot. `root`: the path of the whole app below its host."""
    if find_spec("mcp") is None:
        return McpRoutes()
    try:
        installed = version("mcp")
    except PackageNotFoundError:
        installed = "0"
    if not Requirement(NEEDED).specifier.contains(installed, prereleases=True):
        log.info("There is no %s: %s is needed, mcp %s is installed.", MCP, NEEDED, installed)
        return McpRoutes()
    from ui.doors.mcp.calls import ToolCalls
    from ui.doors.mcp.endpoint import McpEndpoint

    # It writes a line for each session, with an id that makes it another kind to `LogLimit`.
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
    routes.plain(MCP, endpoint, Access.SIGNED_IN, "GET", "POST", "DELETE")
    return McpRoutes(routes, endpoint.serving)
