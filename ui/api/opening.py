"""Workflows from users: open a file, add it for all users, and remove it."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from contextlib import suppress
from pathlib import PurePosixPath

from fastapi import Request, Response

from comfy.base.errors import ComfyError, ServerError, ServerUnreachable, WorkflowError
from comfy.base.files import plain_name
from comfy.base.wording import says_more, short
from comfy.form.describe import kind_title
from comfy.library.editing.editor import FormEditor
from comfy.library.forms import Forms
from comfy.library.permissions import Removal
from comfy.library.private import MARK as OPENED_MARK
from comfy.media.reader import LENGTH
from comfy.records.rows import WantedOfFile
from comfy.runs.interface import RunRegistry
from comfy.templates.offered import OfferedTemplates
from comfy.templates.server import OfferedTemplate
from comfy.workflow.extract import is_json
from comfy.workflow.model import Workflow, title_from_name
from ui.api.history import made_with
from ui.api.runs import Runs
from ui.api.templates import with_examples
from ui.documents.browser_values import kept
from ui.documents.run_doc import title_in_name
from ui.documents.workflow_doc import OpenedFile, SharedWorkflow
from ui.files.presenter import Presenter, RunEnds
from ui.languages.current import current_language, translated
from ui.web.access import Access, GuardedRoutes, Owner
from ui.web.audit import RENAMED
from ui.web.identity import NOBODY
from ui.web.limits import BodyLimit
from ui.web.responses import API, AsciiJSON
from ui.web.shares import Caller, FairSlots, Room, shared_address, turn_done

log = logging.getLogger(__name__)

_AT_ONCE = 2  # a malicious file can take half a second and 100 MB of objects
_FILE = {"required": True, "content": {"application/octet-stream": {"schema": {"type": "string"}}}}


def opening_api(
    runs: Runs, editor: FormEditor, removal: Removal, templates: OfferedTemplates
) -> GuardedRoutes:
    """Return `POST /workflows`, `POST /workflows/{name}/keep` and `DELETE /workflows/{name}`."""
    routes = GuardedRoutes(tags=["Workflows"])
    presenter, forms = runs.presenter, runs.forms
    room = asyncio.Semaphore(_AT_ONCE)
    turns = FairSlots(1, 1)  # one turn per address, so that files from other addresses come next

    @routes.post(
        "/workflows",
        Access.SIGNED_IN,
        body=BodyLimit.WORKFLOW,
        room=Room.CALLS,
        response_model=OpenedFile,
        openapi_extra={"requestBody": _FILE},
    )
    async def open_workflow(request: Request, owner: Owner, file: str = "pasted.json") -> AsciiJSON:
        """Open the workflow in a file, for you alone.

        The body is the file, `file` its name. A result of your own run opens the form of that run
        with its values.
        """
        data = await request.body()
        await turn_done(request)
        async with turns.turn(Caller.of(owner, request.scope)), room:
            address = shared_address(owner, request.scope)
            return await asyncio.to_thread(
                lambda: AsciiJSON(
                    _open_file(presenter, templates, owner, file, data, address=address)
                )
            )

    @routes.post(
        "/workflows/{name:path}/keep",
        Access.OWNER,
        audit="publish",
        status_code=201,
        response_model=SharedWorkflow,
    )
    def keep_workflow(request: Request, name: str, owner: Owner) -> AsciiJSON:
        """Add a workflow that you have opened for all users."""
        shared = forms.keep(owner, name, editor.folder)
        request.scope[RENAMED] = f"{API}/workflows/{shared}/keep"
        removal.note_added(owner, shared)
        editor.note_shared(owner, name, shared)
        _move_results(runs.registry, owner, name, shared)
        return AsciiJSON(SharedWorkflow(shared), 201)

    @routes.delete("/workflows/{name:path}", Access.OWNER, audit="delete", status_code=204)
    def delete_workflow(name: str, owner: Owner) -> Response:
        """Close a workflow that you have opened, or remove one that you may remove."""
        if name.startswith(OPENED_MARK):
            forms.close(owner, name)
        else:
            removal.remove(owner, name)
            editor.forget(name)
        return Response(status_code=204)

    return routes


def _move_results(registry: RunRegistry, owner: str, name: str, kept: str) -> None:
    """Move the user's runs and presets of an opened workflow to the shared one."""
    try:
        registry.move_results(owner, name, kept)
    except ComfyError as problem:
        log.warning("The runs of %r can't be moved to %r: %s", name, kept, problem)


