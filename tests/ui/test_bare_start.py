"""`requirements.txt` names every package that the app imports."""

from __future__ import annotations

import re
import sys
from importlib import import_module
from importlib.metadata import packages_distributions

from packaging.utils import canonicalize_name

from tests.imports import imports, modules
from tests.support.environments import ROOT
from tests.test_architecture import plugin_of

# Parts with an extra or an installation of their own.
PACKAGES = {name for name, file in modules().items() if file.name == "__init__.py"}
EXTRAS = (
    *(name for name in PACKAGES if plugin_of(name) and hasattr(import_module(name), "EXTRA")),
    *("comfyforms.comfyui_node", "comfyui_standin.pytest_plugin"),
)


def test_every_imported_package_is_in_requirements() -> None:
    """Indirect dependencies need a line, too. The test environment has more packages than a Space,
    so it starts without the line."""
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    named = {canonicalize_name(found[0]) for one in lines if (found := re.match(r"[\w-]+", one))}
    imported = {
        package
        for name, file in modules().items()
        if not name.startswith(EXTRAS)
        for package in imports(file)
    }
    ours = {"app", "comfy", "comfyforms", "comfyui_standin", "ui"}
    given = ours | {"pydantic_core"}  # belongs to pydantic
    distributions = packages_distributions()
    missing = {
        package
        for package in imported - given - sys.stdlib_module_names
        if named.isdisjoint(map(canonicalize_name, distributions.get(package, [])))
    }
    assert missing == set()
