"""Albums that people look at together, unless the app keeps no history."""

from __future__ import annotations

from comfyforms.hooks import AppParts, PluginApp, hookimpl


@hookimpl
def app_parts(app: PluginApp) -> AppParts | None:
    """Add the routes of albums."""
    from comfyforms.plugins.gallery.routes import albums_api

    history = app.services.runs.history
    return None if history is None else AppParts(api=[*albums_api(app, history)])
