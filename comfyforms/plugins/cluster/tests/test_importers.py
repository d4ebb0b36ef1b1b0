"""Modules of the cluster that use its services' libraries."""

from __future__ import annotations

import pytest

from tests.imports import imports, modules


@pytest.mark.parametrize(("library", "module"), [("redis", "messaging.wire"), ("dbos", "engine")])
def test_each_library_has_one_importer(library: str, module: str) -> None:
    users = {name for name, file in modules().items() if library in imports(file)}
    assert users == {f"comfyforms.plugins.cluster.{module}"}
