"""Finds the plugins, and calls their hooks: see `comfyforms.hooks`.

The app's own plugins are the folders in `comfyforms/plugins`, so they work in a checkout without an
installation. Other packages register theirs with an entry point of the group `comfyforms`.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from pkgutil import iter_modules

import pluggy

log = logging.getLogger(__name__)

PROJECT = "comfyforms"
_OWN = f"{PROJECT}.plugins"


@cache
def installed_plugins() -> pluggy.PluginManager:
    """Return the plugins of this installation."""
    return plugin_manager(entry_points(group=PROJECT))


def plugin_manager(entries: Iterable[EntryPoint]) -> pluggy.PluginManager:
    """Return the app's own plugins and the entry points' plugins. A plugin that can't be used is
    logged and left out."""
    manager = pluggy.PluginManager(PROJECT)
    # Not a plain import: the modules that the hooks name ask for plugins themselves.
    manager.add_hookspecs(import_module(f"{PROJECT}.hooks"))
    for folder in iter_modules([str(Path(__file__).with_name("plugins"))]):
        manager.register(import_module(f"{_OWN}.{folder.name}.plugin"), folder.name)
    for entry in entries:
        try:
            manager.register(entry.load(), entry.name)
        except Exception:
            log.exception("The plugin %s can't be used.", entry.name)
    manager.check_pending()
    return manager
