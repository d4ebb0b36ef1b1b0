"""ComfyUI's own API at the app's address."""

from __future__ import annotations

from typing import TYPE_CHECKING

from comfyforms.hooks import AppParts, PluginApp, hookimpl

if TYPE_CHECKING:
    from comfy.launch.sent_prompts import SentPrompts
    from comfyforms.plugins.comfyui_api.prompts import PromptCalls


def _calls(app: PluginApp) -> PromptCalls:
    from comfyforms.plugins.comfyui_api.checks import PromptChecker
    from comfyforms.plugins.comfyui_api.files import OwnFiles
    from comfyforms.plugins.comfyui_api.prompts import PromptCalls

    services = app.services
    return PromptCalls(
        services.starter,
        app.parts.deletion,
        services.limits,
        PromptChecker(services.forms.catalog),
        OwnFiles(services.copies, services.forms.permissions),
    )


@hookimpl
def sent_prompts(app: PluginApp) -> SentPrompts:
    """Offer prompts and their files to other plugins."""
    from comfyforms.plugins.comfyui_api.offered import OfferedPrompts

    return OfferedPrompts(_calls(app))


@hookimpl
def app_parts(app: PluginApp) -> AppParts:
    """Add the routes, each also below `/api`, as in ComfyUI."""
    from comfyforms.hooks import GuardedRoutes
    from comfyforms.plugins.comfyui_api.files import file_routes
    from comfyforms.plugins.comfyui_api.jobs import JobCalls
    from comfyforms.plugins.comfyui_api.messages import MessageSockets
    from comfyforms.plugins.comfyui_api.server_facts import server_routes
    from ui.accounts.login import PROGRAMS

    services = app.services
    images = app.settings.operator_images
    calls = _calls(app)
    sockets = MessageSockets(services.runs, app.identity, app.operates, images)
    routes = GuardedRoutes()
    routes.include(GuardedRoutes.of(sockets), scope=PROGRAMS)
    routes.include(GuardedRoutes.of(JobCalls(calls)), scope=PROGRAMS)
    for prefix in ("", "/api"):
        for part in (GuardedRoutes.of(calls), file_routes(app), server_routes(app)):
            routes.include(part, prefix, PROGRAMS)
    return AppParts([routes])
