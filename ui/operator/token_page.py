"""Page on which administrators see and revoke all users' tokens."""

from __future__ import annotations

import asyncio
import html

from fastapi import HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from ui.accounts.login import Login, token_owner
from ui.accounts.pages.sign_in import SignInPage
from ui.accounts.pages.token_row import token_row
from ui.gradio.internals import root_address
from ui.languages.current import in_english
from ui.operator.access import OperatorAccess
from ui.operator.page import HEADING, PATH, TOKENS
from ui.page.plain.layout import as_page, head_tags_of, plain_page
from ui.web.access import Access, GuardedRoutes

_PATH = f"{PATH}/tokens"
_TITLE = "All access tokens · ComfyForms"
_ABOUT = "Scripts use these tokens to act as their owners."
_NONE = "No tokens."


def token_routes(access: OperatorAccess, sign_in: SignInPage, root_path: str) -> GuardedRoutes:
    """Return `GET /operator/tokens`, and `POST /operator/tokens/{token_id}/revoke` for its buttons.
    `root_path`: as configured for the web server."""
    routes = GuardedRoutes()
    identity = access.identity

    @routes.get(_PATH, Access.SIGN_IN_PAGE)
    def tokens(request: Request) -> HTMLResponse:
        """Return the page, or the sign-in page if the browser isn't signed in. Raises 404 for other
        users, and if sign-in is off."""
        if identity.owner(request) is None:
            return sign_in(request, _PATH)
        if not access.permits(request) or identity.login is None:
            raise HTTPException(404)
        root = root_address(request, _PATH, root_path)
        tags = head_tags_of(html.escape(root), _TITLE)
        with in_english():
            return as_page(plain_page(tags, _body(identity.login), root))

    @routes.post(f"{_PATH}/{{token_id}}/revoke", Access.ADMINISTRATOR)
    async def revoke(request: Request, token_id: str) -> Response:
        """Revoke a token, immediately close what was opened with it, and redirect to the page."""
        if identity.login is not None:
            await asyncio.to_thread(identity.login.revoke_any, token_id)
            await identity.close_ended()
        root = root_address(request, f"{_PATH}/{token_id}/revoke", root_path)
        return RedirectResponse(f"{root}{_PATH}", 303)

    return routes


def _body(login: Login) -> str:
    rows = (
        token_row(one, f"{_PATH[1:]}/{one.id}/revoke", token_owner(one, login.ways.openid))
        for one in login.all_tokens()
    )
    return f"""<main class="card account">
<h1>{TOKENS}</h1>
<p>{_ABOUT}</p>
<section aria-label="{TOKENS}">{"".join(rows) or f"<p>{_NONE}</p>"}</section>
<p><a href="{PATH[1:]}">{HEADING}</a></p>
</main>"""
