"""Page of the last actions of administrators."""

from __future__ import annotations

from fastapi import Request
from fastapi.responses import HTMLResponse

from comfy.base.messages import message
from ui.languages.current import current_language, html_of
from ui.operator.frame import ACTIVITY, AdminFrame
from ui.web.access import Access, GuardedRoutes

_NONE = message("Nothing has been changed here yet.")


def activity_routes(frame: AdminFrame) -> GuardedRoutes:
    """Return `GET /operator/activity`."""
    routes = GuardedRoutes()

    def body() -> str:
        moment = current_language().moment
        rows = "".join(
            f"<li>{html_of(line.sentence)}<br>{html_of(moment(line.at))}</li>"
            for line in frame.desk.audit.last()
        )
        content = f'<ul class="lines">{rows}</ul>' if rows else f"<p>{html_of(_NONE)}</p>"
        return f'<section class="card activity">{content}</section>'

    @routes.get(ACTIVITY, Access.SIGN_IN_PAGE)
    def activity(request: Request) -> HTMLResponse:
        """Return the page. Raises 404 for other users."""
        return frame.shown(request, ACTIVITY, body)

    return routes
