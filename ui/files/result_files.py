"""Results for browsers: each file of a user's own run or behind a link, its thumbnail, and all in
one archive.

Only the run's ID and the file's index select the file. It comes from the local store, otherwise
from ComfyUI under the name in its history while the run is in memory. Later, that name may be
another user's file.
"""

from __future__ import annotations

import hashlib
import logging
import re
import tempfile
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from types import MappingProxyType
from typing import IO, Annotated
from urllib.parse import quote

from fastapi import HTTPException, Query, Request
from fastapi.responses import FileResponse, Response, StreamingResponse
from starlette.types import Message, Receive, Scope, Send
from zipstream import ZIP_STORED, ZipStream

from comfy.base.errors import ComfyError, RunNotFound
from comfy.base.files import media_type_of
from comfy.base.messages import message
from comfy.comfyui.client.view import ServerFiles
from comfy.comfyui.protocol.outputs import OutputFile
from comfy.comfyui.protocol.result_types import FileKind
from comfy.media.decoding import Undecodable
from comfy.media.png import png_halves, png_size, png_text
from comfy.media.reader import DamagedFile
from comfy.records.blobs import BlobStore
from comfy.records.record import Record
from comfy.records.sharing import FoundFile
from comfy.runs.interface import RunRegistry
from ui.brand import current_brand
from ui.documents.headlines import NO_RESULT
from ui.documents.output_roles import main_places
from ui.documents.run_doc import result_name, run_name, shared_name
from ui.files.masks import without_mask
from ui.web.access import Access, GuardedRoutes, Owner
from ui.web.shares import Work
from ui.web.urls import download_name

_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")
log = logging.getLogger(__name__)
# Headers of the server's answer that the browser gets, if they have this form.
_SIZE = "[0-9]{1,15}"
_PASSED_ON: Mapping[str, re.Pattern[str]] = MappingProxyType(
    {
        "content-length": re.compile(_SIZE),
        "content-range": re.compile(rf"bytes (?:{_SIZE}-{_SIZE}/(?:{_SIZE}|\*)|\*/{_SIZE})"),
        "accept-ranges": re.compile("bytes|none"),
        "last-modified": re.compile(r"[ -~]{1,100}"),
        "etag": re.compile(r"(?:W/)?\"[!#-~]{1,200}\""),
    }
)
# Files that a browser would run as a page are offered as downloads.
_SHOWN = ("image/", "video/", "audio/")
_UNSAFE = ("image/svg+xml",)
# Policy for an SVG that a page shows as an image anyway: no scripts, nothing from other sites, and
# no access to this app.
_QUIET_DRAWING = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
_NO_FILE = message("This file no longer exists.")
NO_INFOTEXT = message("Only PNG images can contain these settings.")
_NO_RANGE = "The file doesn't have the requested range of bytes."
_CHUNK = 256 * 1024  # bytes
MOST_CHOSEN = 200  # maximum runs of one action
# Returns the settings of a run's image of this width and height as text.
InfoTextOf = Callable[[Record, int, int], str]
NO_PROMPT_NO_FILE = message("This kind of file can't be shared without its prompt.")
_NOT_KEPT = {"cache-control": "private, no-store"}  # a revoked link shows nothing


class NoSuchRange(Exception):
    """Error for a range outside of the file."""


def _byte_range(header: str, size: int) -> tuple[int, int] | None:
    """Return the start and end of the range that this header requests from a file of this size.

    Returns None for the whole file: if the header has several ranges, or another format. Raises
    NoSuchRange.
    """
    match = _RANGE.fullmatch(header.strip())
    if match is None or header.strip() == "bytes=-":
        return None
    first, last = match.groups()
    start = int(first) if first else max(0, size - int(last))
    end = min(size, int(last) + 1) if first and last else size
    if first and last and int(last) < int(first):
        return None
    if start >= size:
        raise NoSuchRange
    return start, end


def result_routes(
    runs: RunRegistry, blobs: BlobStore, server: ServerFiles, infotext: InfoTextOf
) -> GuardedRoutes:
    """Return the routes `/files/{run_id}/{index}/{name}`, `/files/{run_id}/{index}/thumb`,
    `/files/{run_id}/{index}/a1111/{name}`, `/files/{run_id}/given/{index}`,
    `/files/{run_id}/given/{index}/unpainted` and `/files/{run_id}/all.zip`, for the run's owner
    only."""
    results = ResultFiles(runs, blobs, server)
    return GuardedRoutes.of(ResultHandlers(runs, blobs, results, infotext))


