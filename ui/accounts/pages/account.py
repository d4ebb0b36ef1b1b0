"""Page on which users create and revoke access tokens for their scripts."""

from __future__ import annotations

import asyncio
import html
import threading
from collections.abc import Sequence
from typing import Annotated

from fastapi import Depends, Form, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from comfy.base.errors import ComfyError
from comfy.base.messages import sentences
from ui.accounts.database import SignInFileError
from ui.accounts.login import Login, SignedIn
from ui.accounts.pages.sign_in import SignInPage
from ui.accounts.pages.sign_in_file import logged
from ui.accounts.pages.token_row import token_row
from ui.accounts.store import AccessToken
from ui.gradio.internals import root_address
from ui.languages.current import in_english
from ui.page.plain.inline import module_tag
from ui.page.plain.layout import as_page, head_tags_of, link_to_app, plain_page
from ui.web.access import Access, GuardedRoutes
from ui.web.identity import LOG_IN_FIRST, Identity

_PATH = "/account"
_KEPT = 60.0  # seconds until an unseen new token is forgotten
_TITLE = "Access tokens · ComfyForms"
_HEADING = "Access tokens"
_ABOUT = "Scripts use a token instead of a password. Anyone who has it can act as you."
_NAME = "Name of the script"
_MAKE = "Create a token"
_SHOWN_ONCE = "Copy this token now. You won't see it again."
_SENT_AS = "The script sends it as a header:"
_NONE = "You have no tokens."
_FOR_GUESTS = "Guests can't have tokens. Ask the administrator for an account."
_OPEN_TO_ALL = "This app doesn't use sign-in, so scripts need no tokens."
_BROWSER_ONLY = "Tokens can only be created and revoked in a signed-in browser."


class _NewTokens:
    """New tokens until the page shows them: once each, to their creator in the same session. All
    times are from the login's clock. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._made: dict[SignedIn, tuple[float, str]] = {}

    def put(self, who: SignedIn, shown: str, now: float) -> None:
        """Store a token and drop expired ones."""
        with self._lock:
            for other, (created_at, _) in list(self._made.items()):
                if now - created_at > _KEPT:
                    del self._made[other]
            self._made[who] = now, shown

    def take(self, who: SignedIn, now: float) -> str:
        """Return the user's new token; empty if there isn't one, or it was taken or has expired."""
        with self._lock:
            created_at, shown = self._made.pop(who, (0.0, ""))
        return shown if now - created_at <= _KEPT else ""


def account_routes(identity: Identity, sign_in: SignInPage, root_path: str) -> GuardedRoutes:
    """Return `GET /account` and the routes of its forms, which other sites' pages can't submit.
    `root_path`: see the web server."""
    routes = GuardedRoutes()
    own_page = [Depends(identity.own_page)]
    new_tokens = _NewTokens()

    def asking(request: Request) -> tuple[Login, SignedIn]:
        """Return the caller. Refuses tokens, because a lost token must not create others, and
        guests."""
        who = identity.signed_in(request)
        if identity.login is None or who is None:
            raise HTTPException(401, LOG_IN_FIRST)
        if who.by_token or who.way == "guest":
            raise HTTPException(403, _BROWSER_ONLY)
        return identity.login, who

    def page(request: Request, path: str, content: str, status: int = 200) -> HTMLResponse:
        root = root_address(request, path, root_path)
        tags = head_tags_of(html.escape(root), _TITLE)
        with in_english():
            return as_page(plain_page(tags, _body(content), root), status)

    def back(request: Request, path: str) -> Response:
        """Redirect to the page, so that a reload submits nothing again."""
        return RedirectResponse(f"{root_address(request, path, root_path)}{_PATH}", 303)

    @routes.get(_PATH, Access.SIGN_IN_PAGE)
    def account(request: Request) -> HTMLResponse:
        """Show the page with a new token. Without a user, show the sign-in page."""
        if identity.login is None:
            return page(request, _PATH, f"<p>{_OPEN_TO_ALL}</p>")
        who = identity.signed_in(request)
        if who is None:
            return sign_in(request, _PATH)
        if who.way == "guest":
            return page(request, _PATH, f"<p>{_FOR_GUESTS}</p>")
        login, who = asking(request)
        shown = new_tokens.take(who, login.clock())
        return page(request, _PATH, _tokens(login.tokens_of(who), shown))

    @routes.post(f"{_PATH}/tokens", Access.SIGNED_IN, dependencies=own_page)
    def make(request: Request, label: Annotated[str, Form()]) -> Response:
        """Create a token and redirect to the page, which shows it once. On an error, return the
        page with a message and status 422."""
        login, who = asking(request)
        path = f"{_PATH}/tokens"
        try:
            shown = login.new_token(who, label)
        except SignInFileError as problem:
            return page(request, path, _tokens(login.tokens_of(who), why=logged(problem)), 422)
        except ComfyError as problem:
            why = sentences(str(problem), problem.hint)
            return page(request, path, _tokens(login.tokens_of(who), why=why), 422)
        new_tokens.put(who, shown, login.clock())
        return back(request, path)

    @routes.post(f"{_PATH}/tokens/{{token_id}}/revoke", Access.SIGNED_IN, dependencies=own_page)
    async def revoke(request: Request, token_id: str) -> Response:
        """Revoke a token and redirect to the page. An unknown id counts as already revoked."""
        if identity.login is not None:
            login, who = asking(request)
            await asyncio.to_thread(login.revoke, who, token_id)
            await identity.close_ended()
        return back(request, f"{_PATH}/tokens/{token_id}/revoke")

    return routes


def _body(content: str) -> str:
    return f"""<main class="card account">
<h1>{_HEADING}</h1>
{content}
{link_to_app()}
</main>"""


def _tokens(tokens: Sequence[AccessToken], shown: str = "", why: str = "") -> str:
    """Return a user's tokens, and the form for another. `shown`: a token that was just created.
    `why`: the reason that none was."""
    rows = (token_row(one, f"account/tokens/{one.id}/revoke") for one in tokens)
    return f"""<p>{_ABOUT}</p>
{_new(shown) if shown else ""}
<form method="post" action="account/tokens">
<label for="label">{_NAME}</label>
<input id="label" name="label" maxlength="100" autocomplete="off" required aria-describedby="why">
<p id="why" role="alert">{html.escape(why)}</p>
<button type="submit">{_MAKE}</button>
</form>
<section aria-label="{_HEADING}">{"".join(rows) or f"<p>{_NONE}</p>"}</section>"""


def _new(shown: str) -> str:
    return f"""<div class="new" role="status">
<p><strong>{_SHOWN_ONCE}</strong> {_SENT_AS}</p>
<p><code>Authorization: Bearer <b id="token">{html.escape(shown)}</b></code></p>
<button type="button" id="copy" data-copied="Copied">Copy</button>
</div>
{module_tag("copying.js")}"""
