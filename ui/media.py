"""Pictures and other files on their way from a person to ComfyUI's input folder."""

from __future__ import annotations

import base64
import binascii
import io
import mimetypes
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from comfy.form import Widget
from comfy.media_kinds import FileLimits, problem_with

CHUNK = 1024 * 1024  # bytes
GONE = "needs its file once more: it is no longer here."


@dataclass(frozen=True)
class Upload:
    """A file a person gave: a name for it and its bytes, or where they are. Only such a value is ever sent on."""

    name: str
    source: bytes | Path = field(repr=False)

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
            while chunk := file.read(CHUNK):
                yield chunk

    def problem(self, limits: FileLimits, widget: Widget | None = None) -> str:
        """Why it cannot be taken, as `comfy.media_kinds.problem_with`; "" if it can."""
        with self.opened() as file:
            return problem_with(file, limits, widget)


@dataclass(frozen=True)
class Refused:
    """What a person gave is no file that can be used; `why` ends a sentence that starts with the field's label."""

    why: str

    def __str__(self) -> str:
        return "file"


def judged(file: Path | None, limits: FileLimits, widget: Widget) -> Upload | Refused:
    """A person's file, as far as a field of this kind takes it."""
    if file is None:
        return Refused(GONE)
    upload = Upload(file.name, file)
    try:
        why = upload.problem(limits, widget)
    except OSError:  # it went just now
        return Refused(GONE)
    return Refused(why) if why else upload


def from_data_url(url: str) -> Upload | None:
    """A file inside a `data:…;base64,…` address, as scripts send one; None where it is no such thing."""
    head, comma, body = url.partition(",")
    if not (comma and head.startswith("data:") and head.endswith(";base64")):
        return None
    try:
        data = base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError):
        return None
    extension = mimetypes.guess_extension(head.removeprefix("data:").removesuffix(";base64")) or ".bin"
    return Upload(f"upload{extension}", data)