@dataclass(frozen=True, slots=True)
class ResultHandlers:
    """Handlers of the routes that send a run's files to its owner."""

    runs: RunRegistry
    blobs: BlobStore
    results: ResultFiles
    infotext: InfoTextOf

    routes = GuardedRoutes()

    def _own(self, run_id: str, owner: str) -> Record:
        try:
            return self.runs.record(run_id, owner)
        except RunNotFound:
            raise HTTPException(404, NO_RESULT) from None

    def _own_file(self, run_id: str, index: int, owner: str) -> tuple[Record, OutputFile]:
        record = self._own(run_id, owner)
        files = record.state.files
        if not 0 <= index < len(files):
            raise HTTPException(404, NO_RESULT)
        return record, files[index]

    @routes.get("/files/{run_id}/all.zip", Access.OWN_FILE, audit="download")
    def everything(self, run_id: str, owner: Owner) -> StreamingResponse:
        """Return all results of a run as a ZIP."""
        record = self._own(run_id, owner)
        archive = self.results.archive(_own_files([record]))
        return zip_download(archive, run_name(record) or record.job.title)

    @routes.get("/files/chosen.zip", Access.OWN_FILE, audit="download")
    def chosen(
        self, run: Annotated[list[str], Query(max_length=MOST_CHOSEN)], owner: Owner
    ) -> StreamingResponse:
        """Return all results of some runs as a ZIP."""
        records = [self._own(one, owner) for one in run]
        return zip_download(self.results.archive(_own_files(records)), current_brand().name)

    def _given_file(self, run_id: str, index: int, owner: str) -> tuple[Path, str]:
        inputs = list(self._own(run_id, owner).job.inputs.values())
        path = self.blobs.path(inputs[index].digest) if 0 <= index < len(inputs) else None
        if path is None:
            raise HTTPException(404, _NO_FILE)
        return path, inputs[index].name

    @routes.get("/files/{run_id}/given/{index}", Access.OWN_FILE, work=Work.FILE)
    def given(self, run_id: str, index: int, owner: Owner) -> FileResponse:
        """Return an input file of a run."""
        try:
            return sent(*self._given_file(run_id, index, owner))
        except OSError as problem:
            log.info("An input file can't be sent: %s", problem)
            raise HTTPException(404, _NO_FILE) from None

    @routes.get("/files/{run_id}/given/{index}/unpainted", Access.OWN_FILE)
    def unpainted(self, run_id: str, index: int, owner: Owner) -> Response:
        """Return an input image of a run without its mask."""
        path, name = self._given_file(run_id, index, owner)
        try:
            with self.blobs.turns.turn_of(owner):
                image = without_mask(path)
        except Undecodable as problem:
            raise HTTPException(404, str(problem)) from None
        return Response(
            image, headers=_headers(f"{name}.jpg", "image/jpeg"), media_type="image/jpeg"
        )

    @routes.get("/files/{run_id}/{index}/thumb", Access.OWN_FILE, work=Work.FILE)
    def thumbnail(self, run_id: str, index: int, owner: Owner) -> Response:
        """Return the small image of a result."""
        _, file = self._own_file(run_id, index, owner)
        return sent_thumbnail(self.blobs, file.digest, file.kind)

    @routes.get(
        "/files/{run_id}/{index}/a1111/{name}",
        Access.OWN_FILE,
        work=Work.CATALOG,
        audit="file",
    )
    def with_infotext(self, run_id: str, index: int, owner: Owner) -> Response:
        """Return a PNG with its settings as Automatic1111 writes them, which model sites read."""
        record, file = self._own_file(run_id, index, owner)
        try:
            with self.results.opened(record, file) as content:
                before, after = png_halves(content)
                width, height = png_size(before)
                text = png_text("parameters", self.infotext(record, width, height))
                data = b"".join((before, text, after))
        except (ComfyError, OSError, DamagedFile):
            raise HTTPException(404, NO_INFOTEXT) from None
        headers = _headers(result_name(record, index), "image/png")
        return Response(data, headers=headers, media_type="image/png")

    @routes.get("/files/{run_id}/{index}/{name}", Access.OWN_FILE, work=Work.FILE, audit="file")
    def one(self, request: Request, run_id: str, index: int, owner: Owner) -> Response:
        """Return a result. Its name in the address is only for people and their downloads."""
        record, file = self._own_file(run_id, index, owner)
        called = result_name(record, index)
        return self.results.send(record, file, called, request.headers.get("range"))


