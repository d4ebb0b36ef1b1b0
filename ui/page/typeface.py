"""The page's typeface: IBM Plex Sans from Gradio's own package, so nothing loads from other sites.

Of the fonts in the package, only a few contain more than the letters of one script. One weight is
enough: sizes and colors rank the page's texts.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

import gradio as gr
from fastapi import HTTPException
from starlette.responses import Response

from ui.web.access import Access, GuardedRoutes
from ui.web.responses import KEEP_FOREVER

# Systems' own fonts, until the file is there, and for letters that it lacks.
SYSTEM_FONTS = 'system-ui, -apple-system, "Segoe UI", Roboto, sans-serif'
FONTS = f'"IBM Plex Sans", {SYSTEM_FONTS}'
_FILE = (
    Path(gr.__file__).parent
    / "templates/frontend/static/fonts/IBMPlexSans/IBMPlexSans-Regular.woff2"
)


@cache
def _content() -> bytes:
    return _FILE.read_bytes() if _FILE.exists() else b""


@cache
def _address() -> str:
    return f"typeface/{hashlib.sha256(_content()).hexdigest()[:16]}.woff2"


def font_face(root: str) -> str:
    """Return the rule that declares the typeface. Browsers load it when an element uses it. `root`:
    the app's URL, relative to the style sheet's; "" without one, or with a final slash."""
    source = f'src: url("{root}{_address()}") format("woff2"); font-display: swap;'
    return f'@font-face {{ font-family: "IBM Plex Sans"; font-weight: 400; {source} }}'


def typeface_routes() -> GuardedRoutes:
    """Return `GET /typeface/{name}`, which is public like the sign-in page that uses it."""
    routes = GuardedRoutes()

    @routes.get("/typeface/{name}", Access.PUBLIC)
    def typeface(name: str) -> Response:
        """Return the font file; 404 for any version but the current one."""
        if _address() != f"typeface/{name}" or not _content():
            raise HTTPException(404, "This typeface doesn't exist.")
        return Response(_content(), media_type="font/woff2", headers=KEEP_FOREVER)

    return routes
