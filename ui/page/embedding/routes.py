"""Script that shows a form on another site's page. `--embed` names the sites that may."""

from __future__ import annotations

import json
from pathlib import Path

from fastapi.responses import Response

from ui.brand import current_brand
from ui.web.access import Access, GuardedRoutes
from ui.web.responses import KEEP_A_DAY

_SCRIPT = Path(__file__).with_name("comfy_form.js")


def embedding_routes() -> GuardedRoutes:
    """Return `GET /embed.js`."""
    routes = GuardedRoutes()

    @routes.get("/embed.js", Access.PUBLIC, is_constant=True)
    def script() -> Response:
        """Return the script that defines the element `comfy-form`."""
        name = json.dumps(current_brand().name)
        script = _SCRIPT.read_text(encoding="utf-8").replace('"ComfyForms"', name)
        return Response(script, media_type="text/javascript", headers=KEEP_A_DAY)

    return routes
