"""Results on their way to the browser: each file of a person's own run, a small picture of it, and all in one archive.

Nothing in a request but the run's id and the file's place in its results decides what is sent. A file comes from what
is kept here; one that is not kept comes from ComfyUI under the name its history gave, as long as the run is in memory:
later that name may be another person's file.
"""

from __future__ import annotations

import logging
import mimetypes
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import IO
from urllib.parse import quote

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import FileResponse, Response, StreamingResponse
from starlette.types import Send
from zipstream import ZIP_STORED, ZipStream

from comfy.client import Client
from comfy.errors import ComfyError, RunNotFound
from comfy.job import Record
from comfy.run_state import OutputFile
from comfy.runs import Runs
from ui.identity import Identity

log = logging.getLogger(__name__)

PASSED_ON = ("content-length", "content-range", "accept-ranges", "last-modified", "etag")
# What a browser would run as a page is never shown as one: it is offered as a download.
SHOWN = ("image/", "video/", "audio/")
UNSAFE = ("image/svg+xml",)
# Where a page shows it as a picture all the same: no script, nothing from elsewhere, and none of this app's rights.
QUIET_DRAWING = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
CHUNK = 256 * 1024  # bytes
NO_RESULT = "There is no such result. It may have been too long ago."


def file_address(run_id: str, index: int, file: OutputFile) -> str:
    """The path of the file at `index` of the run's results, relative to the app's root."""
    return f"/files/{run_id}/{index}/{quote(safe_name(file.filename))}"


def thumbnail_address(run_id: str, index: int) -> str:
    """The path of a small picture of that file."""
    return f"/files/{run_id}/{index}/thumb"


def safe_name(filename: str) -> str:
    """The last part of a name as the server gave it, without anything that could leave a folder or a header."""
    name = PurePosixPath(filename.replace("\\", "/")).name
    return "".join(c for c in name if c.isprintable() and c not in '"<>|:*?') or "file"


def file_routes(runs: Runs, client: Client, identity: Identity) -> APIRouter:
    """The routes `/files/{run_id}/{index}/{name}`, `/files/{run_id}/{index}/thumb` and `/files/{run_id}/all.zip`, for
    the run's owner only."""
    router = APIRouter()
    results = ResultFiles(runs, client)

    def own(request: Request, run_id: str) -> Record:
        owner = identity.owner(request)
        if owner is None:
            raise HTTPException(401, "Please log in first.")
        try:
            return runs.record(run_id, owner)
        except RunNotFound:
            raise HTTPException(404, NO_RESULT) from None

    def own_file(request: Request, run_id: str, index: int) -> tuple[Record, OutputFile]:
        record = own(request, run_id)
        files = record.state.files
        if not 0 <= index < len(files):
            raise HTTPException(404, NO_RESULT)
        return record, files[index]

    @router.get("/files/{run_id}/all.zip")
    def everything(request: Request, run_id: str) -> StreamingResponse:
        record = own(request, run_id)
        archive = results.archive(record)
        first = next(archive, None)
        if first is None:
            raise HTTPException(404, "None of these files is kept here any longer.")
        headers = {"content-disposition": f"attachment; filename*=UTF-8''{quote(safe_name(record.job.title))}.zip"}
        return StreamingResponse(chain([first], archive), media_type="application/zip", headers=headers)

    @router.get("/files/{run_id}/{index}/thumb")
    def thumbnail(request: Request, run_id: str, index: int) -> FileResponse:
        _, file = own_file(request, run_id, index)
        path = runs.history.files.thumbnail(file.digest, file.kind) if runs.history else None
        if path is None:
            raise HTTPException(404, "There is no small picture of this.")
        return FileResponse(path, media_type="image/webp", headers=_headers("thumb.webp", "image/webp"))

    @router.get("/files/{run_id}/{index}/{name}")
    def one(request: Request, run_id: str, index: int, name: str) -> Response:
        record, file = own_file(request, run_id, index)
        return results.send(record, file, request.headers.get("range"))

    return router


