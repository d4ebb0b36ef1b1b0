"""`/mcp`, if the extra `[mcp]` is installed."""

from __future__ import annotations

import logging
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

from comfyforms.hooks import AppParts, PluginApp, hookimpl

log = logging.getLogger(__name__)

MCP = "/mcp"
NEEDED = "mcp>=2.3,<3"  # same as the extra in pyproject.toml, which a wheel doesn't contain


@hookimpl
def app_parts(app: PluginApp) -> AppParts | None:
    """Add `/mcp`, unless the `mcp` package is missing, or has a version that suits Gradio but not
    the app."""
    if find_spec("mcp") is None:
        return None
    from packaging.requirements import Requirement

    try:
        installed = version("mcp")
    except PackageNotFoundError:
        installed = "0"
    if not Requirement(NEEDED).specifier.contains(installed, prereleases=True):
        log.info("%s is off: it needs %s, but mcp %s is installed.", MCP, NEEDED, installed)
        return None
    from comfyforms.plugins.mcp.endpoint import mcp_parts  # takes half a second

    # The package logs a line per session. The id in it would make each line a new kind for
    # `LogLimit`.
    logging.getLogger("mcp").setLevel(logging.WARNING)
    return mcp_parts(app, MCP)
