"""Example input files of an opened template."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from comfy.base.errors import ServerError, ServerUnreachable, WorkflowError
from comfy.form.model import Field
from comfy.library.forms import Forms
from comfy.requirements.model import safe_path
from comfy.templates.server import OfferedTemplate
from comfy.workflow.model import open_workflow
from comfy.workflow.resolve import on_server
from ui.documents.browser_values import file_kept
from ui.documents.workflow_doc import OpenedFile
from ui.files.copies import FileCopies

log = logging.getLogger(__name__)

_MOST_EXAMPLES = 16  # files to fetch for one template


def with_examples(
    opened: OpenedFile,
    offered: OfferedTemplate,
    data: bytes,
    forms: Forms,
    copies: FileCopies,
    owner: str,
) -> OpenedFile:
    """Return an opened template with its example files, and the labels of the required fields whose
    file the server doesn't offer. Without a form, which then shows the reason, it has neither."""
    try:
        _, form = forms.form(opened.name, owner)
        original = on_server(open_workflow("template.json", data), forms.catalog.get())
    except (WorkflowError, ServerUnreachable, ServerError):
        return opened
    values: dict[str, Any] = {}
    missing = []
    fields = [one for one in form.fields if one.is_media and one.group != "hidden"]
    for field in fields[:_MOST_EXAMPLES]:
        place = copies.example(field, owner) or _example(
            field, original.prompt, offered, copies, owner
        )
        if place:
            values[field.key] = file_kept(place)
        elif field.required:
            missing.append(field.label)
    return OpenedFile(opened.name, values or None, tuple(missing))


def _example(
    field: Field,
    prompt: Mapping[str, Any],
    offered: OfferedTemplate,
    copies: FileCopies,
    owner: str,
) -> str | None:
    """Return the id of a field's example file, copied for the user from the files that the server
    publishes with the template; None if it doesn't exist."""
    value = prompt[field.node]["inputs"].get(field.input) if field.node in prompt else None
    name = safe_path(value) if isinstance(value, str) else ""
    data = offered.server.example(offered.template, name, copies.limits.size) if name else None
    if data is None:
        return None
    try:
        file = copies.uploads.make(owner, name)
        file.write_bytes(data)
        copies.uploads.kept(file)
    except OSError as problem:
        log.info("An example file can't be stored: %s", problem)
        return None
    return copies.uploads.place(file)
