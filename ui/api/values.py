"""Requests from programs: JSON or multipart, with files in any of four forms."""

from __future__ import annotations

import asyncio
import random
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import Request
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException

from comfy.base.errors import WorkflowError
from comfy.base.json_values import refused_value
from comfy.base.wording import short
from comfy.form.model import Field, Form
from comfy.form.seeds import CountUp, random_seed
from comfy.records.record import Record
from ui.api.bodies import JSON_PARTS
from ui.api.problems import NotThere
from ui.files.copies import FileCopies
from ui.files.references import FileResolver, inline_file
from ui.files.uploads import MOST_FILES, Unfit, keep_all
from ui.library import WorkflowLibrary
from ui.web.limits import WebLimits, off_loop, place_held, read_object, too_large
from ui.web.shares import Caller, Share, shared_address, turn_begun
from ui.web.upload_folder import UploadFolder

_MARKS = {"base64", "run", "file", "from", "after"}  # keys of objects that stand for values
_DIGITS = re.compile(r"[0-9]{1,40}")
Parts = list[tuple[str, str]]  # names and values of a multipart request's parts, in order


@dataclass(frozen=True, slots=True)
class Sent:
    """Content of a request: its JSON object, and the keys of the values that are uploaded files."""

    body: dict[str, Any]
    files: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Bodies:
    """Reader of request bodies. `uploading`: room for uploads."""

    uploads: UploadFolder
    uploading: Share
    limits: WebLimits

    async def read(self, request: Request, owner: str) -> Sent:
        """Read a request. In a multipart one, `values` also contains the other parts except
        options, with files stored as uploads. Raises HTTPException."""
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "multipart/form-data":
            text = await self._text(request)
            await turn_begun(request)
            return Sent(await self._object(text))
        with place_held(self.uploading, Caller.of(owner, request.scope)):
            most = self.limits.page_body
            async with request.form(max_files=MOST_FILES, max_part_size=most) as form:
                sent = await self._of_form(form, owner, request)
        await turn_begun(request)
        return sent

    async def keep(self, request: Request, owner: str) -> Sent:
        """Store the files of a multipart request as uploads. Their ids are the request's values, by
        number. Raises HTTPException."""
        _, files = await self.parts(request, owner, MOST_FILES)
        ids = {str(at): upload for at, (_, upload) in enumerate(files)}
        return Sent({"values": ids}, frozenset(ids))

    async def parts(self, request: Request, owner: str, most: int) -> tuple[Parts, Parts]:
        """Return a multipart request's texts, at most this many, and its files, at least one. The
        files are stored as uploads, and their values are the uploads' ids. Raises HTTPException."""
        with place_held(self.uploading, Caller.of(owner, request.scope)):
            async with request.form(max_files=MOST_FILES, max_fields=most) as form:
                items = form.multi_items()
                for problem in (refused_value(one) for item in items for one in item):
                    if problem:
                        raise HTTPException(422, problem)
                files = [(key, one) for key, one in items if isinstance(one, UploadFile)]
                ids = await self._kept([one for _, one in files], owner, request)
                texts = [(key, value) for key, value in items if isinstance(value, str)]
                named = [(key, upload) for (key, _), upload in zip(files, ids, strict=True)]
        await turn_begun(request)
        return texts, named

    async def _text(self, request: Request) -> bytes:
        most, body = self.limits.body, bytearray()
        async for piece in request.stream():
            body += piece
            if len(body) > most:
                raise HTTPException(413, too_large(most))
        return bytes(body)

    async def _object(self, text: bytes | str) -> dict[str, Any]:
        data = text.encode(errors="surrogatepass") if isinstance(text, str) else text
        read = await off_loop(lambda body: read_object(body, self.limits), data or b"{}")
        if isinstance(read, str):
            raise HTTPException(422, read)
        return read

    async def _of_form(self, form: FormData, owner: str, request: Request) -> Sent:
        items = form.multi_items()
        body: dict[str, Any] = {"values": {}}
        for key, count in Counter(key for key, _ in items).items():
            if count > 1 and key != "values":
                detail = f"The request has {short(key)} twice. Send it only once."
                raise HTTPException(422, detail)
        for key, value in items:
            # A charset such as UTF-7 can encode half a character.
            if problem := refused_value(key) or refused_value(value):
                raise HTTPException(422, problem)
            if key == "values" and isinstance(value, str):
                body["values"] |= await self._object(value)
            elif key in JSON_PARTS and isinstance(value, str):
                part = await self._object(f'{{"{key}": {value}}}')
                if part.keys() != {key}:
                    raise HTTPException(422, "A part of the request is not JSON.")
                body |= part
            elif key == "callback" and isinstance(value, str):
                body[key] = value
            elif isinstance(value, str):
                body["values"][key] = value
        files = [(key, value) for key, value in items if isinstance(value, UploadFile)]
        ids = await self._kept([one for _, one in files], owner, request) if files else []
        for (key, _), upload in zip(files, ids, strict=True):
            body["values"][key] = upload
        return Sent(body, frozenset(key for key, _ in files))

    async def _kept(self, files: list[UploadFile], owner: str, request: Request) -> list[str]:
        address = shared_address(owner, request.scope)
        try:
            return await asyncio.to_thread(keep_all, files, owner, address, self.uploads)
        except Unfit as problem:
            raise HTTPException(422, str(problem)) from None


