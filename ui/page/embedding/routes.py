"""The script with which another site shows a form. `--embed` names the sites that may."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from fastapi.responses import Response

from ui.web.access import Access, GuardedRoutes
from ui.web.responses import KEEP_A_DAY


def embedding_routes() -> GuardedRoutes:
    """Return `GET /embed.js`."""
    routes = GuardedRoutes()

    @routes.get("/embed.js", Access.PUBLIC)
    def script() -> Response:
        """Return the script that defines the element `comfy-form`."""
        return Response(_script(), media_type="text/javascript", headers=KEEP_A_DAY)

    return routes


@cache
def _script() -> str:
    return (Path(__file__).with_name("comfy_form.js")).read_text(encoding="utf-8")
