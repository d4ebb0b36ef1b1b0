"""Finds the plugins, and calls their hooks: see `comfyforms.hooks`.

The app's own plugins are the folders in `comfyforms/plugins`, so they work in a checkout without an
installation. Other packages register theirs with an entry point of the group `comfyforms`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache, cached_property
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from pkgutil import iter_modules
from types import MappingProxyType, ModuleType
from typing import Any, TypeVar

import pluggy

log = logging.getLogger(__name__)

PROJECT = "comfyforms"
_OWN = f"{PROJECT}.plugins"
_Row = TypeVar("_Row")


@cache
def installed_plugins() -> pluggy.PluginManager:
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
            manager.check_pending()
        except Exception:
            log.exception("The plugin %s can't be used.", entry.name)
            manager.unregister(name=entry.name)
    return manager


@cache
def contributed(hook: str) -> tuple[Any, ...]:
    """Return what all plugins return for a hook without arguments that returns several values."""
    return tuple(value for values in _returned(hook) for value in values)


@cache
def contributed_rows(hook: str) -> Mapping[str, Any]:
    """Return the tables that all plugins return for a hook, as one."""
    return MappingProxyType({name: row for table in _returned(hook) for name, row in table.items()})


@cache
def plugin_folders() -> tuple[Path, ...]:
    """Return the folders of the plugins that are packages or modules in a package."""
    plugins = [plugin for _, plugin in installed_plugins().list_name_plugin()]
    modules = (one for one in plugins if isinstance(one, ModuleType) and one.__package__)
    return tuple(Path(one.__file__).parent for one in modules if one.__file__)


def _returned(hook: str) -> Sequence[Any]:
    returned: Sequence[Any] = getattr(installed_plugins().hook, hook)()
    return returned


class PluginTable(Mapping[str, _Row]):
    """Table of the app's rows and those that plugins add.

    Asks the plugins only for a name that the app doesn't have: they import the modules that look
    up the app's rows.
    """

    def __init__(self, own: Mapping[str, _Row], added: Callable[[], Mapping[str, _Row]]) -> None:
        self._own, self._added = own, added

    @cached_property
    def _all(self) -> Mapping[str, _Row]:
        return {**self._added(), **self._own}

    def __getitem__(self, name: str) -> _Row:
        return self._own[name] if name in self._own else self._all[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)
