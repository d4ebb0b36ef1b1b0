"""Results on their way to the browser: each file of a person's own run, and all of them in one archive.

Files are fetched from ComfyUI under the names its history gave; nothing in a request but the run's id and the
file's place in its results decides what is fetched.
"""

from __future__ import annotations

import mimetypes
from collections.abc import Iterator
from pathlib import PurePosixPath
from urllib.parse import quote

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import StreamingResponse
from zipstream import ZIP_STORED, ZipStream

from comfy.client import Client
from comfy.errors import ComfyError, RunNotFound
from comfy.run import Run
from comfy.run_state import OutputFile
from comfy.runs import Runs
from ui.identity import Identity

PASSED_ON = ("content-length", "content-range", "accept-ranges", "last-modified", "etag")
# What a browser would run as a page is never shown as one: it is offered as a download.
SHOWN = ("image/", "video/", "audio/")
UNSAFE = ("image/svg+xml",)


def file_address(run_id: str, index: int, file: OutputFile) -> str:
    """The path of the file at `index` of the run's results, relative to the app's root."""
    return f"/files/{run_id}/{index}/{quote(safe_name(file.filename))}"


def safe_name(filename: str) -> str:
    """The last part of a name as the server gave it, without anything that could leave a folder or a header."""
    name = PurePosixPath(filename.replace("\\", "/")).name
    return "".join(c for c in name if c.isprintable() and c not in '"<>|:*?') or "file"


def file_routes(runs: Runs, client: Client, identity: Identity) -> APIRouter:
    """The routes `/files/{run_id}/{index}/{name}` and `/files/{run_id}/all.zip`, both for the run's owner only."""
    router = APIRouter()

    def own_run(request: Request, run_id: str) -> Run:
        owner = identity.owner(request)
        if owner is None:
            raise HTTPException(401, "Please log in first.")
        try:
            return runs.get(run_id, owner)
        except RunNotFound:
            raise HTTPException(404, "There is no such result. It may have been too long ago.") from None

    @router.get("/files/{run_id}/all.zip")
    def everything(request: Request, run_id: str) -> StreamingResponse:
        run = own_run(request, run_id)
        headers = {"content-disposition": f"attachment; filename*=UTF-8''{quote(safe_name(run.job.title))}.zip"}
        return StreamingResponse(archive(run, client), media_type="application/zip", headers=headers)

    @router.get("/files/{run_id}/{index}/{name}")
    def one(request: Request, run_id: str, index: int, name: str) -> StreamingResponse:
        files = own_run(request, run_id).state.files
        if not 0 <= index < len(files):
            raise HTTPException(404, "There is no such result.")
        return pass_on(client, files[index], request.headers.get("range"))

    return router


def pass_on(client: Client, file: OutputFile, range_header: str | None) -> StreamingResponse:
    """One file as it comes from the server, byte for byte, with ranges so that videos can be wound."""
    answer_of = client.view(file, range_header=range_header)
    try:
        answer = answer_of.__enter__()
    except ComfyError as error:
        raise HTTPException(502, str(error)) from error

    def body() -> Iterator[bytes]:
        try:
            yield from answer.iter_bytes()
        finally:
            answer_of.__exit__(None, None, None)

    name = quote(safe_name(file.filename))
    media_type = mimetypes.guess_type(file.filename)[0] or "application/octet-stream"
    shown = media_type.startswith(SHOWN) and media_type not in UNSAFE
    headers = {name: answer.headers[name] for name in PASSED_ON if name in answer.headers}
    headers |= {
        "content-disposition": f"{'inline' if shown else 'attachment'}; filename*=UTF-8''{name}",
        "x-content-type-options": "nosniff",
        "cache-control": "private, max-age=3600",
    }
    return StreamingResponse(body(), answer.status, headers, media_type)


def archive(run: Run, client: Client) -> Iterator[bytes]:
    """A ZIP of the run's saved files (of all, where none was saved), made while it is sent.

    Media is packed already, so it is only stored.
    """
    bundle = ZipStream(compress_type=ZIP_STORED)

    def content(file: OutputFile) -> Iterator[bytes]:
        with client.view(file) as answer:
            yield from answer.iter_bytes()

    saved = any(file.type == "output" for file in run.state.files)
    for index, file in enumerate(run.state.files):
        if file.type == "output" or not saved:
            bundle.add(content(file), f"{index + 1:03}-{safe_name(file.filename)}")
    yield from bundle
