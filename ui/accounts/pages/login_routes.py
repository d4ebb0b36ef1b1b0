"""Routes for signing in and out: with a password, by the share link, here and everywhere."""

from __future__ import annotations

import asyncio
import math
import time
from typing import Annotated

from fastapi import Depends, Form, HTTPException, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from starlette.background import BackgroundTask

from comfy.base.messages import message, plural
from ui.accounts.database import SignInFileError
from ui.accounts.pages.sign_in import SignInPage
from ui.accounts.pages.sign_in_file import logged
from ui.gradio.internals import LOGIN, PASSWORD, USERNAME, refusal, root_address
from ui.page.plain.layout import dead_link_page
from ui.web.access import Access, GuardedRoutes
from ui.web.addresses import client_address
from ui.web.guesses import Guesses, HashingTurns, PasswordAttempt
from ui.web.identity import LOG_IN_FIRST, NEW_BROWSER, NEW_BROWSERS, Identity
from ui.web.rates import Rate
from ui.web.responses import wants_page
from ui.web.urls import ENDPOINTS

_WRONG_LOGIN = 400  # status of the page with the error
# Seconds until a wrong password is answered: the time does not tell which names there are.
_WRONG_PASSWORD = 1.0
_LOGOUT = "/logout"
_EVERYWHERE = f"{_LOGOUT}/everywhere"
_BUSY = message("Too many sign-ins from your address. Try again in a moment.")
_WRONG = message("Wrong username or password.")
_ASK = message("Ask the administrator for a new one.")
_TOO_MANY_GUESTS = message("Too many people just used this link. Try again in a moment.")


def login_routes(
    identity: Identity, guesses: Guesses, sign_in: SignInPage, root_path: str
) -> GuardedRoutes:
    """`GET /login`, and `POST /login`, as Gradio's own was: its Python client signs in there too,
    and beside the endpoints that it has connected to. The answer to a wrong password is 400 with a
    sentence; where a browser sends the form without the page's script, it is a page. `root_path` as
    the web server was told."""
    routes = GuardedRoutes()
    passwords = Passwords(identity, guesses)

    def refused(request: Request, why: str, status: int = _WRONG_LOGIN) -> Response:
        if not wants_page(request):
            return refusal(why, status)
        return sign_in(request, LOGIN, why, status=status)

    @routes.get(f"{LOGIN}/", Access.PUBLIC)
    @routes.get(LOGIN, Access.PUBLIC)
    def to_sign_in(request: Request) -> Response:
        """Show the page for its own URL; a signed-in user is redirected to the app."""
        if identity.login is None or identity.signed_in(request):
            return RedirectResponse(f"{root_address(request, LOGIN, root_path)}/", 303)
        if not wants_page(request):
            raise HTTPException(401, LOG_IN_FIRST)
        return sign_in(request, LOGIN, status=401)

    @routes.post(f"{LOGIN}/", Access.PUBLIC)
    @routes.post(LOGIN, Access.PUBLIC)
    @routes.post(f"{ENDPOINTS}{LOGIN}", Access.PUBLIC)
    async def log_in(
        request: Request,
        name: Annotated[str, Form(alias=USERNAME)],
        password: Annotated[str, Form(alias=PASSWORD)],
    ) -> Response:
        """Check a password. Each failure makes the next attempt wait longer."""
        attempt = passwords.attempt(request, name.strip())
        try:
            shown = await passwords.session(attempt, password)
        except SignInFileError as problem:  # the password was right
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


class SignInRefused(Exception):
    """A sign-in that was not let through; `status` and the sentence of its answer."""

    def __init__(self, sentence: str, status: int = _WRONG_LOGIN) -> None:
        super().__init__(sentence)
        self.status = status


