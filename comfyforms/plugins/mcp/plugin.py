"""`/mcp`, if the extra `[mcp]` is installed."""

from __future__ import annotations

import logging
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import TYPE_CHECKING

from comfyforms.hooks import AppParts, PluginApp, hookimpl

if TYPE_CHECKING:
    from pydantic import BaseModel

log = logging.getLogger(__name__)

MCP = "/mcp"
# The extra in pyproject.toml, which a wheel doesn't contain.
NEEDED = "mcp>=1.30,<3,!=2.0.*,!=2.1.*,!=2.2.*"


@hookimpl
def settings() -> list[type[BaseModel]]:
    """Add `--mcp-fields`."""
    from comfyforms.plugins.mcp.settings import McpSettings

    return [McpSettings]


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
