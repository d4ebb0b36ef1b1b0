"""Signing in with a password or the share link, and signing out, here and everywhere.

The sign-in page is shown at the requested URL. A reload after the sign-in opens the requested page.
"""

from __future__ import annotations

import asyncio
import html
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlencode

from fastapi import Form, HTTPException, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.background import BackgroundTask

from comfy.base.messages import message, sentences
from ui.accounts.database import SignInStoreError
from ui.accounts.login import Login
from ui.accounts.pages.passwords import WRONG_LOGIN, Passwords, SignInRefused
from ui.brand import current_brand
from ui.gradio.internals import LOGIN, PASSWORD, USERNAME, app_address, refusal
from ui.languages.catalogs import Languages
from ui.languages.current import html_of
from ui.page.language_files import LANGUAGE, language_menu
from ui.page.plain.layout import (
    SUMMARY,
    as_page,
    dead_link_page,
    logo_tag,
    notice_page,
    plain_page,
    sign_in_image,
    sign_in_tag,
)
from ui.web.access import Access, GuardedRoutes
from ui.web.addresses import client_address
from ui.web.identity import LOG_IN_FIRST, NEW_BROWSER, NEW_BROWSERS, Identity
from ui.web.rates import Rate
from ui.web.responses import TOO_MANY_REQUESTS, wants_page
from ui.web.shares import Work

log = logging.getLogger(__name__)

OPENID = "/login/openid"  # redirects to the organization's sign-in
_SIGN_IN = message("Sign in")
_USERNAME = message("Username")
_PASSWORD = message("Password")
_SHOW = message("Show password")
_NO_PASSWORDS = message(
    "To sign in, use your invitation link or your organization's sign-in page. If you have"
    " neither, ask the administrator."
)
_NO_SCRIPT = message("ComfyForms needs JavaScript. Turn it on and reload this page.")
_UNAVAILABLE = 503
_WRONG = message("Something went wrong.")
_LOGOUT = "/logout"
_EVERYWHERE = f"{_LOGOUT}/everywhere"
_ASK = message("Ask the administrator for a new one.")


@dataclass(frozen=True, slots=True)
class SignInPage:
    """Renderer of the page. `login`: None without sign-in. `root_path`: see the web server."""

    languages: Languages
    login: Login | None
    root_path: str

    def __call__(
        self,
        request: Request,
        why: str = "",
        to: str = "",
        status: int = 200,
        reason: str = "",
    ) -> HTMLResponse:
        """Return the page at the requested path. `why`: the reason that a sign-in failed. `to`: the
        destination (empty = the page's own URL). `reason`: what the user signs in for. The page
        contains the app's link preview for chats, which never sign in."""
        root, login = app_address(request, self.root_path), self.login
        by_password = login is None or login.asks_for_passwords
        provider = login.ways.openid.settings.name if login and login.ways.openid else ""
        brand = current_brand()
        about = sentences(reason, brand.sign_in) or SUMMARY
        ways = [_form(why)] if by_password else []
        if provider:
            query = {"to": to, "other_account": "true"} if to else _here(request)
            ways.append(_elsewhere(provider, "" if by_password else why, query))
        body = f"""<main class="card sign-in">
<section><h1>{logo_tag(36)}<span>{html.escape(brand.name)}</span></h1>
<p class="muted">{html_of(about)}</p>
{"".join(ways) or f"<p>{html_of(_NO_PASSWORDS)}</p>"}</section>
{sign_in_image()}
</main>
{sign_in_tag()}"""
        menu = language_menu(self.languages, html_of(LANGUAGE))
        return as_page(plain_page(root, html_of(_SIGN_IN), body, menu), status)


def _here(request: Request) -> dict[str, str]:
    """Return the query of a sign-in that leads back to this address. The page's script adds the
    part after #, but the link works without it."""
    path = request.url.path
    if path.startswith(LOGIN):
        return {}
    return {"to": f"{path}?{request.url.query}".removesuffix("?")}


def _form(why: str) -> str:
    return f"""<form id="sign-in" method="post" action="login">
<label for="username">{html_of(_USERNAME)}</label>
<input id="username" name="username" autocomplete="username" autocapitalize="none"
  spellcheck="false" required aria-describedby="why">
<label for="password">{html_of(_PASSWORD)}</label>
<input id="password" name="password" type="password" autocomplete="current-password" required
  aria-describedby="why">
<button type="button" class="bare" id="reveal" aria-pressed="false" hidden>{html_of(_SHOW)}</button>
<p id="why" role="alert">{html_of(why)}</p>
<button type="submit">{html_of(_SIGN_IN)}</button>
<noscript><p>{html_of(_NO_SCRIPT)}</p></noscript>
</form>"""


def _elsewhere(provider: str, why: str, query: Mapping[str, str]) -> str:
    """Return the link to the provider. A refused user is offered other accounts there."""
    address = html.escape(f"{OPENID.removeprefix('/')}?{urlencode(query)}")
    label = html_of(message("Sign in with {provider}", provider=provider))
    alert = f'<p id="why" role="alert">{html_of(why)}</p>\n' if why else ""
    return f"""{alert}<p><a id="openid" class="button" href="{address}">{label}</a></p>"""


def logged(problem: SignInStoreError) -> str:
    """Return the message for users and log the file's path."""
    log.warning("%s %s", problem, problem.hint)
    return problem.shown


def sign_in_file_handler(root_path: str) -> Callable[[Request, Exception], Awaitable[Response]]:
    """Return the handler of SignInStoreError: 503 with the reason, as a page for browsers.
    `root_path`: see the web server."""

    async def answer(request: Request, problem: Exception) -> Response:
        assert isinstance(problem, SignInStoreError)
        why = logged(problem)
        if not wants_page(request):
            return refusal(why, _UNAVAILABLE)
        address = app_address(request, root_path)
        return notice_page(address, _WRONG, why, status=_UNAVAILABLE)

    return answer