class ResultFiles:
    """Sends the files of finished runs, wherever they are."""

    def __init__(self, runs: Runs, client: Client) -> None:
        self._runs = runs
        self._client = client

    def send(self, record: Record, file: OutputFile, range_header: str | None) -> Response:
        """One file, byte for byte as the server made it, with ranges so that videos can be wound."""
        media_type = mimetypes.guess_type(file.filename)[0] or "application/octet-stream"
        headers = _headers(file.filename, media_type)
        if not file.digest and self._in_memory(record):
            return _pass_on(self._client, file, range_header, headers, media_type)
        path = self._kept(file)
        try:
            status = path.stat() if path else None
        except OSError:
            status = None
        if path is None or status is None:
            raise HTTPException(404, "This file is no longer kept here.")
        return FileResponse(path, headers=headers, media_type=media_type, stat_result=status)

    def archive(self, record: Record) -> Iterator[bytes]:
        """A ZIP of the run's saved files (of all, where none was saved), made while it is sent.

        Media is packed already, so it is only stored. A file that cannot be had whole is left out; with none at all
        there is no ZIP.
        """
        bundle = ZipStream(compress_type=ZIP_STORED)
        saved = any(file.type == "output" for file in record.state.files)
        for index, file in enumerate(record.state.files):
            if file.type != "output" and saved:
                continue
            with ExitStack() as stack:
                try:
                    content = stack.enter_context(self._opened(record, file))
                except (ComfyError, OSError) as problem:
                    log.info("File %d of run %s is left out of an archive: %s", index, record.id, problem)
                    continue
                bundle.add(iter(partial(content.read, CHUNK), b""), f"{index + 1:03}-{safe_name(file.filename)}")
                yield from bundle.all_files()
        if bundle.num_streamed():
            yield from bundle.finalize()

    @contextmanager
    def _opened(self, record: Record, file: OutputFile) -> Iterator[IO[bytes]]:
        """The whole file, to be read; ComfyError or OSError where it cannot be had."""
        if file.digest or not self._in_memory(record):
            path = self._kept(file)
            if path is None:
                raise ComfyError("It is no longer kept here.")
            with path.open("rb") as kept:
                yield kept
            return
        # Whole before any of it is sent: what breaks off later could not be left out any more.
        with tempfile.TemporaryFile() as copy:
            with self._client.view(file) as answer:
                copy.writelines(answer.iter_bytes())
            copy.seek(0)
            yield copy

    def _kept(self, file: OutputFile) -> Path | None:
        return self._runs.history.files.path(file.digest) if self._runs.history else None

    def _in_memory(self, record: Record) -> bool:
        try:
            return bool(self._runs.get(record.id, record.owner))
        except RunNotFound:
            return False


class PassedOn(StreamingResponse):
    """An answer whose body comes from another server. Where that breaks off, this one ends without being complete, so
    that the browser takes no half for a whole: uvicorn closes the connection then."""

    async def stream_response(self, send: Send) -> None:
        """The body as it comes."""
        try:
            await super().stream_response(send)
        except ComfyError as problem:
            log.info("A file broke off on its way to a browser: %s", problem)


def _pass_on(
    client: Client, file: OutputFile, range_header: str | None, headers: dict[str, str], media_type: str
) -> StreamingResponse:
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

    passed = {name: answer.headers[name] for name in PASSED_ON if name in answer.headers}
    return PassedOn(body(), answer.status, passed | headers, media_type)


def sent(path: Path, name: str) -> FileResponse:
    """A file of this machine under this name. Raises FileNotFoundError."""
    media_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
    return FileResponse(path, headers=_headers(name, media_type), media_type=media_type, stat_result=path.stat())


def _headers(filename: str, media_type: str) -> dict[str, str]:
    shown = media_type.startswith(SHOWN) and media_type not in UNSAFE
    quiet = {"content-security-policy": QUIET_DRAWING} if media_type in UNSAFE else {}
    return quiet | {
        "content-disposition": f"{'inline' if shown else 'attachment'}; filename*=UTF-8''{quote(safe_name(filename))}",
        "x-content-type-options": "nosniff",
        "cache-control": "private, max-age=3600",
    }
