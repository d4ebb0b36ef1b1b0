"""Frame of the administrator's pages: who may open them, their title and tabs, and answers to their
forms."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from fastapi import HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.requests import HTTPConnection

from comfy.base.errors import ComfyError
from comfy.base.messages import message, sentences
from comfy.comfyui.client.address import is_loopback
from comfy.comfyui.servers.server import ComfyServer
from comfy.library.permissions import Permissions
from ui.accounts.pages.sign_in import SignInPage
from ui.administration.desk import Administration
from ui.gradio.internals import app_address
from ui.languages.current import html_of
from ui.page.plain.layout import as_page, module_tag, plain_page
from ui.page.plain.questions import asking_form
from ui.web.identity import Identity

PATH = "/operator"
_DEMO = message("Demo mode – not connected to ComfyUI.")
_ADMINISTRATION = message("Administration")
_ENDS_RUNS = message("Its active run ends. Waiting runs continue afterwards.")
_NUMBER = re.compile(r"[0-9]{1,9}")
PEOPLE, USAGE, MISSING = f"{PATH}/people", f"{PATH}/usage", f"{PATH}/missing"
ACTIVITY, TOKENS = f"{PATH}/activity", f"{PATH}/tokens"
_TABS: Mapping[str, str] = MappingProxyType(
    {
        PATH: message("Servers and runs"),
        PEOPLE: message("People"),
        USAGE: message("Storage and usage"),
        MISSING: message("Missing models and nodes"),
        ACTIVITY: message("Activity"),
        TOKENS: message("Tokens and links"),
    }
)


@dataclass(frozen=True, slots=True)
class OperatorAccess:
    """Check for administrators, who are named in the settings or the users file. A token with a
    scope administers nothing. Without sign-in, every caller on this machine is an administrator if
    no other machine can reach the app."""

    permissions: Permissions
    identity: Identity

    def __post_init__(self) -> None:
        self.identity.operates = self.permits

    def permits(self, request: HTTPConnection) -> bool:
        """Return whether the caller is an administrator."""
        owner, who = self.identity.owner(request), self.identity.signed_in(request)
        if owner is None or not self.permissions.operates(owner):
            return False
        return not who.scope if who else _from_here(request)

    async def only(self, request: Request) -> None:
        """Require an administrator (route dependency). Raises 401 without a user and for another
        site's page, otherwise 404, as for an unknown route."""
        await self.identity.caller(request)
        if not self.permits(request):
            raise HTTPException(404)


def _from_here(request: HTTPConnection) -> bool:
    """Return whether the request comes from this machine. Requests through a trusted proxy have
    their visitor's address."""
    return request.client is not None and is_loopback(request.client.host)


@dataclass(frozen=True, slots=True)
class AdminFrame:
    """Frame of the pages. `root_path`: as configured for the web server; `sections`: plugins'
    sections of the first page, see `PluginParts`."""

    desk: Administration
    access: OperatorAccess
    sign_in: SignInPage
    root_path: str
    sections: Callable[[], tuple[str, str]] = lambda: ("", "")

    def shown(self, request: Request, tab: str, body: Callable[[], str]) -> HTMLResponse:
        """Return a page; without a user, return the sign-in page. Raises 404 for other users."""
        if self.desk.identity.owner(request) is None:
            return self.sign_in(request)
        if not self.access.permits(request):
            raise HTTPException(404)
        return self.page(request, tab, body())

    def page(
        self, request: Request, tab: str, body: str, why: str = "", status: int = 200
    ) -> HTMLResponse:
        """Return a page. `why`: the reason for a failed action."""
        root = app_address(request, self.root_path)
        title = html_of(_TABS[tab])
        alert = f'<p id="why" role="alert">{html_of(why)}</p>'
        demo = f' <span class="tag">{html_of(_DEMO)}</span>' if self.desk.services.demo else ""
        content = f"""<main class="operator">
<h1>{html_of(_ADMINISTRATION)}{demo}</h1>
{self._tabs(tab)}
{alert}
{body}
</main>
{module_tag("tables.js")}"""
        return as_page(plain_page(root, title, content), status)

    def failed(
        self, request: Request, tab: str, body: str, problem: ComfyError, status: int = 409
    ) -> HTMLResponse:
        """Return a page with the reason for a failed action."""
        return self.page(request, tab, body, sentences(str(problem), problem.hint), status)

    def back(self, request: Request, to: str) -> Response:
        """Redirect to a page after a form, so that a reload submits nothing again."""
        return RedirectResponse(f"{app_address(request, self.root_path)}{to}", 303)

    def after(
        self,
        request: Request,
        tab: str,
        action: Callable[[], object],
        body: Callable[[], str],
        status: int = 409,
    ) -> Response:
        """Run a form's action and redirect to its page; return the page if the action fails."""
        try:
            action()
        except ComfyError as problem:
            return self.failed(request, tab, body(), problem, status)
        return self.back(request, tab)

    def server(self, number: str) -> ComfyServer | None:
        """Return the server with this number in an address, or None."""
        pool = self.desk.servers.pool
        return pool.numbered(int(number)) if _NUMBER.fullmatch(number) else None

    def _tabs(self, tab: str) -> str:
        signs_in = self.desk.identity.login is not None
        paths = (path for path in _TABS if signs_in or path not in (PEOPLE, TOKENS))
        links = "".join(
            f'<a href="{path[1:]}"{" aria-current=page" if path == tab else ""}>'
            f"{html_of(_TABS[path])}</a>"
            for path in paths
        )
        return f'<nav class="tabs cut" aria-label="{html_of(_ADMINISTRATION)}">{links}</nav>'


def section(title: str, body: str) -> str:
    """Return a card with a heading."""
    return f'<section class="card"><h2>{html_of(title)}</h2>{body}</section>'


def lines(items: Iterable[tuple[str, str]]) -> str:
    """Return a card's list: each item's words and buttons, as HTML."""
    rows = "".join(f"<li><div>{words}</div>{_beside(buttons)}</li>" for words, buttons in items)
    return f'<ul class="lines">{rows}</ul>'


def _beside(buttons: str) -> str:
    return f'<div class="buttons wraps">{buttons}</div>' if buttons else ""


def restart_form(address: str, number: int, name: str) -> str:
    """Return the button that restarts a server after a question."""
    texts = message("Restart…"), message("Restart {server}?", server=name), message("Restart")
    return asking_form(address, texts, f"restart-{number}", f"<p>{html_of(_ENDS_RUNS)}</p>")


def none(words: str) -> str:
    """Return a card's only text, beside its heading."""
    return f'<p class="none">{html_of(words)}</p>'