def login_routes(
    identity: Identity, passwords: Passwords, sign_in: SignInPage, root_path: str
) -> GuardedRoutes:
    """Return `GET /login` and `POST /login`, compatible with Gradio's own. Gradio's Python client
    signs in there. A wrong password gets
    status 400 with a message, or a page if a browser sent the form without the page's script.
    `root_path`: see the web server."""
    routes = GuardedRoutes()

    def refused(request: Request, why: str, status: int = WRONG_LOGIN) -> Response:
        if not wants_page(request):
            return refusal(why, status)
        return sign_in(request, why, status=status)

    @routes.get(f"{LOGIN}/", Access.PUBLIC, is_constant=True)
    @routes.get(LOGIN, Access.PUBLIC, is_constant=True)
    def to_sign_in(request: Request) -> Response:
        """Show the sign-in page at its own URL. Redirects a signed-in user to the app."""
        if identity.login is None or identity.signed_in(request):
            return RedirectResponse(f"{app_address(request, root_path)}/", 303)
        if not wants_page(request):
            raise HTTPException(401, LOG_IN_FIRST)
        return sign_in(request, status=401)

    @routes.post(f"{LOGIN}/", Access.PUBLIC, is_constant=True)
    @routes.post(LOGIN, Access.PUBLIC, is_constant=True)
    async def log_in(
        request: Request,
        name: Annotated[str, Form(alias=USERNAME)],
        password: Annotated[str, Form(alias=PASSWORD)],
    ) -> Response:
        """Check a password. Each failure makes the next attempt wait longer."""
        attempt = passwords.attempt(request, name.strip())
        try:
            shown = await passwords.session(attempt, password)
        except SignInStoreError as problem:  # the password was correct
            return refused(request, logged(problem))
        except SignInRefused as problem:
            return refused(request, str(problem), problem.status)
        answer = (
            RedirectResponse(f"{app_address(request, root_path)}/", 303)
            if wants_page(request)
            else JSONResponse({"success": True})
        )
        passwords.make_known(attempt, request, answer)
        return signed_in(answer, identity, request, shown)

    return routes


def logout_routes(identity: Identity, root_path: str) -> GuardedRoutes:
    """Return `POST /logout`, which ends this browser's session, and `POST /logout/everywhere`,
    which ends all of the user's sessions. The answer is 204, or 200 with the address `next` if the
    user also has to sign out of the identity provider. Links or images on other sites can't call
    them. `root_path`: see the web server."""
    routes = GuardedRoutes()

    async def log_out(request: Request, *, everywhere: bool) -> Response:
        login, who = identity.login, identity.signed_in(request)
        await identity.log_out(request, everywhere=everywhere)
        headers = {"set-cookie": identity.cookies.new_session(request, "", 0)} if login else {}
        if login is not None and who is not None:
            root = app_address(request, root_path)
            if then := await asyncio.to_thread(login.sign_out_address, who, root):
                return JSONResponse({"next": then}, headers=headers)
        return Response(status_code=204, headers=headers)

    @routes.post(_LOGOUT, Access.SIGNED_IN, work=Work.HEALTH, status_code=204)
    async def here(request: Request) -> Response:
        return await log_out(request, everywhere=False)

    @routes.post(_EVERYWHERE, Access.SIGNED_IN, work=Work.HEALTH, status_code=204)
    async def all_browsers(request: Request) -> Response:
        return await log_out(request, everywhere=True)

    @routes.get(_LOGOUT, Access.FILE, is_constant=True)
    def not_by_a_link() -> None:
        raise HTTPException(405, "Sign out on the page.", {"Allow": "POST"})

    return routes


def share_link_routes(identity: Identity, root_path: str) -> GuardedRoutes:
    """Return `GET /join/{token}`, which signs the visitor in as a guest. `root_path`: see the web
    server."""
    routes = GuardedRoutes()
    new = Rate(NEW_BROWSERS, NEW_BROWSER)

    @routes.get("/join/{token}", Access.PUBLIC, is_constant=True)
    def join(token: str, request: Request) -> Response:
        """Redirect to the app with a new session. An existing session stays. An expired link gets a
        404 with a message."""
        root = app_address(request, root_path)
        if identity.login is None or identity.signed_in(request):
            return RedirectResponse(f"{root}/", 303)
        if not new.take(client_address(request.scope), time.monotonic()):
            raise HTTPException(429, TOO_MANY_REQUESTS)
        shown = identity.login.guest(token)
        if shown is None:
            return dead_link_page(root, _ASK, leads_on=False)
        return signed_in(RedirectResponse(f"{root}/", 303), identity, request, shown)

    return routes


def signed_in(answer: Response, identity: Identity, request: Request, shown: str) -> Response:
    """Add a session's cookie to an answer. The sign-in is recorded, and the browser's previous
    session ends, after the answer is sent."""
    assert identity.login is not None
    lasts = identity.login.times.lasts
    answer.headers.append("set-cookie", identity.cookies.new_session(request, shown, lasts))
    answer.background = BackgroundTask(_after_sign_in, identity, request, shown)
    return answer


async def _after_sign_in(identity: Identity, request: Request, shown: str) -> None:
    login = identity.login
    who = login.by_cookie(shown) if login else None
    if login and who and who.way != "guest":
        await asyncio.to_thread(login.note_sign_in, who, client_address(request.scope))
    try:
        await identity.end_replaced(request)
    except SignInStoreError as problem:
        logged(problem)
