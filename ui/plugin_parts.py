"""The parts of one app that its plugins add."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict

from comfyforms.hooks import AppParts, PluginApp
from comfyforms.plugin_manager import installed_plugins
from ui.web.access import GuardedRoutes
from ui.web.responses import json_text

_ACTIONS = '<script type="application/json" id="result-actions">{}</script>'


class PluginParts:
    """Parts of all plugins for one app."""

    def __init__(self, app: PluginApp) -> None:
        """Ask all plugins for their parts."""
        self._parts: list[AppParts] = installed_plugins().hook.app_parts(app=app)

    @property
    def routes(self) -> Sequence[GuardedRoutes]:
        """Return the routes of all plugins."""
        return [routes for one in self._parts for routes in one.routes]

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Start all plugins, and stop them at the end of the block, the last one first."""
        async with AsyncExitStack() as stack:
            for one in self._parts:
                await stack.enter_async_context(one.serving())
            yield

    def add_endpoints(self) -> None:
        """Add the endpoints of all plugins. Call this inside the page's Blocks."""
        for one in self._parts:
            one.add_endpoints()

    def sections(self) -> str:
        """Return the sections of all plugins for the administrator's page, as HTML."""
        return "".join(one.section() for one in self._parts)

    def tags(self) -> str:
        """Return a tag for the page's head that lists the actions for results, in the caller's
        language. `ui/page/script/stage/result_actions.js` reads it."""
        actions = [asdict(action) for one in self._parts for action in one.actions]
        return _ACTIONS.format(json_text(actions).replace("<", r"\u003c")) if actions else ""
