"""Hooks for plugins, and the names that plugins need: `docs/plugins.md` has an example.

A plugin is a module or an object with functions named like the hooks below and marked with
`@hookimpl`. A function may leave out arguments.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

import pluggy

from comfyforms.plugin_manager import PROJECT

if TYPE_CHECKING:
    from ui.plugin_parts import AppParts, PluginApp
    from ui.web.access import Access, GuardedRoutes

    hookimpl = pluggy.HookimplMarker(PROJECT)
else:
    hookimpl = pluggy.HookimplMarker(PROJECT)
    _NAMES = {
        "Access": "ui.web.access",
        "AppParts": "ui.plugin_parts",
        "GuardedRoutes": "ui.web.access",
        "PluginApp": "ui.plugin_parts",
    }

    def __getattr__(name: str) -> object:
        """Load a name on first use: most of them need Gradio, which takes seconds to import."""
        if name not in _NAMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(_NAMES[name]), name)


__all__ = ["Access", "AppParts", "GuardedRoutes", "PluginApp", "hookimpl"]
_hook = pluggy.HookspecMarker(PROJECT)


@_hook
def app_parts(app: PluginApp) -> AppParts | None:
    """Return a plugin's parts of one app: routes, and what runs as long as the app serves. Called
    once per app, before it serves."""
