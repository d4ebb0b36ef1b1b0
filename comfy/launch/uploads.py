"""Users' files for a run: their contents and kinds, the fields that take them, and their storage
before a record refers to them."""

from __future__ import annotations

import base64
import binascii
import hashlib
import io
import secrets
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path, PurePath
from typing import Any, BinaryIO, TypeVar

from comfy.base.errors import ComfyError
from comfy.base.files import ending_of, plain_name
from comfy.base.messages import message, sentences
from comfy.form.model import Form
from comfy.form.seeds import CountUp
from comfy.media.checks import MIB, FileLimits, problem_with
from comfy.records.blobs import BlobStore
from comfy.records.record import KeptInput, ServerFile
from comfy.records.store import RunStore

_CHUNK = 1024 * 1024  # bytes
FILE_GONE = sentences(message("This file no longer exists."), message("Add it again."))
_Key = TypeVar("_Key")


@dataclass(frozen=True, slots=True)
class UploadLimits:
    """Limits of one file (None: the server's), and of the total size of a run's files in bytes."""

    file: FileLimits | None = field(default_factory=FileLimits)
    run: float = 512 * MIB


@dataclass(frozen=True, slots=True)
class Upload:
    """A user's file: its name, and its content or path. `below`: the SHA-256 of the image that it
    was painted over, or "". `result`, `made_by`: see `KeptInput`.

    The app sends only such values to servers.
    """

    name: str
    source: bytes | Path = field(repr=False)
    below: str = ""
    result: ServerFile | None = None
    made_by: str = ""

    def __str__(self) -> str:
        return self.name

    @property
    def data(self) -> bytes:
        return self.source if isinstance(self.source, bytes) else self.source.read_bytes()

    @property
    def size(self) -> int:
        return len(self.source) if isinstance(self.source, bytes) else self.source.stat().st_size

    def opened(self) -> BinaryIO:
        """Return the content as an open file. The caller closes it."""
        return io.BytesIO(self.source) if isinstance(self.source, bytes) else self.source.open("rb")

    def chunks(self) -> Iterator[bytes]:
        with self.opened() as file:
            while chunk := file.read(_CHUNK):
                yield chunk

    def problem(self, limits: FileLimits, media: str = "") -> str:
        """Return the reason why the file can't be used, as `comfy.media.checks.problem_with`; "" if
        it can."""
        with self.opened() as file:
            return problem_with(file, limits, media)


@dataclass(frozen=True, slots=True)
class KeptUpload:
    """A user's file that is already stored here: its name, and the SHA-256 of its content. `below`,
    `result`, `made_by`: see `Upload`."""

    name: str
    digest: str
    below: str = ""
    result: ServerFile | None = None
    made_by: str = ""

    def __str__(self) -> str:
        return self.name


def content_of(value: object) -> str:
    """Return a key that identifies a value; files are identified by content."""
    if not isinstance(value, Upload):
        return str(value)
    digest = hashlib.sha256()
    for chunk in value.chunks():
        digest.update(chunk)
    return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class Refused:
    """An unusable uploaded file.

    `why` is the field's error, `name` the file's name.
    """

    why: str
    name: str = "file"

    def __str__(self) -> str:
        return self.name


def judged(file: Path | None, limits: FileLimits, media: str) -> Upload | Refused:
    """Return a user's file if a field of this kind takes it, otherwise the reason why not."""
    if file is None:
        return Refused(FILE_GONE)
    upload = Upload(file.name, file)
    try:
        why = upload.problem(limits, media)
    except OSError:  # the file was deleted in the meantime
        return Refused(FILE_GONE)
    return Refused(why) if why else upload


def as_checked(value: object) -> object:
    """Return a value for the form's check: for a file its name."""
    match value:
        case Upload(name) | KeptUpload(name):
            return plain_name(name)
        case Refused():
            return str(value)
        case _:
            return value


def files_in(values: Mapping[str, object]) -> dict[str, Upload | KeptUpload]:
    """Return the files among these values, by field key."""
    return {key: value for key, value in values.items() if isinstance(value, Upload | KeptUpload)}


def foreign_files(
    form: Form, cleaned: Mapping[str, object], given: Mapping[str, object]
) -> dict[str, str]:
    """Return errors for media fields that name a server file other than the author's. It may be
    another user's."""
    files = files_in(given)
    return {
        item.key: "Send the file itself."
        for item in form.fields
        if item.is_media
        and item.key not in files
        and cleaned.get(item.key) not in (None, "", item.default)
    }


