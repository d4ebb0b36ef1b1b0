"""Pages of the last actions of administrators, and of the log of a ComfyUI that the app starts."""

from __future__ import annotations

import html

from fastapi import HTTPException, Request
from fastapi.responses import HTMLResponse

from comfy.base.messages import message
from ui.languages.current import current_language, html_of
from ui.operator.frame import ACTIVITY, PATH, AdminFrame, section
from ui.page.plain.layout import module_tag
from ui.web.access import Access, GuardedRoutes
from ui.web.responses import API

_NONE = message("Nothing has been changed here yet.")
_AUDIT = message("Download the audit log of all users (CSV)")
AUDIT_TABLE = f"{API}/admin/audit.csv"


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
        csv = f'<p><a href="{AUDIT_TABLE[1:]}" download>{html_of(_AUDIT)}</a></p>'
        return f'<section class="card activity">{csv}{content}</section>'

    @routes.get(ACTIVITY, Access.SIGN_IN_PAGE)
    def activity(request: Request) -> HTMLResponse:
        """Return the page. Raises 404 for other users."""
        return frame.shown(request, ACTIVITY, body)

    return routes


_MOST = 500  # lines
_EMPTY = message("Nothing has been written yet.")


def log_routes(frame: AdminFrame) -> GuardedRoutes:
    """Return `GET /operator/servers/{number}/log`."""
    routes = GuardedRoutes()
    desk = frame.desk

    @routes.get(f"{PATH}/servers/{{number}}/log", Access.SIGN_IN_PAGE)
    def log(request: Request, number: str) -> HTMLResponse:
        """Return the page. Raises 404 for other users, and for a server that the app didn't
        start."""
        path = f"{PATH}/servers/{number}/log"

        def body() -> str:
            server = frame.server(number)
            local = desk.servers.local.get(server.url) if server else None
            if server is None or local is None:
                raise HTTPException(404)
            title = message("Log of {server}", server=server.label)
            lines = "\n".join(local.log.tail(_MOST))
            text = f'<pre class="log" tabindex="0">{html.escape(lines)}</pre>'
            content = text if lines else f"<p>{html_of(_EMPTY)}</p>"
            shown = f'<div id="now" data-address="{path[1:]}">{section(title, content)}</div>'
            return f"{shown}{module_tag('refreshing.js')}"

        return frame.shown(request, path, body, PATH)

    return routes
