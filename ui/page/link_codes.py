"""QR codes of links, for phones."""

from __future__ import annotations

from io import BytesIO
from typing import Annotated

import segno
from fastapi import Query, Response

from ui.web.access import Access, GuardedRoutes


def link_code_routes() -> GuardedRoutes:
    """Return `GET /page/code.png`."""
    routes = GuardedRoutes()

    @routes.get("/page/code.png", Access.SIGNED_IN)
    def code(link: Annotated[str, Query(min_length=1, max_length=500)]) -> Response:
        """Return a link as a QR code."""
        image = BytesIO()
        segno.make_qr(link).save(image, kind="png", scale=6, border=2)
        return Response(image.getvalue(), media_type="image/png")

    return routes
