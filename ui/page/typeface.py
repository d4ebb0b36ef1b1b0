"""The page's typeface: IBM Plex Sans from Gradio's own package, so nothing loads from other sites.

Of the fonts in the package, only a few contain more than the letters of one script. Regular draws
all but headings and marked words, which wait for Bold until it is there: a browser loads it with
the first of them, and never draws a bolder Regular.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import gradio as gr
from fastapi import HTTPException
from starlette.responses import Response

from ui.web.access import Access, GuardedRoutes
from ui.web.responses import KEEP_FOREVER

# Systems' own fonts, for letters that the files lack.
SYSTEM_FONTS = "system-ui, sans-serif"
FONTS = f'"IBM Plex Sans", {SYSTEM_FONTS}'
FIRST_FONTS = f'"IBM Plex Sans", "As wide", {SYSTEM_FONTS}'
_FOLDER = Path(gr.__file__).parent / "templates/frontend/static/fonts/IBMPlexSans"
# The files' own metrics draw capitals above the middle of their line.
_METRICS = "ascent-override: 102.5%; descent-override: 31.5%; line-gap-override: 0%;"
_FILES = {"400": "IBMPlexSans-Regular.woff2", "600 700": "IBMPlexSans-Bold.woff2"}
# For the first view: has the size of the typeface, so that nothing moves when that comes.
AS_WIDE = (
    '@font-face { font-family: "As wide"; src: local("Arial"), local("Roboto");'
    " size-adjust: 101%; ascent-override: 101.5%; descent-override: 31.2%; line-gap-override: 0%; }"
)


@cache
def _files() -> Mapping[str, tuple[str, bytes]]:
    """Return the files' contents with their weights, by address."""
    contents = {
        weight: file.read_bytes()
        for weight, name in _FILES.items()
        if (file := _FOLDER / name).exists()
    }
    return {
        f"typeface/{hashlib.sha256(content).hexdigest()[:16]}.woff2": (weight, content)
        for weight, content in contents.items()
    }


def font_face(root: str) -> str:
    """Return the rules that declare the typeface. Browsers load a weight when an element uses it.
    `root`: the app's URL, relative to the style sheet's; "" without one, or with a final slash."""
    return "\n".join(
        f'@font-face {{ font-family: "IBM Plex Sans"; font-weight: {weight};'
        f' src: url("{root}{address}") format("woff2"); font-display: swap; {_METRICS} }}'
        for address, (weight, _) in _files().items()
    )


def typeface_routes() -> GuardedRoutes:
    """Return `GET /typeface/{name}`, which is public like the sign-in page that uses it."""
    routes = GuardedRoutes()

    @routes.get("/typeface/{name}", Access.PUBLIC, is_constant=True)
    def typeface(name: str) -> Response:
        """Return a font file; 404 for any version but the current one."""
        _, content = _files().get(f"typeface/{name}", ("", b""))
        if not content:
            raise HTTPException(404, "This typeface doesn't exist.")
        return Response(content, media_type="font/woff2", headers=KEEP_FOREVER)

    return routes
