"""Script that shows a form on another site's page. `--embed` names the sites that may."""

from __future__ import annotations

from pathlib import Path

from fastapi.responses import FileResponse

from ui.web.access import Access, GuardedRoutes
from ui.web.responses import KEEP_A_DAY

_SCRIPT = Path(__file__).with_name("comfy_form.js")


def embedding_routes() -> GuardedRoutes:
    """Return `GET /embed.js`."""
    routes = GuardedRoutes()

    @routes.get("/embed.js", Access.PUBLIC)
    def script() -> FileResponse:
        """Return the script that defines the element `comfy-form`."""
        return FileResponse(_SCRIPT, media_type="text/javascript", headers=KEEP_A_DAY)

    return routes
