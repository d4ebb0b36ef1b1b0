"""The parts of one app that its plugins add."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict

from fastapi import Request
from fastapi.responses import HTMLResponse
from prometheus_client.metrics_core import Metric
from starlette.types import ASGIApp

from comfyforms.hooks import (
    AppParts,
    FormLink,
    PluginApp,
    PluginPage,
    ResultAction,
    SharingAction,
    TextAction,
)
from comfyforms.plugin_manager import installed_plugins
from ui.accounts.login import SignedIn
from ui.administration.links import PluginLinks
from ui.gradio.internals import app_address
from ui.languages.current import html_of
from ui.page.plain.layout import as_page, plain_page, policy
from ui.page.script_files import page_script
from ui.web.access import Access, GuardedRoutes
from ui.web.responses import json_text

_ACTIONS = '<script type="application/json" id="{}">{}</script>'


class PluginParts:
    """Parts of all plugins for one app."""

    def __init__(self, app: PluginApp) -> None:
        self._parts: list[AppParts] = installed_plugins().hook.app_parts(app=app)
        self._root_path = app.settings.root_path

    @property
    def routes(self) -> Sequence[GuardedRoutes]:
        """Return the routes of all plugins, and those to their pages."""
        own = [routes for one in self._parts for routes in one.routes]
        return [*own, *(page_routes(page, self._root_path) for page in self.pages)]

    @property
    def api(self) -> Sequence[GuardedRoutes]:
        return [routes for one in self._parts for routes in one.api]

    @property
    def pages(self) -> Sequence[PluginPage]:
        return [page for one in self._parts for page in one.pages]

    def counts(self, owner: str) -> Mapping[str, int]:
        """Return how many things wait for a user on plugins' pages, by address. Blocks."""
        return {page.address: page.count(owner) for page in self.pages if page.count}

    @property
    def links(self) -> Sequence[PluginLinks]:
        return [links for one in self._parts for links in one.links]

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

    @property
    def middleware(self) -> Sequence[Callable[[ASGIApp], ASGIApp]]:
        return [one for part in self._parts for one in part.middleware]

    def form_links(self, owner: str, workflow: str) -> Sequence[FormLink]:
        links = (one.form_link(owner, workflow) for one in self._parts)
        return [one for one in links if one is not None]

    @property
    def addressed(self) -> Sequence[Callable[[ASGIApp], ASGIApp]]:
        return [one for part in self._parts for one in part.addressed]

    @property
    def hosts(self) -> Sequence[str]:
        return [one for part in self._parts for one in part.hosts]

    def account(self, who: SignedIn) -> str:
        """Return the sections of all plugins for the page of a user's account, as HTML."""
        return "".join(one.account(who) for one in self._parts)

    def sections(self) -> tuple[str, str]:
        """Return the sections of all plugins for the administrator's page, as HTML: those below the
        servers, and those below the runs."""
        parts = self._parts
        return "".join(one.section() for one in parts), "".join(one.last_section() for one in parts)

    def metrics(self) -> Iterator[Metric]:
        for one in self._parts:
            yield from one.metrics()

    def tags(self) -> str:
        """Return tags for the page's head that list what plugins add to its script, in the caller's
        language. `ui/page/script/stage/result_actions.js`, `stage/share.js` and
        `form/text_actions.js` read them. Plugins' own tags follow."""
        lists: Mapping[str, list[ResultAction | TextAction | SharingAction]] = {
            "result-actions": [action for one in self._parts for action in one.actions],
            "text-actions": [action for one in self._parts for action in one.text_actions],
            "sharing": [action for one in self._parts for action in one.sharing],
        }
        tags = [
            _ACTIONS.format(
                name, json_text([asdict(action) for action in actions]).replace("<", r"\u003c")
            )
            for name, actions in lists.items()
            if actions
        ]
        return "".join([*tags, *(one.head for one in self._parts)])


def page_routes(page: PluginPage, root_path: str) -> GuardedRoutes:
    """Return the route to a page, unless the plugin has its own."""
    routes = GuardedRoutes()
    if (body := page.body) is None:
        return routes

    @routes.get(page.address, Access.SIGNED_IN)
    def shown(request: Request) -> HTMLResponse:
        root, title = app_address(request, root_path), html_of(page.label)
        content = f"<h1>{title}</h1>\n{body(request)}"
        content, script = f'<main class="operator">{content}</main>', ""
        if page.script:
            script = page_script(page.script)
            content += f'\n<script type="module">{script}</script>'
        return as_page(plain_page(root, title, content), allowed=policy(script=script))

    return routes
