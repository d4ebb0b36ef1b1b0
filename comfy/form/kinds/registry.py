"""Registry of all field kinds by their widgets' names. A module in this folder with `KINDS` adds
its entries."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from types import MappingProxyType

from comfy.form.model import FieldKind


def _rows() -> Iterator[FieldKind]:
    for module in iter_modules([str(Path(__file__).parent)]):
        if module.name != "registry":
            yield from getattr(import_module(f"comfy.form.kinds.{module.name}"), "KINDS", ())


KINDS: Mapping[str, FieldKind] = MappingProxyType({kind.name: kind for kind in _rows()})
