"""Page on which users change their password, and create and revoke tokens for their scripts."""

from __future__ import annotations

import asyncio
import html
from collections.abc import Sequence
from typing import Annotated

from fastapi import Depends, Form, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from comfy.base.errors import ComfyError
from comfy.base.messages import message, sentences
from comfy.records.paid import ApiKeys
from ui.accounts.database import SignInStoreError
from ui.accounts.login import Login, SignedIn
from ui.accounts.pages.key_form import key_form
from ui.accounts.pages.login_routes import signed_in
from ui.accounts.pages.password_form import CHANGED, PasswordChange, password_form
from ui.accounts.pages.passwords import Passwords, SignInRefused
from ui.accounts.pages.shown_once import ShownOnce
from ui.accounts.pages.sign_in import SignInPage
from ui.accounts.pages.sign_in_file import logged
from ui.accounts.pages.token_row import token_row
from ui.accounts.store import AccessToken
from ui.gradio.internals import root_address
from ui.languages.current import html_of
from ui.page.plain.inline import module_tag
from ui.page.plain.layout import as_page, head_tags_of, link_to_app, plain_page
from ui.web.access import Access, GuardedRoutes
from ui.web.identity import LOG_IN_FIRST, Identity, owner_of_user
from ui.web.limits import BodyLimit

_PATH = "/account"
_HEADING = message("Your account")
_TOKENS = message("Access tokens")
_ABOUT = message("Scripts use a token instead of a password. Anyone who has it can act as you.")
_NAME = message("Name of the script")
_MAKE = message("Create a token")
_SHOWN_ONCE = message("Copy this token now. You won't see it again.")
_SENT_AS = message("The script sends it as a header:")
_COPY = message("Copy")
_COPIED = message("Copied")
_NONE = message("You have no tokens.")
_FOR_GUESTS = message("Guests can't have tokens. Ask the administrator for an account.")
_OPEN_TO_ALL = message("This app doesn't use sign-in, so scripts need no tokens.")
_BROWSER_ONLY = message("This is only possible in a signed-in browser.")


