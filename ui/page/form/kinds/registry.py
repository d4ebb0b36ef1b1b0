"""Views of all widgets by name. A file in this folder with `VIEWS` adds its rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from types import MappingProxyType

from ui.page.form.kinds.view import FieldView


def _rows() -> Iterator[FieldView]:
    for module in iter_modules([str(Path(__file__).parent)]):
        if module.name != "registry":
            yield from getattr(import_module(f"ui.page.form.kinds.{module.name}"), "VIEWS", ())


VIEWS: Mapping[str, FieldView] = MappingProxyType({view.kind.name: view for view in _rows()})
