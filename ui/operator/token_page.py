"""Page on which administrators see and revoke all users' tokens."""

from __future__ import annotations

import asyncio

from fastapi import HTTPException, Request
from fastapi.responses import HTMLResponse, Response

from comfy.base.messages import message
from ui.accounts.login import Login, token_owner
from ui.accounts.pages.token_row import token_row
from ui.languages.current import html_of
from ui.operator.frame import TOKENS, AdminFrame
from ui.web.access import Access, GuardedRoutes

_ABOUT = message("Scripts use these tokens to act as their owners.")
_NONE = message("No tokens.")


def token_routes(frame: AdminFrame) -> GuardedRoutes:
    """Return `GET /operator/tokens`, and `POST /operator/tokens/{token_id}/revoke` for its
    buttons."""
    routes = GuardedRoutes()
    identity = frame.desk.identity

    @routes.get(TOKENS, Access.SIGN_IN_PAGE)
    def tokens(request: Request) -> HTMLResponse:
        """Return the page, or the sign-in page if the browser isn't signed in. Raises 404 for other
        users, and if sign-in is off."""
        login = identity.login
        if login is None:
            raise HTTPException(404)
        return frame.shown(request, TOKENS, lambda: _body(login))

    @routes.post(f"{TOKENS}/{{token_id}}/revoke", Access.ADMINISTRATOR)
    async def revoke(request: Request, token_id: str) -> Response:
        """Revoke a token, immediately close what was opened with it, and redirect to the page."""
        if identity.login is not None:
            await asyncio.to_thread(identity.login.revoke_any, token_id)
            await identity.close_ended()
        return frame.back(request, f"{TOKENS}/{token_id}/revoke", TOKENS)

    return routes


def _body(login: Login) -> str:
    rows = (
        token_row(one, f"{TOKENS[1:]}/{one.id}/revoke", token_owner(one, login.ways.openid))
        for one in login.all_tokens()
    )
    none = f"<p>{html_of(_NONE)}</p>"
    return f"""<section class="card account tokens"><p>{html_of(_ABOUT)}</p>
{"".join(rows) or none}</section>"""
