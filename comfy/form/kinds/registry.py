"""Registry of all field kinds by their widgets' names. A module in this folder with `KINDS` adds
its entries, and so do plugins."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

from comfy.form.model import FieldKind
from comfyforms.plugin_manager import PluginTable, contributed


def _rows() -> Iterator[FieldKind]:
    for module in iter_modules([str(Path(__file__).parent)]):
        if module.name != "registry":
            yield from getattr(import_module(f"comfy.form.kinds.{module.name}"), "KINDS", ())


def _of_plugins() -> Mapping[str, FieldKind]:
    return {kind.name: kind for kind in contributed("field_kinds")}


KINDS: Mapping[str, FieldKind] = PluginTable({kind.name: kind for kind in _rows()}, _of_plugins)