def account_routes(
    identity: Identity,
    passwords: Passwords,
    sign_in: SignInPage,
    root_path: str,
    keys: ApiKeys | None = None,
) -> GuardedRoutes:
    """Return `GET /account` and the routes of its forms, which other sites' pages can't submit.
    `root_path`: see the web server. `keys`: users' API keys; None if they can't have any."""
    routes = GuardedRoutes()
    own_page = [Depends(identity.own_page)]
    new_tokens = ShownOnce()

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
        tags = head_tags_of(html.escape(root), f"{html_of(_HEADING)} · ComfyForms")
        return as_page(plain_page(tags, _body(content), root), status)

    def parts(
        login: Login, who: SignedIn, *, why: str = "", of_password: str = "", of_key: str = ""
    ) -> str:
        """Return the page's parts with the reason why no token was created, why the password
        wasn't changed, or why the API key wasn't stored."""
        is_wrong = why or of_password or of_key
        shown, _ = new_tokens.take(who, login.clock()) if not is_wrong else ("", "")
        tokens = _tokens(login.tokens_of(who), shown, why)
        key = key_form(keys.source(owner_of_user(who)), of_key) if keys is not None else ""
        return f"{password_form(login, who, of_password)}{key}{tokens}"

    def back(request: Request, path: str) -> Response:
        """Redirect to the page, so that a reload submits nothing again."""
        return RedirectResponse(f"{root_address(request, path, root_path)}{_PATH}", 303)

    @routes.get(_PATH, Access.SIGN_IN_PAGE)
    def account(request: Request) -> HTMLResponse:
        """Show the page with a new token. Without a user, show the sign-in page."""
        if identity.login is None:
            return page(request, _PATH, f"<p>{html_of(_OPEN_TO_ALL)}</p>")
        who = identity.signed_in(request)
        if who is None:
            return sign_in(request, _PATH)
        if who.way == "guest":
            return page(request, _PATH, f"<p>{html_of(_FOR_GUESTS)}</p>")
        return page(request, _PATH, parts(*asking(request)))

    @routes.post(
        f"{_PATH}/password",
        Access.SIGNED_IN,
        dependencies=own_page,
        body=BodyLimit.LOGIN_FORM,
    )
    async def change_password(
        request: Request,
        current: Annotated[str, Form()],
        new: Annotated[str, Form()],
        again: Annotated[str, Form()],
    ) -> Response:
        """Change the caller's password, end their other sessions and tokens, and sign them in
        again. On an error, return the page with a message and status 422."""
        login, who = asking(request)
        path = f"{_PATH}/password"
        try:
            change = PasswordChange(new, again).checked(login, who)
            attempt = passwords.attempt(request, who.name)
            await passwords.check(attempt, current)
            await asyncio.to_thread(change)
            shown = await asyncio.to_thread(login.password, who.name, new)
        except SignInRefused as problem:
            return page(request, path, parts(login, who, of_password=str(problem)), 422)
        except ComfyError as problem:
            why = sentences(str(problem), problem.hint)
            return page(request, path, parts(login, who, of_password=why), 422)
        answer = page(request, path, f'<p role="status">{html_of(CHANGED)}</p>')
        if shown is None:  # changed again meanwhile
            return back(request, path)
        passwords.make_known(passwords.attempt(request, who.name), request, answer)
        signed_in(answer, identity, request, shown)
        await identity.close_ended()
        return answer

    @routes.post(f"{_PATH}/key", Access.SIGNED_IN, dependencies=own_page, body=BodyLimit.LOGIN_FORM)
    def put_key(request: Request, key: Annotated[str, Form()]) -> Response:
        """Store the caller's comfy.org API key, and redirect to the page. On an error, return the
        page with a message and status 422."""
        login, who = asking(request)
        try:
            if keys is not None:
                keys.put(owner_of_user(who), key.strip())
        except ComfyError as problem:
            why = sentences(str(problem), problem.hint)
            return page(request, f"{_PATH}/key", parts(login, who, of_key=why), 422)
        return back(request, f"{_PATH}/key")

    @routes.post(f"{_PATH}/key/remove", Access.SIGNED_IN, dependencies=own_page)
    def remove_key(request: Request) -> Response:
        """Delete the caller's comfy.org API key, if there is one, and redirect to the page."""
        who = identity.signed_in(request)
        if keys is not None and who is not None:
            keys.remove(owner_of_user(who))
        return back(request, f"{_PATH}/key/remove")

    @routes.post(f"{_PATH}/tokens", Access.SIGNED_IN, dependencies=own_page)
    def make(request: Request, label: Annotated[str, Form()]) -> Response:
        """Create a token and redirect to the page, which shows it once. On an error, return the
        page with a message and status 422."""
        login, who = asking(request)
        path = f"{_PATH}/tokens"
        try:
            shown = login.new_token(who, label)
        except SignInStoreError as problem:
            return page(request, path, parts(login, who, why=logged(problem)), 422)
        except ComfyError as problem:
            why = sentences(str(problem), problem.hint)
            return page(request, path, parts(login, who, why=why), 422)
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
<h1>{html_of(_HEADING)}</h1>
{content}
{link_to_app()}
</main>"""


def _tokens(tokens: Sequence[AccessToken], shown: str = "", why: str = "") -> str:
    """Return a user's tokens, and the form for another. `shown`: a token that was just created.
    `why`: the reason that none was."""
    rows = (token_row(one, f"account/tokens/{one.id}/revoke") for one in tokens)
    none = f"<p>{html_of(_NONE)}</p>"
    return f"""<section aria-labelledby="tokens">
<h2 id="tokens">{html_of(_TOKENS)}</h2>
<p>{html_of(_ABOUT)}</p>
{_new(shown) if shown else ""}
<form method="post" action="account/tokens">
<label for="label">{html_of(_NAME)}</label>
<input id="label" name="label" maxlength="100" autocomplete="off" required aria-describedby="why">
<p id="why" class="why" role="alert">{html_of(why)}</p>
<button type="submit" class="quiet">{html_of(_MAKE)}</button>
</form>
<div class="token-list">{"".join(rows) or none}</div>
</section>"""


def _new(shown: str) -> str:
    return f"""<div class="new" role="status">
<p><strong>{html_of(_SHOWN_ONCE)}</strong> {html_of(_SENT_AS)}</p>
<p><code>Authorization: Bearer <b id="token">{html.escape(shown)}</b></code></p>
<button type="button" id="copy" data-copied="{html_of(_COPIED)}">{html_of(_COPY)}</button>
</div>
{module_tag("copying.js")}"""