class ResultFiles:
    """Sender of finished runs' files, wherever they are stored."""

    def __init__(self, runs: RunRegistry, blobs: BlobStore, server: ServerFiles) -> None:
        self._runs = runs
        self.blobs = blobs
        self._server = server

    def send(
        self, record: Record, file: OutputFile, name: str, range_header: str | None
    ) -> Response:
        """Return one file under this name, byte for byte as the server made it, with ranges so that
        users can seek in videos."""
        media_type = media_type_of(file.filename)
        headers = _headers(name, media_type)
        if not file.digest and self._in_memory(record):
            return _pass_on(self._server, file, range_header, headers, media_type)
        path = self.blobs.path(file.digest)
        try:
            status = path.stat() if path else None
        except OSError:
            status = None
        if path is None or status is None:
            raise HTTPException(404, _NO_FILE)
        return RangedFile(path, headers=headers, media_type=media_type, stat_result=status)

    def send_shared(
        self, record: Record, at: int, asked: Mapping[str, str], *, has_prompt: bool
    ) -> Response:
        """Return a file as other people get it: without the prompt, its metadata is removed, and
        its name has no words of the prompt.

        `asked`: the request's headers. Raises HTTPException if the metadata can't be removed or the
        file isn't stored here, and for a range that it doesn't have.
        """
        file, name = record.state.files[at], shared_name(record, at, has_prompt=has_prompt)
        if has_prompt:
            return self.send(record, file, name, asked.get("range"))
        stripped, path = self.blobs.stripped.of(file.digest), self.blobs.path(file.digest)
        if stripped is None or path is None:
            raise HTTPException(409, NO_PROMPT_NO_FILE)
        # Must differ from the original file's ETag.
        etag = f'"{hashlib.sha256(f"stripped {file.digest}".encode()).hexdigest()[:32]}"'
        try:
            is_same = asked.get("if-range", etag) == etag
            part = _byte_range(asked.get("range", ""), stripped.size) if is_same else None
        except NoSuchRange:
            none = {"content-range": f"bytes */{stripped.size}"}
            raise HTTPException(416, _NO_RANGE, none) from None
        start, end = part or (0, stripped.size)

        def body() -> Iterator[bytes]:
            try:
                with path.open("rb") as kept:
                    yield from stripped.read(kept, start, end)
            except OSError as problem:
                raise ComfyError(f"A stored file can't be read: {problem}.") from problem

        media_type = media_type_of(file.filename)
        headers = _headers(name, media_type)
        headers |= {"etag": etag, "accept-ranges": "bytes", "content-length": f"{end - start}"}
        if part:
            headers["content-range"] = f"bytes {start}-{end - 1}/{stripped.size}"
        return PassedOn(body(), 206 if part else 200, headers, media_type)

    def archive(
        self,
        files: Iterable[tuple[Record, int, bool]],
        numbers: Mapping[tuple[str, int], int] = MappingProxyType({}),
    ) -> Iterator[bytes]:
        """Yield a ZIP of files, made while it is sent. Each is a run, an index, and whether the
        prompt is shown, as in `send_shared`. `numbers`: of the files by run and index, otherwise
        they are counted.

        Media is already compressed, so it is only stored. A file that isn't completely available is
        left out; without any file there is no ZIP.
        """
        bundle = ZipStream(compress_type=ZIP_STORED)
        for number, (record, at, has_prompt) in enumerate(files, 1):
            number = numbers.get((record.id, at), number)
            name = f"{number:03}-{shared_name(record, at, has_prompt=has_prompt)}"
            pack = self.pack if has_prompt else self._pack_stripped
            yield from pack(bundle, record, at, name)
        if bundle.num_streamed():
            yield from bundle.finalize()

    def pack(
        self, bundle: ZipStream, record: Record, at: int, name: str
    ) -> Generator[bytes, None, bool]:
        """Add one file of a run to a ZIP under this name, yielding the ZIP's bytes; return False if
        the file isn't available."""
        with ExitStack() as stack:
            try:
                content = stack.enter_context(self.opened(record, record.state.files[at]))
            except (ComfyError, OSError) as problem:
                _log_missing(record, problem)
                return False
            bundle.add(iter(partial(content.read, _CHUNK), b""), name)
            yield from bundle.all_files()
            return True

    def _pack_stripped(
        self, bundle: ZipStream, record: Record, at: int, name: str
    ) -> Iterator[bytes]:
        """Add one file of a run without its metadata to a ZIP, yielding the ZIP's bytes. A file
        whose metadata can't be removed is left out."""
        digest = record.state.files[at].digest
        stripped, path = self.blobs.stripped.of(digest), self.blobs.path(digest)
        if stripped is None or path is None:
            return
        with ExitStack() as stack:
            try:
                kept = stack.enter_context(path.open("rb"))
            except OSError as problem:
                _log_missing(record, problem)
                return
            bundle.add(stripped.read(kept, 0, stripped.size), name)
            yield from bundle.all_files()

    @contextmanager
    def opened(self, record: Record, file: OutputFile) -> Iterator[IO[bytes]]:
        """Open the whole file for reading. Raises ComfyError or OSError if it isn't available."""
        if file.digest or not self._in_memory(record):
            path = self.blobs.path(file.digest)
            if path is None:
                raise ComfyError("The file is no longer stored.")
            with path.open("rb") as kept:
                yield kept
            return
        # Fetch the whole file before sending any of it, because a file that breaks off later
        # couldn't be left out anymore.
        with tempfile.TemporaryFile() as copy:
            with self._server.view(file) as answer:
                copy.writelines(answer.iter_bytes())
            copy.seek(0)
            yield copy

    def _in_memory(self, record: Record) -> bool:
        try:
            return bool(self._runs.get(record.id, record.owner))
        except RunNotFound:
            return False


