"""Page for reading and trying the API. It loads only the app's own files."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType

from fastapi import Depends, Request
from fastapi.responses import FileResponse, HTMLResponse
from starlette.exceptions import HTTPException

from ui.accounts.pages.sign_in import SignInPage
from ui.web.access import Access, GuardedRoutes
from ui.web.identity import Identity
from ui.web.responses import API, wants_page
from ui.web.security_headers import strict_policy

_SCRIPT, _STYLE = "swagger-ui-bundle.js", "swagger-ui.css"
_TYPES: Mapping[str, str] = MappingProxyType({_SCRIPT: "text/javascript", _STYLE: "text/css"})
_SETUP = """SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#swagger-ui",
  layout: "BaseLayout",
  deepLinking: true,
  showExtensions: true,
  showCommonExtensions: true,
  presets: [SwaggerUIBundle.presets.apis, SwaggerUIBundle.SwaggerUIStandalonePreset],
});"""
# The page's relative URLs work below any path.
_PAGE = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="docs/{_STYLE}">
<link rel="icon" href="../../favicon.ico">
<title>ComfyForms API</title>
</head>
<body>
<div id="swagger-ui"></div>
<script src="docs/{_SCRIPT}"></script>
<script>{_SETUP}</script>
</body>
</html>
"""
_POLICY = {"content-security-policy": strict_policy([_SETUP])}
_DAY = {"cache-control": "private, max-age=86400"}


def docs_api(identity: Identity, sign_in: SignInPage) -> GuardedRoutes:
    """Return `GET /docs`, and the page's two files below it."""
    routes = GuardedRoutes(include_in_schema=False)
    folder = Path(str(files("fastapi_offline"))) / "static"

    @routes.get("/docs", Access.SIGN_IN_PAGE)
    async def page(request: Request) -> HTMLResponse:
        """Return a page that lists every route and lets you try it."""
        if identity.owner(request) is None and wants_page(request):
            return sign_in(request, f"{API}/docs", status=401)
        await identity.reader(request)
        return HTMLResponse(_PAGE, headers=_POLICY)

    @routes.get("/docs/{name}", Access.FILE)
    async def file(name: str, _: str = Depends(identity.reader)) -> FileResponse:
        """Return a script or style sheet of the page."""
        if name not in _TYPES:
            raise HTTPException(404)
        return FileResponse(folder / name, media_type=_TYPES[name], headers=_DAY)

    return routes