@dataclass(frozen=True, slots=True)
class ValueReader:
    """Reader of the values that clients send for the forms of a library."""

    library: WorkflowLibrary
    copies: FileCopies

    def of(self, owner: str) -> SentValues:
        """Return the reader for one request of a user."""
        return SentValues(self.library, self.copies, owner, self.copies.results_of(owner))


@dataclass(frozen=True, slots=True)
class SentValues:
    """Converter of one user's sent values into the values of a form."""

    library: WorkflowLibrary
    copies: FileCopies
    owner: str
    run: Callable[[str], Record]

    def form(self, name: str, values: Mapping[str, object]) -> Form:
        """Return the form of a workflow or chain. Raises like `WorkflowLibrary.form`."""
        return self.library.form(name, self.owner, self.plain(values))

    def plain(self, values: Mapping[str, object]) -> dict[str, object]:
        """Return the values that can decide the form's fields; None for the others."""
        return {key: None if _is_structureless(one) else one for key, one in values.items()}

    def of(self, form: Form, told: Mapping[str, object]) -> dict[str, object]:
        """Return the values with the files that they name."""
        fields = {field.key: field for field in form.fields}
        return {key: self.value(fields.get(key), value) for key, value in told.items()}

    def value(self, field: Field | None, value: object) -> object:
        """Return a value for its field. Files become uploads or `Refused`."""
        if field is None:
            return inline_file(value)
        if field.is_media:
            return FileResolver(self.copies, self.owner, self.run).resolve(value, field)
        return _counting_seed(field, value) if field.is_seed else value


def form_for(sent: SentValues, name: str, told: Mapping[str, object]) -> Form:
    """Return the form for sent values. Raises NotThere if the user has no workflow or chain with
    this name, otherwise like `Forms.form`."""
    try:
        return sent.form(name, told)
    except WorkflowError as problem:
        raise NotThere(str(problem), problem.hint) from problem


def _is_structureless(value: object) -> bool:
    """Return whether a value is a file or a counting seed. Neither decides which fields exist."""
    return isinstance(value, dict) and not _MARKS.isdisjoint(value)


def _counting_seed(field: Field, value: object) -> object:
    """Convert `{"after": n}` and `{"from": n}` (null: a random start) to a `CountUp`."""
    match value:
        case {"after": int() | str() as last} if _DIGITS.fullmatch(str(last)):
            return CountUp(int(last))
        case {"from": int() | str() as first} if _DIGITS.fullmatch(str(first)):
            return CountUp(int(first), is_used=False)
        case {"from": None}:
            return CountUp(random_seed(field, random.Random()), is_used=False)
    return value
