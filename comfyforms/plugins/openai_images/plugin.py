"""OpenAI's image API at `/v1`."""

from __future__ import annotations

from comfyforms.hooks import AppParts, PluginApp, hookimpl


@hookimpl
def app_parts(app: PluginApp) -> AppParts:
    """Add the routes below `/v1`."""
    from comfyforms.hooks import GuardedRoutes
    from comfyforms.plugins.openai_images.routes import ImageHandlers

    parts, root_path = app.parts, app.settings.root_path
    runs = parts.run_docs(root_path)
    handlers = ImageHandlers(parts.run_start, parts.bodies, runs, parts.results)
    return AppParts([GuardedRoutes.of(handlers)])
