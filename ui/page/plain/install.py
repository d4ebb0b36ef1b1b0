"""The app as an installable web app: its name and its icons."""

from __future__ import annotations

from pathlib import Path

from fastapi.responses import Response

from comfy.base.messages import message
from ui.page.theme import ACCENT, BACKGROUND
from ui.web.access import Access, GuardedRoutes
from ui.web.responses import KEEP_A_DAY, AsciiJSON

# Drawn by tests/tools/app_icons.py: size in pixels by file name. A maskable icon fills its square.
ICONS = {f"{kind}-{size}.png": size for kind in ("any", "maskable") for size in (192, 512)}
ICONS_FOLDER = Path(__file__).with_name("icons")
_LIGHT, _DARK = BACKGROUND
_MANIFEST = {
    "name": "ComfyForms",
    "short_name": "ComfyForms",
    "description": message("Simple forms for ComfyUI workflows."),
    "start_url": "./",
    "scope": "./",
    "display": "standalone",
    "background_color": _LIGHT,
    "theme_color": ACCENT,
    "icons": [
        {
            "src": f"icons/{name}",
            "sizes": f"{size}x{size}",
            "type": "image/png",
            "purpose": name.partition("-")[0],
        }
        for name, size in ICONS.items()
    ],
}


def tags_for_installing(root: str) -> str:
    """Return the tags for the head of a page, for an app at this URL."""
    return f"""<link rel="manifest" href="{root}/manifest.json" crossorigin="use-credentials" />
        <link rel="apple-touch-icon" href="{root}/icons/maskable-192.png" />
        <meta name="theme-color" content="{_LIGHT}" media="(prefers-color-scheme: light)" />
        <meta name="theme-color" content="{_DARK}" media="(prefers-color-scheme: dark)" />"""


def install_routes() -> GuardedRoutes:
    """Return `GET /manifest.json` and `/icons/{name}`, which are public like the page that links to
    them."""
    routes = GuardedRoutes()

    @routes.get("/manifest.json", Access.PUBLIC)
    def manifest() -> AsciiJSON:
        """Return the manifest, which replaces Gradio's. Its URLs are relative to its own."""
        return AsciiJSON(_MANIFEST, media_type="application/manifest+json")

    @routes.get("/icons/{name}", Access.PUBLIC)
    def icon(name: str) -> Response:
        """Return one of the icons; 404 for any other name."""
        if name not in ICONS:
            return Response(status_code=404)
        icon = (ICONS_FOLDER / name).read_bytes()
        return Response(icon, media_type="image/png", headers=KEEP_A_DAY)

    return routes
