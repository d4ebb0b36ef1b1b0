"""Uploads and `/view` of ComfyUI's API. Each user has their own uploads, under the names that
ComfyUI would give them, and their own results, as `RUN_ID/NAME`. Source of the facts: ComfyUI's
`server.py`."""

from __future__ import annotations

import asyncio
import hashlib
import io
import re
import secrets
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from operator import attrgetter
from pathlib import Path, PurePath
from typing import BinaryIO, NamedTuple
from urllib.parse import quote

from cachetools import LRUCache
from fastapi import HTTPException, Request, Response
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from starlette.datastructures import FormData, UploadFile

from comfy.base.errors import ComfyError, not_written
from comfy.base.files import media_type_of, plain_name
from comfy.base.json_values import json_or_none
from comfy.base.messages import message
from comfy.launch.uploads import Upload
from comfy.library.permissions import Permissions
from comfy.media.checks import problem_with
from comfy.media.decoding import Undecodable, opened, with_eight_bits
from comfy.records.record import Record
from comfy.runs.input_files import server_file
from comfyforms.hooks import Access, GuardedRoutes, PluginApp
from comfyforms.plugins.comfyui_api.errors import comfyui_errors
from ui.files.copies import FileCopies
from ui.files.field_files import NOT_KEPT
from ui.files.masks import IMAGE_NEEDS
from ui.files.result_files import ResultFiles, sent
from ui.web.access import Owner
from ui.web.identity import NOBODY
from ui.web.limits import BodyLimit
from ui.web.responses import AsciiJSON
from ui.web.shares import Room, shared_address

_GONE = message("This file no longer exists.")
_FOLDERS = ("input", "output", "temp")
_QUALITY = re.compile("[0-9]{1,2}")
_RUN = re.compile("[0-9a-f-]{36}")
_MOST_OF_A_NAME = 1000
_MOST_DIGESTS = 20_000
_MOST_SEARCHED = 200  # runs
_MOST_PARTS, _MOST_TEXT = 20, 4096  # of a form; bytes of a text that is sent as a file
_STEM = 40  # characters before a number or a token


class FileName(NamedTuple):
    """ComfyUI's name for a file. `folder`: input, output or temp."""

    name: str
    subfolder: str
    folder: str

    @classmethod
    def read(cls, value: str, folder: str = "input", subfolder: str = "") -> FileName:
        """Read `SUBFOLDER/NAME [FOLDER]`, as in a prompt. Raises ValueError for an unknown folder,
        and for a path that leaves it."""
        name, _, annotation = value.removesuffix("]").rpartition("[")
        if value.endswith("]") and annotation in _FOLDERS:
            value, folder = name.rstrip(), annotation
        *parents, name = f"{subfolder}/{value}".replace("\\", "/").split("/")
        is_outside = value.startswith("/") or subfolder.startswith("/") or ".." in parents
        if not name.strip(" .") or is_outside or folder not in _FOLDERS:
            raise ValueError
        return cls(name, "/".join(one for one in parents if one not in ("", ".")), folder)


class Digests:
    """Digests of stored files. An upload compares itself with all files of its name, and reads each
    once at most. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known = LRUCache[Path, tuple[tuple[int, int], str]](_MOST_DIGESTS)

    def of(self, file: Path) -> str:
        """Return a file's digest. Raises OSError."""
        stamp = _stamp(file)
        with self._lock:
            known = self._known.get(file)
        if known is not None and known[0] == stamp:
            return known[1]
        with file.open("rb") as content:
            digest = _digest(content)
        self.note(file, digest)
        return digest

    def note(self, file: Path, digest: str) -> None:
        """Remember the digest of a file that has just been written or touched."""
        with self._lock:
            self._known[file] = _stamp(file), digest


def _stamp(file: Path) -> tuple[int, int]:
    status = file.stat()
    return status.st_mtime_ns, status.st_size