class Passwords:
    """Checks passwords, in turns and with a back-off."""

    def __init__(self, identity: Identity, guesses: Guesses) -> None:
        self._identity = identity
        self._guesses = guesses
        self._turns = HashingTurns()

    def attempt(self, request: Request, name: str) -> PasswordAttempt:
        """The attempt that a request makes for this name."""
        proof = self._proof(name)
        cookies = self._identity.cookies
        browser = cookies.known_browser(request, name, proof) if proof else ""
        return PasswordAttempt(name, client_address(request.scope), browser)

    async def session(self, attempt: PasswordAttempt, password: str) -> str:
        """Return what the cookie of the new session has to hold. Raises SignInRefused, and
        SignInFileError where the password was right."""
        since, login = time.monotonic(), self._identity.login
        if login is None:
            raise SignInRefused(_WRONG)
        with self._turns.place(attempt) as place:
            if not place:
                raise SignInRefused(_BUSY, 429)
            if wait := self._guesses.attempt(attempt, since):
                raise SignInRefused(_later(wait))
            async with self._turns.turn(attempt):
                began = time.monotonic()
                try:
                    async with self._turns.hashing:
                        shown = await asyncio.to_thread(login.password, attempt.name, password)
                except SignInFileError:
                    self._guesses.right(attempt)
                    raise
                if shown is not None:
                    self._guesses.right(attempt)
                    return shown
                pause = self._guesses.pause(attempt, began)
                await asyncio.sleep(began + pause - time.monotonic())
        await asyncio.sleep(since + _WRONG_PASSWORD - time.monotonic())
        raise SignInRefused(_WRONG)

    def make_known(self, attempt: PasswordAttempt, request: Request, answer: Response) -> None:
        """Give the browser the cookie by which the next sign-in as this person knows it."""
        proof = self._proof(attempt.name)
        if proof and not attempt.browser:
            cookie = self._identity.cookies.new_known_browser(request, attempt.name, proof)
            answer.headers.append("set-cookie", cookie)

    def _proof(self, name: str) -> str:
        user = self._identity.login.user(name) if self._identity.login else None
        return user.proof if user else ""


def _later(wait: float) -> str:
    return plural(
        "Too many wrong passwords. Try again in {count} second.",
        "Too many wrong passwords. Try again in {count} seconds.",
        count=math.ceil(wait),
    )


def logout_routes(identity: Identity, root_path: str) -> GuardedRoutes:
    """`POST /logout` ends the login of this one browser, `POST /logout/everywhere` all of this
    person's: 204, or 200 and the address `next` where they sign out of what has signed them in. A
    link or an image on another site's page cannot. `root_path` as the web server was told."""
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
        raise HTTPException(405, message("Sign out on the page."), {"Allow": "POST"})

    return routes


def share_link_routes(identity: Identity, root_path: str) -> GuardedRoutes:
    """`GET /join/{token}`: sign the visitor in as a guest. `root_path`: see the web server."""
    routes = GuardedRoutes()
    new = Rate(NEW_BROWSERS, NEW_BROWSER)

    @routes.get("/join/{token}", Access.PUBLIC)
    def join(token: str, request: Request) -> Response:
        """Redirect to the app with a new session; an existing session stays. 404 with a message for
        an expired link."""
        root = root_address(request, f"/join/{token}", root_path)
        if identity.login is None or identity.signed_in(request):
            return RedirectResponse(f"{root}/", 303)
        if not new.take(client_address(request.scope), time.monotonic()):
            raise HTTPException(429, _TOO_MANY_GUESTS)
        shown = identity.login.guest(token)
        if shown is None:
            return dead_link_page(root, _ASK, leads_on=False)
        return signed_in(RedirectResponse(f"{root}/", 303), identity, request, shown)

    return routes


def signed_in(answer: Response, identity: Identity, request: Request, shown: str) -> Response:
    """An answer that gives a browser its session. Once it has that, the one that it had before
    ends."""
    assert identity.login is not None
    lasts = identity.login.times.lasts
    answer.headers.append("set-cookie", identity.cookies.new_session(request, shown, lasts))
    answer.background = BackgroundTask(_end_replaced, identity, request)
    return answer


async def _end_replaced(identity: Identity, request: Request) -> None:
    try:
        await identity.end_replaced(request)
    except SignInFileError as problem:
        logged(problem)
