"""Comfy API v2 at `/api/v2`."""

from __future__ import annotations

from comfyforms.hooks import AppParts, PluginApp, hookimpl


@hookimpl
def app_parts(app: PluginApp) -> AppParts | None:
    """Add the routes, if a plugin accepts prompts of programs."""
    from comfyforms.hooks import GuardedRoutes
    from comfyforms.plugins.comfy_api_v2.addresses import FileAddresses
    from comfyforms.plugins.comfy_api_v2.assets import AssetHandlers, Assets
    from comfyforms.plugins.comfy_api_v2.events import EventHandlers
    from comfyforms.plugins.comfy_api_v2.jobs import JobHandlers, Jobs, JobStarts
    from ui.accounts.login import PROGRAMS
    from ui.api.requests import Requests
    from ui.web.cookies import derived

    services, prompts = app.services, app.sent_prompts
    if prompts is None:
        return None
    files = FileAddresses(derived(services.secret, "addresses of files"))
    jobs = Jobs(services.runs, app.settings.root_path, files)
    assets = Assets(prompts, jobs, services.limits.upload_age)
    requests = Requests(app.parts.bodies, services.runs.history)
    permissions, limits = services.forms.permissions, services.limits
    routes = GuardedRoutes()
    for handlers in (
        JobStarts(jobs, prompts, assets.names, requests, permissions, limits),
        JobHandlers(jobs),
        EventHandlers(jobs),
        AssetHandlers(
            *(assets, requests, services.copies.uploads, app.parts.results),
            *(limits, app.identity.is_removed),
        ),
    ):
        routes.include(GuardedRoutes.of(handlers), scope=PROGRAMS)
    return AppParts([routes])