def _log_missing(record: Record, problem: Exception) -> None:
    extra = {"run": record.id}
    log.info("A file of run %s is missing in an archive: %s", record.id, problem, extra=extra)


def saved_places(record: Record) -> list[int]:
    """Return the indexes of the saved files, without saved previews unless they show a 3D model; of
    all results if no file was saved."""
    files, shown = record.state.files, sorted(main_places(record))
    saved = (at for at, file in enumerate(files) if file.type == "output")
    is_model = any(files[at].kind == "3d" for at in shown)
    also = ("file", "image", "video") if is_model else ("file",)
    return [at for at in saved if at in shown or files[at].kind in also] or shown


def _own_files(records: Iterable[Record]) -> Iterator[tuple[Record, int, bool]]:
    return ((record, at, True) for record in records for at in saved_places(record))


def zip_download(archive: Iterator[bytes], title: str) -> StreamingResponse:
    """Return a ZIP as a response that is sent while it is made, with this title as its name. Raises
    HTTPException for an empty one."""
    first = next(archive, None)
    if first is None:
        raise HTTPException(404, _NO_FILE)
    return StreamingResponse(
        chain([first], archive), media_type="application/zip", headers=as_file(f"{title}.zip")
    )


def as_file(name: str) -> dict[str, str]:
    """Return the header that makes a browser save a response under this name."""
    encoded_name = quote(download_name(name))
    return {"content-disposition": f"attachment; filename*=UTF-8''{encoded_name}"}


class RangedFile(FileResponse):
    """A local file, or a range of it. An invalid range raises HTTPException before anything is
    sent, so it has the same format as other errors."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the file. Raises HTTPException for an invalid range."""

        async def unless_refused(told: Message) -> None:
            if told["type"] == "http.response.start" and told["status"] >= 400:
                size = {"content-range": f"bytes */{self.headers['content-length']}"}
                beyond = told["status"] == 416
                raise HTTPException(told["status"], _NO_RANGE, size if beyond else None)
            await send(told)

        await super().__call__(scope, receive, unless_refused)


