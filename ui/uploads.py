"""Files that people give, on their way into a form: judged when they come, and kept for a while.

Gradio's own route for this keeps what it refuses, and whatever breaks off; and it never asks what a file is.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import secrets
import shutil
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from gradio.route_utils import API_PREFIX
from gradio.utils import get_upload_folder
from starlette.datastructures import UploadFile

from comfy.file_names import plain_name
from comfy.media_kinds import problem_with
from ui.bodies import BUSY
from ui.identity import Identity
from ui.limits import WebLimits
from ui.shares import Share, caller_of

log = logging.getLogger(__name__)

UPLOAD = f"{API_PREFIX}/upload"
MOST_FILES = 20  # of one request; the page sends one in each
MOST_KEPT = 10_000  # all are looked at with each upload
SWEEP_SECONDS = 600.0


class Unfit(Exception):
    """A file that is not kept; the text is a sentence."""


def upload_routes(identity: Identity, limits: WebLimits) -> APIRouter:
    """Gradio's `upload` and `upload_progress`, in its own words, to be put before its own routes."""
    router = APIRouter()
    room = Share(limits.uploading, limits.person_uploading, limits.address_uploading)

    @router.post(UPLOAD)
    async def upload(request: Request) -> Response:
        if identity.owner(request) is None or not identity.same_origin(request):
            raise HTTPException(401, "Please log in first.")
        with room.held(caller_of(request.scope, identity)) as place:
            if not place:
                return PlainTextResponse(BUSY, 503)
            try:
                async with request.form(max_files=MOST_FILES) as form:
                    files = [file for file in form.getlist("files") if isinstance(file, UploadFile)]
                    return JSONResponse(await asyncio.to_thread(_keep_all, files, limits))
            except Unfit as problem:
                return PlainTextResponse(str(problem), 422)

    @router.get(f"{UPLOAD}_progress")
    async def progress() -> StreamingResponse:
        # The page shows a file as soon as it is here; Gradio's own keeps a note of every id that anybody asks for.
        async def nothing_more() -> AsyncIterator[str]:
            yield f"data: {json.dumps({'msg': 'done'})}\n\n"

        return StreamingResponse(nothing_more(), media_type="text/event-stream")

    return router


def _keep_all(files: list[UploadFile], limits: WebLimits) -> list[str]:
    """The places of the files, all of which are judged before one is kept. Raises Unfit."""
    if not files:
        raise Unfit("There is no file in this request.")
    for file in files:
        if why := problem_with(file.file, limits.file):
            raise Unfit(f"“{plain_name(file.filename or '')}” {why}")
    kept = [_keep(file) for file in files]
    sweep(limits)
    return kept


def _keep(file: UploadFile) -> str:
    folder = Path(get_upload_folder()) / secrets.token_hex(16)  # whoever knows a place can fetch it
    folder.mkdir(parents=True)
    try:
        file.file.seek(0)
        with (folder / plain_name(file.filename or "")).open("xb") as kept:
            shutil.copyfileobj(file.file, kept)
    except OSError:
        shutil.rmtree(folder, ignore_errors=True)
        log.exception("An upload cannot be kept")
        raise Unfit("The file cannot be kept here: the app's disk may be full.") from None
    return kept.name


def sweep(limits: WebLimits) -> None:
    """Remove files for forms that are too old, and the oldest while there are too many."""
    now, left = time.time(), limits.uploads
    for number, (written, size, path) in enumerate(sorted(_kept(), reverse=True)):
        left -= size
        if now - written > limits.upload_age or left < 0 or number >= MOST_KEPT:
            path.unlink(missing_ok=True)
            with contextlib.suppress(OSError):  # it may be the folder of all, or hold another file
                path.parent.rmdir()


def _kept() -> Iterator[tuple[float, int, Path]]:
    for path in Path(get_upload_folder()).rglob("*"):
        with contextlib.suppress(OSError):  # somebody else removed it
            state = path.lstat()
            if not path.is_dir():
                yield state.st_mtime, state.st_size, path


async def sweep_regularly(limits: WebLimits) -> None:
    """Sweep from time to time, until cancelled."""
    while True:
        await asyncio.sleep(SWEEP_SECONDS)
        await asyncio.to_thread(sweep, limits)
