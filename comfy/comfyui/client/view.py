"""File of the server that is being read.

Files that are only on the server: authors' example files, and some results.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import requests
from urllib3.exceptions import HTTPError

from comfy.base.errors import ComfyError, ServerUnreachable
from comfy.base.messages import message
from comfy.comfyui.protocol.outputs import OutputFile

_PART = 65536  # bytes
_DIGITS = 15  # maximum digits of a plausible file size; a server may send any number


class FileResponse:
    """Open answer of `/view`, to be read once."""

    def __init__(self, response: requests.Response) -> None:
        self._response = response
        self.status: int = response.status_code
        self.headers: Mapping[str, str] = response.headers
        content_length = response.headers.get("content-length", "")
        is_size = content_length.isdecimal() and len(content_length) <= _DIGITS
        self.size: int | None = int(content_length) if is_size else None  # bytes, None if unknown

    def iter_bytes(self) -> Iterator[bytes]:
        """Yield the body as received, without decoding. Raises ServerUnreachable if it breaks
        off."""
        try:
            yield from self._response.raw.stream(_PART, decode_content=False)
        except (HTTPError, OSError) as error:
            raise ServerUnreachable(
                message("The download from the server was cut off."), message("Try again.")
            ) from error


def view_request(
    file: OutputFile, range_header: str | None, *, preview: bool
) -> tuple[str, Mapping[str, Any]]:
    """Return the path and the options of a request for a file, or for its preview."""
    part = {"Range": range_header} if range_header else {}
    headers = {"Accept-Encoding": "identity", **part}
    if preview:
        return f"/api/assets/{file.preview_id}/content", {"headers": headers}
    params = {"filename": file.filename, "subfolder": file.subfolder, "type": file.type}
    if file.channel:
        params["channel"] = file.channel
    return "/view", {"params": params, "headers": headers}


class ViewFile(Protocol):
    """Type of `Client.view` and `ServerPool.view`."""

    def __call__(
        self, file: OutputFile, *, range_header: str | None = None
    ) -> AbstractContextManager[FileResponse]:
        """Open one file of the server, or the part of it in `range_header`."""


@dataclass(frozen=True, slots=True)
class ServerFiles:
    """Files on the servers."""

    view: ViewFile

    def copy(self, file: OutputFile, to: Path, *, most: int) -> None:
        """Save a file of at most this many bytes at this path, completely or not at all.

        Raises ComfyError if it is unavailable or larger, OSError if it can't be written.
        """
        part = to.with_name(f"{secrets.token_hex(4)}.part")
        try:
            with self.view(file) as answer, part.open("wb") as kept:
                for chunk in answer.iter_bytes():
                    if kept.tell() + len(chunk) > most:
                        raise ComfyError(message("The file is too large to display."))
                    kept.write(chunk)
            part.replace(to)
        finally:
            part.unlink(missing_ok=True)
