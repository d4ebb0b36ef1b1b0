"""`/rewrite-prompt`, on with `--rewrite-server` and `--rewrite-model`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from comfyforms.hooks import AppParts, PluginApp, TextAction, hookimpl

if TYPE_CHECKING:
    from pydantic import BaseModel

ADDRESS = "/rewrite-prompt"


@hookimpl
def settings() -> list[type[BaseModel]]:
    """Add `--rewrite-server` and its companions."""
    from comfyforms.plugins.prompt_rewriting.settings import RewritingSettings

    return [RewritingSettings]


@hookimpl
def app_parts(app: PluginApp) -> AppParts | None:
    """Add the route, and its button at the prompt."""
    from comfyforms.plugins.prompt_rewriting.settings import RewritingSettings

    settings = app.own_settings(RewritingSettings)
    if not (settings.rewrite_server and settings.rewrite_model):
        return None
    from comfy.base.messages import message
    from comfyforms.plugins.prompt_rewriting.route import rewriting_routes

    action = TextAction(message("Rewrite prompt"), ADDRESS)
    return AppParts([rewriting_routes(settings, app.services, ADDRESS)], text_actions=[action])
