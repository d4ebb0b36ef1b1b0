"""Routes for signing in and out: with a password, by the share link, here and everywhere."""

from __future__ import annotations

import asyncio
import time
from typing import Annotated

from fastapi import Depends, Form, HTTPException, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from starlette.background import BackgroundTask

from comfy.base.messages import message
from ui.accounts.database import SignInStoreError
from ui.accounts.pages.passwords import WRONG_LOGIN, Passwords, SignInRefused
from ui.accounts.pages.sign_in import SignInPage
from ui.accounts.pages.sign_in_file import logged
from ui.gradio.internals import LOGIN, PASSWORD, USERNAME, refusal, root_address
from ui.page.plain.layout import dead_link_page
from ui.web.access import Access, GuardedRoutes
from ui.web.addresses import client_address
from ui.web.identity import LOG_IN_FIRST, NEW_BROWSER, NEW_BROWSERS, Identity
from ui.web.limits import BodyLimit
from ui.web.rates import Rate
from ui.web.responses import TOO_MANY_REQUESTS, wants_page
from ui.web.urls import ENDPOINTS

_LOGOUT = "/logout"
_EVERYWHERE = f"{_LOGOUT}/everywhere"
_ASK = message("Ask the administrator for a new one.")


def login_routes(
    identity: Identity, passwords: Passwords, sign_in: SignInPage, root_path: str
) -> GuardedRoutes:
    """Return `GET /login` and `POST /login`, compatible with Gradio's own. Gradio's Python client
    signs in there, and also beside the endpoints that it has connected to. A wrong password gets
    status 400 with a message, or a page if a browser sent the form without the page's script.
    `root_path`: see the web server."""
    routes = GuardedRoutes()

    def refused(request: Request, why: str, status: int = WRONG_LOGIN) -> Response:
        if not wants_page(request):
            return refusal(why, status)
        return sign_in(request, LOGIN, why, status=status)

    @routes.get(f"{LOGIN}/", Access.PUBLIC)
    @routes.get(LOGIN, Access.PUBLIC)
    def to_sign_in(request: Request) -> Response:
        """Show the sign-in page at its own URL. Redirects a signed-in user to the app."""
        if identity.login is None or identity.signed_in(request):
            return RedirectResponse(f"{root_address(request, LOGIN, root_path)}/", 303)
        if not wants_page(request):
            raise HTTPException(401, LOG_IN_FIRST)
        return sign_in(request, LOGIN, status=401)

    @routes.post(f"{LOGIN}/", Access.PUBLIC, body=BodyLimit.LOGIN_FORM)
    @routes.post(LOGIN, Access.PUBLIC, body=BodyLimit.LOGIN_FORM)
    @routes.post(f"{ENDPOINTS}{LOGIN}", Access.PUBLIC, body=BodyLimit.LOGIN_FORM)
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
            RedirectResponse(f"{root_address(request, LOGIN, root_path)}/", 303)
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

    own_page = [Depends(identity.own_page)]

    async def log_out(request: Request, path: str, *, everywhere: bool) -> Response:
        login, who = identity.login, identity.signed_in(request)
        await identity.log_out(request, everywhere=everywhere)
        headers = {"set-cookie": identity.cookies.new_session(request, "", 0)} if login else {}
        if login is not None and who is not None:
            root = root_address(request, path, root_path)
            if then := await asyncio.to_thread(login.sign_out_address, who, root):
                return JSONResponse({"next": then}, headers=headers)
        return Response(status_code=204, headers=headers)

    @routes.post(_LOGOUT, Access.SIGNED_IN, status_code=204, dependencies=own_page)
    async def here(request: Request) -> Response:
        return await log_out(request, _LOGOUT, everywhere=False)

    @routes.post(_EVERYWHERE, Access.SIGNED_IN, status_code=204, dependencies=own_page)
    async def all_browsers(request: Request) -> Response:
        return await log_out(request, _EVERYWHERE, everywhere=True)

    @routes.get(_LOGOUT, Access.FILE)
    def not_by_a_link() -> None:
        raise HTTPException(405, "Sign out on the page.", {"Allow": "POST"})

    return routes


def share_link_routes(identity: Identity, root_path: str) -> GuardedRoutes:
    """Return `GET /join/{token}`, which signs the visitor in as a guest. `root_path`: see the web
    server."""
    routes = GuardedRoutes()
    new = Rate(NEW_BROWSERS, NEW_BROWSER)

    @routes.get("/join/{token}", Access.PUBLIC)
    def join(token: str, request: Request) -> Response:
        """Redirect to the app with a new session. An existing session stays. An expired link gets a
        404 with a message."""
        root = root_address(request, f"/join/{token}", root_path)
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
    """Add a session's cookie to an answer. The browser's previous session ends after the answer is
    sent."""
    assert identity.login is not None
    lasts = identity.login.times.lasts
    answer.headers.append("set-cookie", identity.cookies.new_session(request, shown, lasts))
    answer.background = BackgroundTask(_end_replaced, identity, request)
    return answer


async def _end_replaced(identity: Identity, request: Request) -> None:
    try:
        await identity.end_replaced(request)
    except SignInStoreError as problem:
        logged(problem)
