"""Workflow templates of the ComfyUI servers: list them, see what can run, open one with its example
files."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from fastapi import Request, Response
from fastapi.responses import FileResponse

from comfy.base.errors import ServerError, ServerUnreachable, WorkflowError
from comfy.base.files import plain_name
from comfy.form.model import Field
from comfy.library.forms import Forms
from comfy.requirements.model import safe_path
from comfy.templates.index import Template
from comfy.templates.offered import OfferedTemplates
from comfy.templates.server import ImagePart, OfferedTemplate
from comfy.workflow.model import open_workflow
from comfy.workflow.resolve import on_server
from ui.api.problems import NotThere
from ui.documents.browser_values import file_kept
from ui.documents.workflow_doc import (
    OpenedFile,
    TemplatesDoc,
    TemplatesReadiness,
    readiness_doc,
    template_doc,
)
from ui.files.copies import FileCopies
from ui.languages.current import current_language
from ui.services import Services
from ui.web.access import Access, GuardedRoutes, Owner
from ui.web.responses import API, BINARY, KEEP_A_DAY, AsciiJSON
from ui.web.shares import Work, shared_address

log = logging.getLogger(__name__)
_MOST_EXAMPLES = 16  # files to fetch for one template
_SLICE = 0.5  # seconds of checking per request


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
        read = open_workflow("template.json", data)
        catalog = forms.catalog.fitted(forms.catalog.get(), read.graph or read.prompt)
        original = on_server(read, catalog)
    except (WorkflowError, ServerUnreachable, ServerError):
        return opened
    values: dict[str, Any] = {}
    missing = []
    fields = [one for one in form.fields if one.is_media and one.group != "hidden"]
    for field in fields[:_MOST_EXAMPLES]:
        place = _example(field, original.prompt, offered, copies, owner) or copies.example(
            field, owner
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


def templates_api(services: Services, root: str) -> GuardedRoutes:
    """Return `GET /templates`, `GET /templates/readiness`, and below `/templates/{id}` the image
    and the POST that opens a template."""
    return GuardedRoutes.of(TemplateHandlers(services, root))


@dataclass(frozen=True, slots=True)
class TemplateHandlers:
    """Handlers of the routes of templates. `root`: the app's path below its host."""

    services: Services
    root: str

    routes = GuardedRoutes(tags=["Templates"])

    def _templates_for(self, owner: str) -> OfferedTemplates:
        """Return the templates if this user may open them."""
        self.services.forms.permissions.check_templates(owner)
        return self.services.templates

    def _sees(self, owner: str, template_id: str) -> bool:
        return self.services.forms.permissions.sees_template(owner, template_id)

    def _found(self, templates: OfferedTemplates, template_id: str, owner: str) -> OfferedTemplate:
        """Return a template that this user sees. Raises NotThere."""
        try:
            return templates.find(template_id if self._sees(owner, template_id) else "")
        except WorkflowError as problem:
            raise NotThere(str(problem), problem.hint) from problem

    def _address(self, template: Template) -> str:
        return f"{self.root}{API}/templates/{quote(template.id)}"

    @routes.get(
        "/templates",
        Access.SIGNED_IN,
        summary="List",
        work=Work.CATALOG,
        response_model=TemplatesDoc,
    )
    def list_templates(self, owner: Owner) -> AsciiJSON:
        """Return the workflow templates that the ComfyUI servers offer, in their order.

        Titles are in the caller's language if the servers have it.
        """
        every = self._templates_for(owner).all(current_language().tag)
        listed = (one for one in every if self._sees(owner, one.id))
        return AsciiJSON(
            TemplatesDoc(tuple(template_doc(one, self._address(one)) for one in listed))
        )

    @routes.get(
        "/templates/readiness",
        Access.SIGNED_IN,
        work=Work.CATALOG,
        response_model=TemplatesReadiness,
    )
    def get_template_readiness(self, owner: Owner) -> AsciiJSON:
        """Check each template for missing parts, for half a second.

        Repeat the request until `is_complete` is true. Results are stored, so that later requests
        get all of them at once.
        """
        found = self._templates_for(owner).readiness(_SLICE)
        can_pay = self.services.parts.payment.has_key(owner)
        docs = {
            name: readiness_doc(one, has_key=can_pay)
            for name, one in found.readiness.items()
            if self._sees(owner, name)
        }
        return AsciiJSON(TemplatesReadiness(docs, found.is_complete))

    @routes.get(
        "/templates/{template_id:path}/thumb",
        Access.SIGNED_IN,
        response_class=FileResponse,
        responses={
            200: {"content": {"image/webp": BINARY}},
            204: {"description": "The template has no image."},
        },
    )
    def get_template_image(self, template_id: str, owner: Owner, part: ImagePart = "") -> Response:
        """Return a template's example image, a small WebP, or 204 without one.

        `part`: "after" for a larger one, "before" for an image of the template's input.
        """
        templates = self._templates_for(owner)
        path = templates.images.image(self._found(templates, template_id, owner), part)
        if path is None:  # a browser would log 404 as an error
            return Response(status_code=204)
        return FileResponse(path, media_type="image/webp", headers=KEEP_A_DAY)

    @routes.post(
        "/templates/{template_id:path}",
        Access.SIGNED_IN,
        work=Work.CATALOG,
        status_code=200,
        response_model=OpenedFile,
    )
    def open_template(self, template_id: str, request: Request, owner: Owner) -> AsciiJSON:
        """Open a template as a workflow, for you alone.

        `values` has the template's example files, if the server offers them.
        """
        templates, forms = self._templates_for(owner), self.services.forms
        offered = self._found(templates, template_id, owner)
        shown = next(one for one in templates.all(current_language().tag) if one.id == template_id)
        data = offered.server.read(offered.template)
        name = forms.open_template(
            owner,
            f"{plain_name(offered.template.name)}.json",
            data,
            shown.settings,
            address=shared_address(owner, request.scope),
        ).name
        return AsciiJSON(
            with_examples(OpenedFile(name), offered, data, forms, self.services.copies, owner)
        )
