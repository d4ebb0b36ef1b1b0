"""Uploads for forms: checked on arrival, and stored for a while.

Gradio's own route stores refused and incomplete files, and never checks the type of a file.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

from fastapi import HTTPException, Request
from fastapi.responses import (
    FileResponse,
    JSONResponse,
    PlainTextResponse,
    Response,
    StreamingResponse,
)
from starlette.datastructures import UploadFile

from comfy.base.errors import NotWritten, not_written, words_of
from comfy.base.files import plain_name
from comfy.base.messages import labeled, message, sentences
from comfy.base.threads import repeated
from comfy.library.forms import Forms
from comfy.media.checks import problem_with
from comfy.runs.interface import RunRegistry
from ui.files.field_files import NOT_KEPT
from ui.files.result_files import sent
from ui.gradio.internals import FILE, UPLOAD, UPLOAD_DONE, UPLOAD_PROGRESS, UPLOADED
from ui.languages.current import translated
from ui.web.access import Access, GuardedRoutes, Owner
from ui.web.identity import NOBODY
from ui.web.limits import BodyLimit
from ui.web.shares import Room, Work, shared_address
from ui.web.upload_folder import UploadFolder

log = logging.getLogger(__name__)

MOST_FILES = 20  # per request; the page sends one at a time
_SWEEP_SECONDS = 600.0


class Unfit(Exception):
    """File that the app rejects; the message is a sentence."""


def upload_routes(uploads: UploadFolder) -> GuardedRoutes:
    """Return the routes by which Gradio's page uploads and shows files. Add them before Gradio's
    own."""
    routes = GuardedRoutes()

    @routes.post(UPLOAD, Access.SIGNED_IN, body=BodyLimit.FILES, room=Room.UPLOADS)
    async def upload(request: Request, owner: Owner) -> Response:
        try:
            async with request.form(max_files=MOST_FILES, max_fields=MOST_FILES) as form:
                files = [file for file in form.getlist(UPLOADED) if isinstance(file, UploadFile)]
                address = shared_address(owner, request.scope)
                return JSONResponse(
                    await asyncio.to_thread(keep_all, files, owner, address, uploads)
                )
        except Unfit as problem:
            return PlainTextResponse(translated(str(problem)), 422)
        except NotWritten as problem:
            return _full(problem)
        except OSError as error:  # while the body is read
            log.warning("An upload can't be read: %s", words_of(error))
            return _full(not_written(error, NOT_KEPT, message("Try again.")))

    @routes.get(UPLOAD_PROGRESS, Access.FILE, is_constant=True)
    async def progress() -> StreamingResponse:
        # The page shows a file on arrival. Gradio's own route would remember every requested ID.
        async def nothing_more() -> AsyncIterator[str]:
            yield UPLOAD_DONE

        return StreamingResponse(nothing_more(), media_type="text/event-stream")

    @routes.head(f"{FILE}{{place:path}}", Access.OWN_FILE)
    @routes.get(f"{FILE}{{place:path}}", Access.OWN_FILE, work=Work.FILE)
    def show(place: str, owner: Owner) -> FileResponse:
        """Return a field's file to its owner."""
        file = uploads.find(owner, place)
        try:
            if file is not None:
                return sent(file, file.name)
        except FileNotFoundError:  # it was deleted just now
            pass
        raise HTTPException(404, message("This file no longer exists."))

    return routes


def _full(problem: NotWritten) -> Response:
    return PlainTextResponse(translated(sentences(str(problem), problem.hint)), 507)


def keep_all(files: list[UploadFile], owner: str, address: str, uploads: UploadFolder) -> list[str]:
    """Return the places of the files. All of them are checked before any is stored. `address`: see
    `RunRegistry.submit`. Raises Unfit, and NotWritten if the disk is full."""
    if not files:
        raise Unfit("The request has no file.")
    for file in files:
        if why := problem_with(file.file, uploads.limits.file):
            name = plain_name(file.filename or "")
            raise Unfit(labeled(name, why))
    if owner != NOBODY:  # callers without a cookie share one name, wherever they are
        uploads.came_from(owner, address)
    return [uploads.place(_keep(file, owner, uploads)) for file in files]


def _keep(file: UploadFile, owner: str, uploads: UploadFolder) -> Path:
    path: Path | None = None
    try:
        path = uploads.make(owner, file.filename or "")
        file.file.seek(0)
        with path.open("xb") as kept:
            shutil.copyfileobj(file.file, kept)
        uploads.kept(path)
    except OSError as error:
        if path is not None:
            shutil.rmtree(path.parent, ignore_errors=True)
        log.warning("An upload can't be stored: %s", words_of(error))
        raise not_written(error, NOT_KEPT, message("Try again.")) from error
    return path


async def sweep_regularly(uploads: UploadFolder, forms: Forms, runs: RunRegistry) -> None:
    """Remove old uploads and workflows that users opened: immediately, for what an earlier process
    left, and then regularly until canceled. Of several processes, one does so."""

    def sweep() -> None:
        if runs.is_keeper:
            uploads.sweep()
            forms.sweep()

    await repeated(partial(asyncio.to_thread, sweep), _SWEEP_SECONDS)
