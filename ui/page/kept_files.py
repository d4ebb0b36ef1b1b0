"""Files with content-dependent URLs: compressed once, and cached permanently by browsers."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from functools import cache

from fastapi import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from ui.gradio.internals import SCRIPTS, script_of_page
from ui.web.access import Access, GuardedRoutes

_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
_FOREVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class KeptFile:
    """File as stored and as compressed by gzip: `packed` is b"" if it isn't smaller."""

    content: bytes
    packed: bytes
    media_type: str

    @classmethod
    def of(cls, content: bytes, media_type: str) -> KeptFile:
        """Compress a file once, which takes about 20 ms per 100 kB."""
        packed = gzip.compress(content, mtime=0)
        return cls(content, packed if len(packed) < len(content) else b"", media_type)

    def answer(self, request: Request) -> Response:
        """Return the response, compressed if the browser accepts it."""
        headers = {"cache-control": _FOREVER, "vary": "Accept-Encoding"}
        if self.packed and "gzip" in request.headers.get("accept-encoding", ""):
            headers["content-encoding"] = "gzip"
            return Response(self.packed, media_type=self.media_type, headers=headers)
        return Response(self.content, media_type=self.media_type, headers=headers)


@cache
def _script(name: str) -> KeptFile | None:
    file = script_of_page(name)
    return KeptFile.of(file.read_bytes(), _TYPES[file.suffix]) if file else None


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
