"""Files with content-dependent URLs: compressed once, and cached permanently by browsers."""

from __future__ import annotations

import gzip
import threading
from functools import cache

import brotli
from fastapi import HTTPException
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response

from ui.gradio.internals import SCRIPTS, script_of_page
from ui.gradio.page_files import style_text as layered
from ui.page.gradio_files import style_name, style_text
from ui.web.access import Access, GuardedRoutes

_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
_FOREVER = "public, max-age=31536000, immutable"
_QUICK, _BEST = 5, 11  # levels of Brotli: a millisecond, and a second for 500 kB


class KeptFile:
    """File as stored and as compressed, with Brotli for browsers that know it."""

    def __init__(self, content: bytes, media_type: str) -> None:
        """Compress the file quickly. The first response starts the best compression, which makes it
        a tenth smaller, so that only the first visitor gets more bytes."""
        self.content = content
        self._type = media_type
        self._brotli = brotli.compress(content, quality=_QUICK)
        self._gzip = gzip.compress(content, mtime=0)
        self._is_best = False

    def answer(self, request: Request) -> Response:
        """Return the response, compressed if the browser accepts it and if it is smaller."""
        headers = {"cache-control": _FOREVER, "vary": "Accept-Encoding"}
        accepted = request.headers.get("accept-encoding", "")
        for encoding, packed in (("br", self._brotli), ("gzip", self._gzip)):
            if encoding in accepted and len(packed) < len(self.content):
                headers["content-encoding"] = encoding
                later = None if self._is_best else BackgroundTask(self._pack)
                return Response(packed, media_type=self._type, headers=headers, background=later)
        return Response(self.content, media_type=self._type, headers=headers)

    def _pack(self) -> None:
        with _turn():
            if not self._is_best:
                self._brotli = brotli.compress(self.content, quality=_BEST)
                self._is_best = True


@cache
def _turn() -> threading.Lock:
    """Return the lock that leaves all processor cores but one to other work."""
    return threading.Lock()


@cache
def _script(name: str) -> KeptFile | None:
    if name == style_name():
        return KeptFile(style_text().encode(), "text/css")
    file = script_of_page(name)
    if file is None:
        return None
    content = layered(file).encode() if file.suffix == ".css" else file.read_bytes()
    return KeptFile(content, _TYPES[file.suffix])


def gradio_script_routes() -> GuardedRoutes:
    """Return `GET /assets/{name}`: Gradio's scripts and styles, whose names contain a digest.
    Gradio itself would compress them for each visitor, in the thread that also sends previews."""
    routes = GuardedRoutes()

    @routes.get(f"{SCRIPTS}{{name}}", Access.FILE)
    def script(name: str, request: Request) -> Response:
        """Return one file; 404 if it doesn't exist."""
        file = _script(name)
        if file is None:
            raise HTTPException(404, "This script doesn't exist.")
        return file.answer(request)

    return routes
