"""Forms for shell commands."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from comfy.library.catalog import CatalogCache
from comfy.library.forms import Forms
from comfy.library.permissions import Permissions
from comfy.workflow.model import Workflow

WORKFLOW = "workflow"  # name of the workflow in `Forms`
OWNER = "shell"  # owner that stands for the shell user


def forms_of(workflow: Workflow, fetch: Callable[[], Mapping[str, Any]]) -> Forms:
    """Return the same forms as on a page; `fetch` returns the server's nodes, see
    `Client.object_info`."""
    return forms_by_name(lambda _: workflow, fetch)


def forms_by_name(find: Callable[[str], Workflow], fetch: Callable[[], Mapping[str, Any]]) -> Forms:
    """Return the forms of several workflows; `find`: see `Forms`."""
    return Forms(find, CatalogCache(fetch), Permissions.of_a_shell())
