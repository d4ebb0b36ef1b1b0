"""Workflows: the state of each, and files that users drop or paste, which open for them alone and
may be added for all users."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

from fastapi import Depends, HTTPException, Request
from fastapi.responses import FileResponse

from comfy.base.errors import (
    ComfyError,
    ManyProblems,
    ServerError,
    ServerUnreachable,
    WorkflowError,
)
from comfy.base.messages import message
from comfy.library.private import MARK as OPENED_MARK
from comfy.media.signatures import LENGTH
from comfy.records.wanted import WantedOfFile
from comfy.workflow.extract import is_json
from ui.documents.browser_values import kept
from ui.documents.past_run import run_tile
from ui.documents.result_names import title_in_name
from ui.routes.history import made_with
from ui.routes.results import sent
from ui.services import Services
from ui.web.access import Access, GuardedRoutes
from ui.web.identity import NOBODY, Identity
from ui.web.responses import AsciiJSON
from ui.web.shares import FairSlots, caller_of, shared_address
from ui.web.urls import cover_address

log = logging.getLogger(__name__)

OPEN = "/workflows"
_AT_ONCE = 2  # a stranger's file can be half a second's work and 100 MB of objects
_NEWEST = 60  # runs among which images of what a person has made are looked for


@dataclass(frozen=True, slots=True)
class KnownWorkflow:
    """A workflow's state in a list. `blocked`: the server lacks a required part; `thumb`: the URL
    of an example image, or ""."""

    blocked: bool
    thumb: str


@dataclass(frozen=True, slots=True)
class OpenedFile:
    """Result of opening a file. `name`: a workflow or a chain; `values`: the form's new values in
    the script's format, None to leave them; `missing`: labels of fields whose files are missing."""

    name: str
    values: dict[str, Any] | None = None
    missing: tuple[str, ...] = ()


def workflow_routes(services: Services, identity: Identity) -> GuardedRoutes:
    """Routes of `/workflows` (the state of each; open one), `/workflows/{name}/cover`,
    `/workflows/{name}/keep` and `DELETE /workflows/{name}`. A workflow in a subfolder has
    slashes in its name; users can't add one there."""
    routes = GuardedRoutes()
    room = asyncio.Semaphore(_AT_ONCE)
    turns = FairSlots(1, 1)  # an address has one of them, so another one's file is the next
    forms, folder = services.forms, services.folder

    @routes.get(OPEN, Access.SIGNED_IN)
    def known(owner: str = Depends(identity.caller)) -> AsciiJSON:
        """Return the state of each of this user's workflows, by name."""
        return AsciiJSON({name: asdict(one) for name, one in _known_workflows(services, owner)})

    @routes.get(f"{OPEN}/{{name:path}}/cover", Access.FILE)
    def cover(name: str, _: str = Depends(identity.reader)) -> FileResponse:
        """The image that its author has put beside a workflow of the folder."""
        try:
            path = services.library.cover(name)
            if path is not None:
                return sent(path, path.name)
        except (WorkflowError, OSError):
            pass
        raise HTTPException(404, message("No such image."))

    @routes.post(OPEN, Access.SIGNED_IN)
    async def open_workflow(
        request: Request, file: str = "pasted.json", owner: str = Depends(identity.caller)
    ) -> AsciiJSON:
        data = await request.body()
        async with turns.turn(caller_of(request.scope, identity)), room:
            address = shared_address(owner, request.scope)
            opened = await asyncio.to_thread(
                _open_file, services, owner, file, data, address=address
            )
        return AsciiJSON(asdict(opened))

    @routes.post(f"{OPEN}/{{name}}/keep", Access.OWNER)
    def keep(name: str, owner: str = Depends(identity.caller)) -> AsciiJSON:
        kept = forms.keep(owner, name, folder)
        services.removal.note_added(owner, kept)
        _move_history(services, owner, name, kept)
        return AsciiJSON({"name": kept})

    @routes.delete(f"{OPEN}/{{name}}", Access.OWNER)
    def remove(name: str, owner: str = Depends(identity.caller)) -> AsciiJSON:
        """Forget one that this person has opened, or take out of the folder what they may remove;
        any other is as unknown as none."""
        if name.startswith(OPENED_MARK):
            forms.close(owner, name)
        else:
            services.removal.remove(owner, name)
        return AsciiJSON({})

    return routes


def _move_history(services: Services, owner: str, name: str, kept: str) -> None:
    """Move the user's runs and presets of an opened workflow to the shared one."""
    if services.runs.history is None:
        return
    try:
        services.runs.history.move(owner, name, kept)
    except ComfyError as problem:
        log.warning("The runs of %r are not listed with %r: %s", name, kept, problem)


def _open_file(
    services: Services, owner: str, file: str, data: bytes, *, address: str
) -> OpenedFile:
    """Open a file for this person: what a run of theirs has made as the settings of that run, as
    long as its form is there, anything else as the workflow in it. An image brings its own seeds.

    `address`: as of `Forms.open`. WorkflowError says why not.
    """
    if own := _of_own_run(services, owner, data):
        return own
    name = services.forms.open(owner, title_in_name(file), data, address=address).name
    if not is_json(data[:LENGTH]):
        # Where the server cannot be asked, the form is drawn later and says so.
        with suppress(WorkflowError, ServerUnreachable, ServerError):
            return _of_result(services, owner, name)
    return OpenedFile(name)


def _of_own_run(services: Services, owner: str, data: bytes) -> OpenedFile | None:
    history = services.runs.history
    if history is None or owner == NOBODY:
        return None
    digest = hashlib.sha256(data).hexdigest()
    try:
        records = history.of(owner, WantedOfFile(file=digest))
    except ComfyError:
        return None
    for record in records:
        if any(made.digest == digest for made in record.state.files):
            with suppress(ComfyError):
                return OpenedFile(*made_with(services, record))
    return None


def _of_result(services: Services, owner: str, name: str) -> OpenedFile:
    """An opened workflow that something was made with."""
    _, form = services.forms.form(name, owner)
    fields = [field for field in form.fields if field.group != "hidden"]
    seeds = {field.key: kept(field.default) for field in fields if field.widget == "seed"}
    missing = (
        field.label
        for field in fields
        if field.is_media and field.required and not services.copies.example(field, owner)
    )
    return OpenedFile(name, seeds, tuple(missing))


def _known_workflows(services: Services, owner: str) -> Iterator[tuple[str, KnownWorkflow]]:
    """Each workflow of the folder and each that this person has opened. May take seconds once, as
    their forms are built."""
    entries = services.library.entries()
    covers = {one.name: cover_address(one.name, one.cover) for one in entries if one.cover}
    thumbs = _newest_thumbs(services, owner) | covers
    opened = services.forms.opened_by(owner)
    for name in [*(one.name for one in entries), *(one.name for one in opened)]:
        yield name, KnownWorkflow(_is_blocked(services, name, owner), thumbs.get(name, ""))


def _is_blocked(services: Services, name: str, owner: str) -> bool:
    """False while the server's parts are unknown."""
    try:
        if name in services.chain_forms.folder:
            return not services.library.form(name, owner).can_run
        return not services.forms.usability(name, owner).can_run
    except (WorkflowError, ManyProblems):
        return True
    except (ServerUnreachable, ServerError):
        return False


def _newest_thumbs(services: Services, owner: str) -> dict[str, str]:
    """The newest image that this person has made with each workflow."""
    history = services.runs.history
    if history is None or owner == NOBODY:
        return {}
    records = reversed(list(history.of(owner, limit=_NEWEST)))
    return {one.job.workflow: thumb for one in records if (thumb := run_tile(one).thumb)}