def _open_file(
    presenter: Presenter,
    templates: OfferedTemplates,
    owner: str,
    file: str,
    data: bytes,
    *,
    address: str,
) -> OpenedFile:
    """Open a file for a user. A result of the user's own run opens that run's settings, if its form
    still exists. Any other file opens the workflow in it. A template has its title and example
    files. Images keep their own seeds.

    `address`: see `Forms.open`. Raises WorkflowError with the reason.
    """
    if own := _of_own_run(presenter, owner, data):
        return own
    file = title_in_name(file)
    forms = presenter.ends.forms
    workflow = forms.open(owner, file, data, address=address)
    name, stem = workflow.name, PurePosixPath(plain_name(file)).stem
    template = templates.same_as(workflow, stem)
    # If the server can't be reached, the form is drawn later and shows the error.
    with suppress(WorkflowError, ServerUnreachable, ServerError):
        if workflow.config is None:
            _name_it(forms, owner, workflow, stem, template, templates)
        if not is_json(data[:LENGTH]):
            return _of_result(presenter.ends, owner, name)
        if template is not None:
            found = with_examples(
                OpenedFile(name), template, data, forms, presenter.ends.copies, owner
            )
            return OpenedFile(name, found.values)
    return OpenedFile(name)


def _name_it(
    forms: Forms,
    owner: str,
    workflow: Workflow,
    stem: str,
    template: OfferedTemplate | None,
    templates: OfferedTemplates,
) -> None:
    """Give a workflow the texts of its template in the user's language. Without a template, and if
    its file's name says nothing, it gets a title that says what it makes."""
    settings = None
    if template is not None:
        settings = templates.settings_of(template.template.name, current_language().tag)
    elif workflow.title == short(title_from_name(stem)) and not says_more(stem):
        _, form = forms.form(workflow.name, owner)
        title = translated(kind_title(form, stem)) or workflow.title
        same = [one.title for one in forms.opened_by(owner) if one.title.startswith(title)]
        number = f" {len(same) + 1}" if title in same and title != workflow.title else ""
        settings = f"title = {json.dumps(title + number, ensure_ascii=False)}\n"
    if settings is not None:
        forms.opened.set_settings(owner, workflow.name, settings, "")


def _of_own_run(presenter: Presenter, owner: str, data: bytes) -> OpenedFile | None:
    history = presenter.runs.history
    if owner == NOBODY:
        return None
    digest = hashlib.sha256(data).hexdigest()
    try:
        records = history.of(owner, WantedOfFile(file=digest))
    except ComfyError:
        return None
    for record in records:
        if any(made.digest == digest for made in record.state.files):
            with suppress(ComfyError):
                return OpenedFile(*made_with(presenter, record))
    return None


def _of_result(ends: RunEnds, owner: str, name: str) -> OpenedFile:
    """Return an opened workflow that came from a result, with its seeds and the labels of fields
    whose files are missing."""
    _, form = ends.forms.form(name, owner)
    fields = [field for field in form.fields if field.group != "hidden"]
    seeds = {field.key: kept(field.default) for field in fields if field.is_seed}
    missing = (
        field.label
        for field in fields
        if field.is_media and field.required and not ends.copies.example(field, owner)
    )
    return OpenedFile(name, seeds, tuple(missing))
