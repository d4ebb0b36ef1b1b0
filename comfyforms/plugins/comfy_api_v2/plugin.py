"""Comfy API v2 at `/api/v2`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from comfyforms.hooks import AppParts, PluginApp, hookimpl

if TYPE_CHECKING:
    from comfyforms.hooks import PartTables


@hookimpl
def tables() -> list[PartTables]:
    """Keep the records of assets in the history's database."""
    from comfyforms.hooks import PartTables
    from comfyforms.plugins.comfy_api_v2.tables import SCHEMA

    return [PartTables(SCHEMA)]


@hookimpl
def app_parts(app: PluginApp) -> AppParts | None:
    """Add the routes, if a plugin accepts prompts of programs."""
    from comfyforms.hooks import GuardedRoutes
    from comfyforms.plugins.comfy_api_v2.assets import AssetHandlers, Assets
    from comfyforms.plugins.comfy_api_v2.events import EventHandlers
    from comfyforms.plugins.comfy_api_v2.jobs import JobHandlers, Jobs
    from comfyforms.plugins.comfy_api_v2.keys import Keys
    from comfyforms.plugins.comfy_api_v2.store import AssetStore
    from comfyforms.plugins.comfy_api_v2.submission import SubmissionHandlers
    from ui.accounts.login import PROGRAMS

    services, prompts, root_path = app.services, app.sent_prompts, app.settings.root_path
    if prompts is None:
        return None
    runs, keys = services.runs, Keys(services.runs.history.requests)
    assets = Assets(AssetStore(runs.history.engine), prompts, runs, services.limits.upload_age)
    jobs = Jobs(runs, root_path)
    routes = GuardedRoutes()
    for handlers in (
        SubmissionHandlers(jobs, assets, keys, services.forms.permissions, services.limits),
        JobHandlers(jobs),
        EventHandlers(jobs),
        AssetHandlers(
            assets,
            keys,
            services.copies.uploads,
            app.parts.results,
            services.limits,
            root_path,
        ),
    ):
        routes.include(GuardedRoutes.of(handlers), scope=PROGRAMS)
    return AppParts([routes])
