"""A form with one file, as a browser sends it (multipart/form-data), which is never in memory as a
whole."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import BinaryIO

from urllib3.filepost import choose_boundary, encode_multipart_formdata

_CHUNK = 1024 * 1024  # bytes


class FileForm:
    """The body of a request, of known length. `kind`: its content type."""

    def __init__(self, fields: Mapping[str, str], filename: str, file: BinaryIO) -> None:
        boundary = choose_boundary()
        whole, self.kind = encode_multipart_formdata({**fields, "image": (filename, b"")}, boundary)
        self._end = f"\r\n--{boundary}--\r\n".encode()
        self._beginning = whole.removesuffix(self._end)
        self._file = file
        self._size = file.seek(0, os.SEEK_END)

    def __len__(self) -> int:
        return len(self._beginning) + self._size + len(self._end)

    def __iter__(self) -> Iterator[bytes]:
        yield self._beginning
        self._file.seek(0)
        while chunk := self._file.read(_CHUNK):
            yield chunk
        yield self._end
