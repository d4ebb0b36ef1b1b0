"""`/push-subscription`, if the extra `[push]` is installed."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from comfyforms.hooks import AppParts, Assets, PluginApp, hookimpl


@hookimpl
def assets() -> list[Assets]:
    return [Assets("web_push", Path(__file__).parent)]


@hookimpl
def app_parts(app: PluginApp) -> AppParts | None:
    """Add the route and its key, and send the messages."""
    if find_spec("pywebpush") is None or not app.settings.pages:
        return None
    from comfyforms.plugins.web_push.messages import PushMessages
    from comfyforms.plugins.web_push.route import push_routes

    messages = PushMessages(app)
    module = "parts/web_push/subscribing.js"
    head = f'<meta name="notifying" data-module="{module}" data-key="{messages.public_key}">'
    return AppParts([push_routes(messages)], messages.serving, head=head)