@dataclass(frozen=True, slots=True)
class OwnFiles:
    """Files of each user that prompts and `/view` can name. Thread-safe. `run`: of one request, see
    `FileCopies.results_of`."""

    copies: FileCopies
    permissions: Permissions
    digests: Digests = field(default_factory=Digests)
    run: Callable[[str], Record] | None = None

    def is_one(self, owner: str) -> bool:
        """Return whether an owner is one user. Callers without an identity are, if no other machine
        reaches the app."""
        return owner != NOBODY or self.permissions.operates(owner)

    def find(self, owner: str, value: str) -> Upload | None:
        """Return the owner's file for a media input: an upload (`NAME`, `SUBFOLDER/NAME`, `NAME
        [input]`) or a result (`RUN_ID/NAME [output]`). Return None if the value names none of
        these. Blocks on the database."""
        try:
            return self.named(owner, FileName.read(value))
        except ValueError:
            return None

    def named(self, owner: str, name: FileName) -> Upload | None:
        """Return the owner's upload or result with this name, or None. Blocks on the database."""
        match self.upload(owner, name) or self.result(owner, name):
            case Path() as path:
                return Upload(path.name, path)
            case (record, at):
                file, uploads = record.state.files[at], self.copies.uploads
                copied = self.copies.blobs.path(file.digest) or uploads.find(
                    owner, self.copies.of_result(record, at)
                )
                if copied is not None:
                    result = server_file(record.server, file)
                    return Upload(file.name, copied, result=result, made_by=record.id)
        return None

    def upload(self, owner: str, name: FileName) -> Path | None:
        plain = name._replace(name=plain_name(name.name))
        return self.copies.uploads.find(owner, f"{self._key(plain)}/{plain.name}")

    def result(self, owner: str, name: FileName) -> tuple[Record, int] | None:
        """Return a run of the owner, whose id starts the subfolder, and the index of the file in
        its results. Of several files with this name, the type and the rest of the subfolder
        decide."""
        run_id, _, subfolder = name.subfolder.partition("/")
        read = self.run or partial(self.copies.runs.record, owner=owner)
        try:
            record = read(run_id) if _RUN.fullmatch(run_id) else None
        except ComfyError:  # unknown, another user's, or the database doesn't answer
            record = None
        files = record.state.files if record else ()
        same = [at for at, one in enumerate(files) if name.name in (one.filename, one.name)]
        if record is None or not same:
            return None
        wanted = name.folder, subfolder
        return record, min(same, key=lambda at: (files[at].type, files[at].subfolder) != wanted)

    def with_run(self, owner: str, name: FileName) -> FileName:
        """Add the run of the owner's newest result with this name. Return names with a subfolder,
        of uploads and of unknown files unchanged."""
        is_input = name.folder == "input"
        if name.subfolder or is_input or not self.is_one(owner) or self.upload(owner, name):
            return name
        for record in self._newest_runs(owner):
            for file in record.state.files:
                if file.type == name.folder and name.name in (file.filename, file.name):
                    return name._replace(subfolder=f"{record.id}/{file.subfolder}")
        return name

    def _newest_runs(self, owner: str) -> Iterator[Record]:
        """Yield the runs in memory, then the history's, newest first."""
        runs = self.copies.runs
        recent = (run.record for run in runs.owned(owner))
        yield from sorted(recent, key=attrgetter("submitted_at"), reverse=True)
        yield from runs.history.of(owner, limit=_MOST_SEARCHED)

    def names(self, owner: str, media: str) -> list[str]:
        """Return the names of the owner's uploads in the input folder itself, as ComfyUI lists
        them. `media`: "image", "audio", "video", or "" for all."""
        if not self.is_one(owner):
            return []
        names = (path.name for path in self.inputs(owner))
        return sorted(name for name in names if media_type_of(name).startswith(media))

    def inputs(self, owner: str) -> list[Path]:
        """Return the owner's uploads in the input folder itself."""
        return [
            path
            for path in self.copies.uploads.of(owner)
            if path.parent.name == self._key(FileName(path.name, "", "input"))
        ]

    def keep(self, owner: str, name: FileName, content: BinaryIO, *, overwrite: bool) -> str:
        """Store a file, and return its name. If the owner has another file of this name, the new
        one gets a number. If several users share the owner, the names of their files have a part
        that can't be guessed. Raises HTTPException and NotWritten."""
        if why := problem_with(content, self.copies.limits):
            raise HTTPException(422, why)
        size = content.seek(0, io.SEEK_END)
        new, plain = _digest(content), PurePath(plain_name(name.name))
        if not self.is_one(owner):
            plain = PurePath(f"{plain.stem[:_STEM]}-{self._secret(new)}{plain.suffix}")
        numbers = range(1, _MOST_OF_A_NAME)
        numbered = (f"{plain.stem[:_STEM]} ({number}){plain.suffix}" for number in numbers)
        try:
            for one in (plain.name, *numbered):
                file = self.copies.uploads.make(owner, one, self._key(name._replace(name=one)))
                if overwrite or not file.exists():
                    _write(file, content)
                    self.digests.note(file, new)
                    self.copies.uploads.kept(file)
                    return one
                if file.stat().st_size == size and self.digests.of(file) == new:
                    file.touch()  # old files are deleted
                    self.digests.note(file, new)
                    return one
        except OSError as error:
            raise not_written(error, NOT_KEPT, message("Try again.")) from error
        raise HTTPException(409, NOT_KEPT)

    def remove(self, owner: str, name: FileName) -> None:
        self.copies.uploads.remove(owner, self._key(name))

    def _key(self, name: FileName) -> str:
        return self._secret("/".join((name.folder, name.subfolder, name.name)))

    def _secret(self, text: str) -> str:
        """Return 32 hex digits that only this app can compute."""
        data, secret = f"comfyui {text}".encode(errors="replace"), self.copies.secret
        return hashlib.blake2b(data, key=secret, digest_size=16).hexdigest()


