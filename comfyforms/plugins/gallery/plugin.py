"""Albums that people look at together, unless the app keeps no history."""

from __future__ import annotations

from comfyforms.hooks import AppParts, PluginApp, hookimpl


@hookimpl
def app_parts(app: PluginApp) -> AppParts | None:
    """Add the routes of albums and their page."""
    from comfyforms.hooks import PluginPage
    from comfyforms.plugins.gallery.page import GALLERY, PATH, gallery_routes
    from comfyforms.plugins.gallery.routes import albums_api

    history = app.services.runs.history
    if history is None:
        return None
    return AppParts(
        [gallery_routes(app, history.albums)],
        api=[albums_api(app, history)],
        pages=[PluginPage(GALLERY, PATH)],
    )
