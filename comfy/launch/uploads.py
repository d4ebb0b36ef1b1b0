"""Files that people give for a run: what they are, and whether a field takes them."""

from __future__ import annotations

import base64
import binascii
import hashlib
import io
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path, PurePath
from typing import BinaryIO

from comfy.base.filenames import ending_of, plain_name
from comfy.base.messages import message
from comfy.form.model import Form
from comfy.media.checks import MIB, FileLimits, problem_with
from comfy.records.record import ServerFile

_CHUNK = 1024 * 1024  # bytes
FILE_GONE = message("This file is no longer here. Add it again.")


@dataclass(frozen=True, slots=True)
class UploadLimits:
    """Limits of one file (None: the server's), and of the bytes of all files in a run."""

    file: FileLimits | None = field(default_factory=FileLimits)
    run: float = 512 * MIB


@dataclass(frozen=True, slots=True)
class Upload:
    """A file a person gave: a name for it and its bytes, or where they are. `below`: the SHA-256 of
    the image that it was painted over, "" for none. `result`, `made_by`: as of `KeptInput`.

    Only such a value is ever sent on.
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
        """All of it."""
        return self.source if isinstance(self.source, bytes) else self.source.read_bytes()

    @property
    def size(self) -> int:
        """Bytes."""
        return len(self.source) if isinstance(self.source, bytes) else self.source.stat().st_size

    def opened(self) -> BinaryIO:
        """All of it, to be read and closed."""
        return io.BytesIO(self.source) if isinstance(self.source, bytes) else self.source.open("rb")

    def chunks(self) -> Iterator[bytes]:
        """All of it, piece by piece."""
        with self.opened() as file:
            while chunk := file.read(_CHUNK):
                yield chunk

    def problem(self, limits: FileLimits, media: str = "") -> str:
        """Say why it can't be taken, as `comfy.media.checks.problem_with`; "" if it can."""
        with self.opened() as file:
            return problem_with(file, limits, media)


@dataclass(frozen=True, slots=True)
class KeptUpload:
    """A file that is kept here since a field took it: its name, and the SHA-256 of its bytes.
    `below`, `result`, `made_by`: as of `Upload`."""

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
    """Return a user's file if a field for this kind of file takes it, else why not."""
    if file is None:
        return Refused(FILE_GONE)
    upload = Upload(file.name, file)
    try:
        why = upload.problem(limits, media)
    except OSError:  # it went just now
        return Refused(FILE_GONE)
    return Refused(why) if why else upload


def as_checked(value: object) -> object:
    """A value as the form checks it: of a file the name."""
    match value:
        case Upload(name) | KeptUpload(name):
            return plain_name(name)
        case Refused():
            return str(value)
        case _:
            return value


def files_in(values: Mapping[str, object]) -> dict[str, Upload | KeptUpload]:
    """The files among these values, by the keys of their fields."""
    return {key: value for key, value in values.items() if isinstance(value, Upload | KeptUpload)}


def foreign_files(
    form: Form, cleaned: Mapping[str, object], given: Mapping[str, object]
) -> dict[str, str]:
    """Return media fields that name a server file other than the author's, which may be another
    user's."""
    files = files_in(given)
    return {
        item.key: "Send the file itself."
        for item in form.fields
        if item.is_media
        and item.key not in files
        and cleaned.get(item.key) not in (None, "", item.default)
    }


def refusals(form: Form, values: Mapping[str, object], limits: UploadLimits) -> dict[str, str]:
    """A sentence for each file among these values that cannot be taken, by its field's key."""
    errors: dict[str, str] = {}
    room = limits.run
    for item in form.fields:
        match values.get(item.key):
            case Refused(why):
                errors[item.key] = why
            case Upload() | KeptUpload() if not item.is_media:
                # No check covers it, and a node may open it.
                errors[item.key] = "This field takes no file."
            case Upload() as upload:
                try:
                    room -= upload.size
                    why = upload.problem(limits.file, item.widget) if limits.file else ""
                except OSError:  # it went just now
                    why = FILE_GONE
                if why or room < 0:
                    most = message(
                        "All files of a run together can have {size}\xa0MB.",
                        size=f"{limits.run // MIB:g}",
                    )
                    errors[item.key] = why or most
    return errors


def distinctly_named(files: Sequence[Upload]) -> list[Upload]:
    """Return the files under distinct names: a name without a number takes precedence."""
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
    """A file inside a `data:…;base64,…` address, as scripts send one; None where it is no such."""
    head, comma, body = url.partition(",")
    if not (comma and head.startswith("data:") and head.endswith(";base64")):
        return None
    try:
        data = base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError):
        return None
    ending = ending_of(head.removeprefix("data:").removesuffix(";base64"))
    return Upload(f"upload{ending or '.bin'}", data)
