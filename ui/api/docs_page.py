"""The page on which people read and try the API. All that it loads comes from this app."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType

from fastapi import APIRouter, Depends, Request
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import FileResponse, HTMLResponse
from starlette.exceptions import HTTPException

from ui.page.plain.sign_in import SignInPage
from ui.web.identity import Identity
from ui.web.responses import API, wants_page

_SCRIPT, _STYLE = "swagger-ui-bundle.js", "swagger-ui.css"
_TYPES: Mapping[str, str] = MappingProxyType({_SCRIPT: "text/javascript", _STYLE: "text/css"})
_DAY = {"cache-control": "private, max-age=86400"}


def docs_api(identity: Identity, sign_in: SignInPage) -> APIRouter:
    """`GET /docs`, and its two files below it."""
    router = APIRouter(include_in_schema=False)
    folder = Path(str(files("fastapi_offline"))) / "static"

    @router.get("/docs")
    async def page(request: Request) -> HTMLResponse:
        """Swagger UI, with addresses that are right below any path; for a browser that has to sign
        in first the page for that."""
        if identity.owner(request) is None and wants_page(request):
            return sign_in(request, f"{API}/docs", status=401)
        await identity.reader(request)
        return get_swagger_ui_html(
            openapi_url="openapi.json",
            title="ComfyForms API",
            swagger_js_url=f"docs/{_SCRIPT}",
            swagger_css_url=f"docs/{_STYLE}",
            swagger_favicon_url="../../favicon.ico",
        )

    @router.get("/docs/{name}")
    async def file(name: str, _: str = Depends(identity.reader)) -> FileResponse:
        """Its script or its style sheet."""
        if name not in _TYPES:
            raise HTTPException(404)
        return FileResponse(folder / name, media_type=_TYPES[name], headers=_DAY)

    return router
