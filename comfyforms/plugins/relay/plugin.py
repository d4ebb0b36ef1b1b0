"""`/ws` and `/api/v1/relay`."""

from __future__ import annotations

from comfyforms.hooks import AppParts, PluginApp, hookimpl


@hookimpl
def app_parts(app: PluginApp) -> AppParts:
    """Add the two WebSockets."""
    from comfyforms.plugins.relay.relay import relay_routes

    images = app.settings.operator_images
    return AppParts([relay_routes(app.services.runs, app.identity, app.operates, images=images)])
