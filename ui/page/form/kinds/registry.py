"""Views of all widgets by name. A file in this folder with `VIEWS` adds its rows, and so
do plugins."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

from comfyforms.plugin_manager import PluginTable, contributed
from ui.page.form.kinds.view import FieldView


def _rows() -> Iterator[FieldView]:
    for module in iter_modules([str(Path(__file__).parent)]):
        if module.name != "registry":
            yield from getattr(import_module(f"ui.page.form.kinds.{module.name}"), "VIEWS", ())


def _of_plugins() -> Mapping[str, FieldView]:
    return {view.kind.name: view for view in contributed("field_views")}


VIEWS: Mapping[str, FieldView] = PluginTable(
    {view.kind.name: view for view in _rows()}, _of_plugins
)
