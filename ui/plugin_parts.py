"""Parts of one app that plugins add, and the parts of the app that plugins get."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, nullcontext
from dataclasses import dataclass

from starlette.requests import HTTPConnection

from comfyforms.plugin_manager import installed_plugins
from ui.parts import Parts
from ui.services import Services
from ui.settings.web_settings import WebSettings
from ui.web.access import GuardedRoutes
from ui.web.identity import Identity


@dataclass(frozen=True, slots=True)
class PluginApp:
    """One app, as plugins see it. `identity` tells who sends a request, and `operates` whether they
    are an administrator."""

    services: Services
    identity: Identity
    settings: WebSettings
    operates: Callable[[HTTPConnection], bool]

    @property
    def parts(self) -> Parts:
        """Return the parts that several routes share."""
        return Parts(self.services)


@dataclass(frozen=True, slots=True)
class AppParts:
    """Parts of one app that a plugin adds.

    `routes` come before the app's own, so that a plugin can replace one. `serving`: a context that
    stays open while the app serves. Both are on the event loop.
    """

    routes: Sequence[GuardedRoutes] = ()
    serving: Callable[[], AbstractAsyncContextManager[None]] = nullcontext


class PluginParts:
    """The parts of one app that all plugins add."""

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