class PassedOn(StreamingResponse):
    """Response whose body comes from another server. If that breaks off, this response ends
    incomplete and uvicorn closes the connection, so the browser doesn't mistake it for the whole
    file."""

    async def stream_response(self, send: Send) -> None:
        """Send the body as it arrives."""
        try:
            await super().stream_response(send)
        except ComfyError as problem:
            log.info("A file could only be sent in part to a browser: %s", problem)


def _pass_on(
    server: ServerFiles,
    file: OutputFile,
    range_header: str | None,
    headers: dict[str, str],
    media_type: str,
) -> StreamingResponse:
    answer_of = server.view(file, range_header=range_header)
    try:
        answer = answer_of.__enter__()
    except ComfyError as error:
        raise HTTPException(502, str(error)) from error

    def body() -> Iterator[bytes]:
        try:
            yield from answer.iter_bytes()
        finally:
            answer_of.__exit__(None, None, None)

    return PassedOn(body(), answer.status, passed_on(answer.headers) | headers, media_type)


def passed_on(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers of a server's file that the browser may get."""
    sent = {name: headers.get(name, "") for name in _PASSED_ON}
    return {name: value for name, value in sent.items() if _PASSED_ON[name].fullmatch(value)}


def sent(path: Path, name: str) -> FileResponse:
    """Return a local file as a response under this name. Raises FileNotFoundError."""
    media_type = media_type_of(name)
    return FileResponse(
        path, headers=_headers(name, media_type), media_type=media_type, stat_result=path.stat()
    )


def sent_thumbnail(blobs: BlobStore, digest: str, kind: FileKind) -> Response:
    """Return the small image of a result as a response. Raises HTTPException without one."""
    path = blobs.thumbnail(digest, kind)
    if path is None:
        raise HTTPException(404, "This file has no thumbnail.")
    content = path.read_bytes()  # a FileResponse would open, read and close it in three threads
    etag = f'"{path.stat().st_mtime_ns:x}-{len(content):x}"'
    headers = _headers("thumb.webp", "image/webp") | {"etag": etag}
    return Response(content, media_type="image/webp", headers=headers)


def _headers(filename: str, media_type: str) -> dict[str, str]:
    shown = media_type.startswith(_SHOWN) and media_type not in _UNSAFE
    quiet = {"content-security-policy": _QUIET_DRAWING} if media_type in _UNSAFE else {}
    return quiet | {
        "content-disposition": (
            f"{'inline' if shown else 'attachment'};"
            f" filename*=UTF-8''{quote(download_name(filename))}"
        ),
        "x-content-type-options": "nosniff",
        "cache-control": "private, max-age=3600",
    }


def shared_result_routes(runs: RunRegistry, blobs: BlobStore, server: ServerFiles) -> GuardedRoutes:
    """Return `GET /shared/{token}/{n}/{name}`, which serves a file of a link, and
    `/shared/{token}/all.zip`."""
    routes = GuardedRoutes()
    results = ResultFiles(runs, blobs, server)

    def found(token: str, n: int | None = None) -> Sequence[FoundFile]:
        files = runs.history.shared.find(token, n)
        if not files:
            raise RunNotFound
        return files

    @routes.get("/shared/{token}/all.zip", Access.FILE)
    def everything(token: str) -> Response:
        """Send all files of the link. Their contents and names follow the same rules as single
        ones."""
        files = found(token)
        titles = {one.record.job.title for one in files}
        shown = ((one.record, one.file.place, bool(one.file.prompt)) for one in files)
        title = titles.pop() if len(titles) == 1 else current_brand().name
        answer = zip_download(results.archive(shown), title)
        answer.headers.update(_NOT_KEPT)
        return answer

    @routes.get("/shared/{token}/{n}/{name}", Access.FILE)
    def file(token: str, n: int, name: str, request: Request) -> Response:
        """Send the file."""
        one = found(token, n)[0]
        shows, asked = bool(one.file.prompt), request.headers
        answer = results.send_shared(one.record, one.file.place, asked, has_prompt=shows)
        answer.headers.update(_NOT_KEPT)
        return answer

    return routes


def shared_file_name(one: FoundFile) -> str:
    """Return the name under which visitors save a file."""
    return shared_name(one.record, one.file.place, has_prompt=bool(one.file.prompt))
