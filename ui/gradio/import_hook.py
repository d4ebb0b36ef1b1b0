"""Halves the time of `import gradio`, which parses the sources of its own components each time, to
write a `.pyi` file beside each for editors.

It is called before anything imports Gradio. Where something else did so first, nothing is saved.
"""

from __future__ import annotations

import importlib.machinery
import sys
from collections.abc import Sequence
from types import ModuleType

_MODULE, _WRITES = "gradio.component_meta", "create_or_modify_pyi"


class _WithoutStubs(importlib.machinery.SourceFileLoader):
    def exec_module(self, module: ModuleType) -> None:
        super().exec_module(module)
        setattr(module, _WRITES, lambda *_: None)


class _Finder:
    @staticmethod
    def find_spec(
        name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        found = importlib.machinery.PathFinder.find_spec(name, path) if name == _MODULE else None
        if found is not None and found.origin is not None:
            found.loader = _WithoutStubs(name, found.origin)
        return found


def import_without_stubs() -> None:
    """Have Gradio imported without them from now on."""
    sys.meta_path.insert(0, _Finder)
