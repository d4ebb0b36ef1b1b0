"""The forms of a command: of one workflow, for whoever types it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from comfy.library.catalogue import CatalogueCache
from comfy.library.forms import Forms
from comfy.library.permissions import Permissions
from comfy.workflow.model import Workflow

WORKFLOW = "workflow"  # what services call it
OWNER = "shell"  # whoever typed the command


def forms_of(workflow: Workflow, fetch: Callable[[], Mapping[str, Any]]) -> Forms:
    """As a page has them; `fetch` gives the nodes of the server, as `Client.object_info`."""
    return forms_by_name(lambda _: workflow, fetch)


def forms_by_name(find: Callable[[str], Workflow], fetch: Callable[[], Mapping[str, Any]]) -> Forms:
    """The same for several workflows; `find` as of `Forms`."""
    return Forms(find, CatalogueCache(fetch), Permissions.of_a_shell())
