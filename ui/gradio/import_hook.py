"""Import hook that halves the time of `import gradio`. On each import, Gradio parses the sources of
its own components to write a `.pyi` file for editors beside each.

Install the hook before anything imports Gradio. Otherwise it saves no time.
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
        spec = importlib.machinery.PathFinder.find_spec(name, path) if name == _MODULE else None
        if spec is not None and spec.origin is not None:
            spec.loader = _WithoutStubs(name, spec.origin)
        return spec


def import_without_stubs() -> None:
    """Make later imports of Gradio skip writing the `.pyi` files."""
    sys.meta_path.insert(0, _Finder)
