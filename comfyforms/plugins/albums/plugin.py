"""Albums that people look at together."""

from __future__ import annotations

from comfyforms.hooks import AppParts, PluginApp, hookimpl


@hookimpl
def app_parts(app: PluginApp) -> AppParts:
    """Add the routes of albums and their page."""
    from comfyforms.hooks import PluginPage
    from comfyforms.plugins.albums.page import GALLERY, PATH, gallery_routes
    from comfyforms.plugins.albums.routes import albums_api

    history = app.services.runs.history
    return AppParts(
        [gallery_routes(app, history.albums)],
        api=[albums_api(app, history)],
        pages=[PluginPage(GALLERY, PATH)],
    )