def _digest(file: BinaryIO) -> str:
    file.seek(0)
    return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]


def _write(file: Path, content: BinaryIO) -> None:
    """Write a file, or replace it: requests that read the old content can finish, and an error
    keeps it."""
    content.seek(0)
    part = file.with_name(f"{secrets.token_hex(4)}.part")
    try:
        with part.open("wb") as kept:
            shutil.copyfileobj(content, kept)
        part.replace(file)
    except OSError:
        part.unlink(missing_ok=True)
        raise


def file_routes(app: PluginApp) -> GuardedRoutes:
    files = OwnFiles(app.services.copies, app.services.forms.permissions)
    return GuardedRoutes.of(FileCalls(files, app.parts.results))


@dataclass(frozen=True, slots=True)
class FileCalls:
    """Handlers of the calls about files."""

    files: OwnFiles
    results: ResultFiles

    routes = GuardedRoutes(errors=comfyui_errors)

    @routes.post("/upload/image", Access.SIGNED_IN, body=BodyLimit.FILES, room=Room.UPLOADS)
    async def upload_image(self, request: Request, owner: Owner) -> Response:
        """Store the file `image`."""
        return await self._uploaded(request, owner, is_mask=False)

    @routes.post("/upload/mask", Access.SIGNED_IN, body=BodyLimit.FILES, room=Room.UPLOADS)
    async def upload_mask(self, request: Request, owner: Owner) -> Response:
        """Store the image that `original_ref` names, with the alpha channel of `image`."""
        return await self._uploaded(request, owner, is_mask=True)

    async def _uploaded(self, request: Request, owner: str, *, is_mask: bool) -> Response:
        if owner != NOBODY:  # others share one name, wherever they are
            uploads = self.files.copies.uploads
            uploads.came_from(owner, shared_address(owner, request.scope))
        # Python's requests sends texts as files, too, if they are in `files`.
        async with request.form(max_files=_MOST_PARTS, max_fields=_MOST_PARTS) as form:
            return AsciiJSON(await asyncio.to_thread(self._kept, form, owner, is_mask=is_mask))

    def _kept(self, form: FormData, owner: str, *, is_mask: bool) -> dict[str, str]:
        image = form.get("image")
        texts = {key: _text(one) for key, one in form.items() if key != "image"}
        if not isinstance(image, UploadFile) or not image.filename:
            raise HTTPException(400, "The request has no file.")
        subfolder, overwrite = texts.get("subfolder", ""), texts.get("overwrite") in ("true", "1")
        name = _named(image.filename.lstrip("/"), texts.get("type") or "input", subfolder)
        content: BinaryIO = image.file
        if is_mask:
            content = self._masked(owner, texts.get("original_ref", ""), content)
        kept = self.files.keep(owner, name, content, overwrite=overwrite)
        return {"name": kept, "subfolder": name.subfolder, "type": name.folder}

    def _masked(self, owner: str, original: str, mask: BinaryIO) -> BinaryIO:
        """Return an image of the owner as PNG with another alpha channel. Raises HTTPException."""
        match json_or_none(original):
            case {"filename": str(filename), **more}:
                parts = (str(more.get("subfolder") or "."), filename)
                folder = more.get("type", "output")
                image = self.files.find(owner, f"{'/'.join(parts)} [{folder}]")
            case _:
                image = None
        if image is None:
            raise HTTPException(400, _GONE)
        if why := problem_with(mask, self.files.copies.limits, "image"):
            raise HTTPException(422, why)
        turns, masked = self.files.copies.blobs.turns, io.BytesIO()
        try:
            with (
                turns.turn_of(owner),
                image.opened() as source,
                opened(source, needs=2 * IMAGE_NEEDS) as below,
                opened(mask, needs=2 * IMAGE_NEEDS) as above,
            ):
                whole = with_eight_bits(below).convert("RGBA")
                whole.putalpha(above.convert("RGBA").getchannel("A"))
                texts = PngInfo()
                for key, text in getattr(below, "text", {}).items():  # the image's workflow
                    texts.add_text(key, text)
                whole.save(masked, "PNG", compress_level=1, pnginfo=texts)
        except Undecodable as problem:
            raise HTTPException(422, str(problem)) from None
        return masked

    @routes.head("/view", Access.OWN_FILE)
    @routes.get("/view", Access.OWN_FILE, audit="file")
    def view(  # noqa: PLR0913 - the names are ComfyUI's
        self,
        request: Request,
        owner: Owner,
        filename: str = "",
        subfolder: str = "",
        type: str = "output",
        preview: str | None = None,
        channel: str = "",
    ) -> Response:
        """Return a file, its preview (`preview=webp;90`), its colors or its alpha (`channel=rgb`,
        `channel=a`)."""
        name = self.files.with_run(owner, _named(filename, type, subfolder))
        try:
            if preview is not None or channel in ("rgb", "a"):
                answer = self._drawn(owner, self.files.named(owner, name), preview, channel)
            else:
                answer = self._sent(owner, name, request.headers.get("range"))
        except OSError:  # it was deleted just now
            raise HTTPException(404, _GONE) from None
        # An upload may be overwritten.
        answer.headers["cache-control"] = "private, no-cache"
        answer.headers["content-disposition"] = _disposition(answer, name.name)
        return answer

    def _sent(self, owner: str, name: FileName, range_header: str | None) -> Response:
        match self.files.upload(owner, name) or self.files.result(owner, name):
            case Path() as path:
                return sent(path, path.name)
            case (record, at):
                file = record.state.files[at]
                return self.results.send(record, file, file.filename, range_header)
        raise HTTPException(404, _GONE)

    def _drawn(
        self, owner: str, file: Upload | None, preview: str | None, channel: str
    ) -> Response:
        """Return an image as a preview (`FORMAT;QUALITY`), or one of its channels as PNG."""
        if file is None:
            raise HTTPException(404, _GONE)
        kind, _, quality = (preview or "").partition(";")
        if preview is None:
            kind = "png"
        elif kind != "jpeg" or channel == "a":
            kind = "webp"
        picture = io.BytesIO()
        options = {"quality": int(quality) if _QUALITY.fullmatch(quality) else 90}
        try:
            with (
                self.files.copies.blobs.turns.turn_of(owner),
                file.opened() as source,
                opened(source, needs=2 * IMAGE_NEEDS) as image,
            ):
                shown: Image.Image = image
                if kind == "jpeg" or channel == "rgb":
                    shown = with_eight_bits(image).convert("RGB")
                elif preview is None:  # the alpha
                    shown = Image.new("RGBA", image.size)
                    is_opaque = image.mode != "RGBA"
                    shown.putalpha(255 if is_opaque else image.getchannel("A"))
                shown.save(picture, kind, **options)
        except Undecodable as problem:
            raise HTTPException(400, str(problem)) from None
        return Response(picture.getvalue(), media_type=f"image/{kind}")


def _text(part: str | UploadFile) -> str:
    if isinstance(part, str):
        return part
    if len(text := part.file.read(_MOST_TEXT + 1)) > _MOST_TEXT:
        raise HTTPException(400, "The request has more than one file.")
    return text.decode(errors="replace")


def _named(value: str, folder: str, subfolder: str) -> FileName:
    try:
        return FileName.read(value, folder, subfolder)
    except ValueError:
        if not value:
            raise HTTPException(404, _GONE) from None
        raise HTTPException(400, "This is not the name of a file.") from None


def _disposition(answer: Response, name: str) -> str:
    """Return ComfyUI's header. Files that a browser would run stay downloads."""
    shown = f"filename*=UTF-8''{quote(name, safe='', errors='replace')}"
    if name.isascii() and name.isprintable():
        quoted = name.replace("\\", "\\\\").replace('"', '\\"')
        shown = f'filename="{quoted}"'
    is_download = answer.headers.get("content-disposition", "").startswith("attachment")
    return f"attachment; {shown}" if is_download else shown