def refusals(form: Form, values: Mapping[str, object], limits: UploadLimits) -> dict[str, str]:
    """Return a message for each of these files that can't be used, by field key."""
    errors: dict[str, str] = {}
    room = limits.run
    for item in form.fields:
        match values.get(item.key):
            case Refused(why):
                errors[item.key] = why
            case Upload() | KeptUpload() if not item.is_media:
                # No check covers the file, and a node may open it.
                errors[item.key] = "This field doesn't take files."
            case Upload() as upload:
                try:
                    room -= upload.size
                    why = upload.problem(limits.file, item.widget) if limits.file else ""
                except OSError:  # the file was deleted in the meantime
                    why = FILE_GONE
                if why or room < 0:
                    most = message(
                        "These files can be at most {size}\xa0MB in total.",
                        size=f"{limits.run // MIB:g}",
                    )
                    errors[item.key] = why or most
    return errors


def distinctly_named(files: Sequence[Upload]) -> list[Upload]:
    """Return the files under distinct names. A file keeps its name before others get a number."""
    taken = {file.name for file in files}
    again = defaultdict[str, Iterator[int]](lambda: count(2))
    named: dict[str, Upload] = {}
    for file in files:
        path, name = PurePath(file.name), file.name
        while name in named or (name != file.name and name in taken):
            name = f"{path.stem} ({next(again[file.name])}){path.suffix}"
        named[name] = replace(file, name=name)
    return [*named.values()]


def from_data_url(url: str) -> Upload | None:
    """Return the file in a `data:…;base64,…` URL, as sent by scripts; None for anything else."""
    head, comma, body = url.partition(",")
    if not (comma and head.startswith("data:") and head.endswith(";base64")):
        return None
    try:
        data = base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError):
        return None
    ending = ending_of(head.removeprefix("data:").removesuffix(";base64"))
    return Upload(f"upload{ending or '.bin'}", data)


@contextmanager
def kept_uploads(
    blobs: BlobStore, history: RunStore, uploads: Mapping[str, Upload]
) -> Iterator[dict[str, KeptUpload]]:
    """Store these files and yield the stored uploads.

    After the block, files that a record refers to remain. If the block raises, unreferenced files
    are deleted.
    """
    holder = secrets.token_hex(8)
    kept: dict[str, KeptUpload] = {}
    try:
        for key, upload in uploads.items():
            digest, _ = blobs.add(upload.chunks(), holder=holder)
            kept[key] = KeptUpload(upload.name, digest, upload.below, upload.result, upload.made_by)
        yield kept
    except BaseException:
        blobs.release(holder)
        history.remove_unreferenced(one.digest for one in kept.values())
        raise
    blobs.release(holder)


def kept_as_given(values: Mapping[_Key, object], blobs: BlobStore) -> dict[_Key, object]:
    """Return values with stored files as uploads. Raises ComfyError if a file was deleted."""
    return {key: _as_upload(one, blobs) for key, one in values.items()}


def _as_upload(value: object, blobs: BlobStore) -> object:
    match value:
        case (
            KeptUpload(name=name, digest=digest, below=below, made_by=made_by)
            | KeptInput(name=name, digest=digest, below=below, made_by=made_by)
        ):
            path = blobs.path(digest)
            if path is None:
                raise ComfyError(message("{name} is no longer available.", name=name))
            return Upload(name, path, below, made_by=made_by)
    return value


def values_to_json(values: Mapping[str, object]) -> dict[str, Any]:
    """Return the values as JSON by key. Raises TypeError for values that JSON can't represent, such
    as files that aren't stored."""
    return {key: value_to_json(value) for key, value in values.items()}


def values_from_json(payload: Mapping[str, Any]) -> dict[str, object]:
    return {key: value_from_json(value) for key, value in payload.items()}


def value_to_json(value: object) -> object:
    """Return a value as JSON. A stored file becomes its name, digests and run; a seed that counts
    up becomes its last or first number. Raises TypeError."""
    match value:
        case KeptUpload(name, digest, below, made_by=made_by):
            more = {"made_by": made_by} if made_by else {}
            return {"file": [name, digest], "below": below, **more}
        case CountUp(last, is_used, step):
            return {"after" if is_used else "from": last} | ({} if step == 1 else {"step": step})
        case dict():
            return {"value": value}
        case None | str() | int() | float() | list() | tuple():
            return value
    raise TypeError(f"{type(value).__name__} can't be serialized")


def value_from_json(payload: object) -> object:
    """Return a value from its JSON."""
    match payload:
        case {"file": [str(name), str(digest)], **more}:
            below, made_by = (str(more.get(key, "")) for key in ("below", "made_by"))
            return KeptUpload(name, digest, below, made_by=made_by)
        case {"after": int(last), **more}:
            return CountUp(last, step=-1 if more.get("step") == -1 else 1)
        case {"from": int(first), **more}:
            return CountUp(first, is_used=False, step=-1 if more.get("step") == -1 else 1)
        case {"value": value}:
            return value
    return payload
