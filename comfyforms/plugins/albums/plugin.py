"""Albums that people look at together."""

from __future__ import annotations

from pathlib import Path

from comfyforms.hooks import AppParts, Assets, PluginApp, hookimpl


@hookimpl
def assets() -> list[Assets]:
    return [Assets("albums", Path(__file__).parent)]


@hookimpl
def app_parts(app: PluginApp) -> AppParts:
    """Add the routes of albums, their page, and sharing in them."""
    from comfy.base.messages import message
    from comfyforms.hooks import PluginPage, SharingAction
    from comfyforms.plugins.albums.page import GALLERY, PATH, gallery_routes
    from comfyforms.plugins.albums.routes import albums_api

    history = app.services.runs.history
    return AppParts(
        [gallery_routes(app, history.albums)],
        api=[albums_api(app, history)],
        pages=[PluginPage(GALLERY, PATH)],
        sharing=[SharingAction(message("Share with the team"), "parts/albums/share.js")],
    )
