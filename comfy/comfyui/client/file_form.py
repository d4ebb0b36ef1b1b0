"""Form with one file, as a browser sends it (multipart/form-data), streamed instead of held in
memory."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

from urllib3.filepost import choose_boundary, encode_multipart_formdata

from comfy.comfyui.client.http_errors import upload_too_large

# Larger bodies are compared with the server's limit first: a refusing server may cut the connection
# during the body, and then its reason gets lost.
ASK_BEFORE = 16 * 1024 * 1024
_CHUNK = 1024 * 1024  # bytes


class FileForm:
    """Request body of known length. `kind`: its content type."""

    def __init__(self, fields: Mapping[str, str], filename: str, file: BinaryIO) -> None:
        boundary = choose_boundary()
        whole, self.kind = encode_multipart_formdata({**fields, "image": (filename, b"")}, boundary)
        self._end = f"\r\n--{boundary}--\r\n".encode()
        self._beginning = whole.removesuffix(self._end)
        self._file = file
        self._size = file.seek(0, os.SEEK_END)

    def __len__(self) -> int:
        return len(self._beginning) + self._size + len(self._end)

    def check_size(self, features: Mapping[str, Any]) -> None:
        """Raise UploadRejected if these `/features` of the server announce a limit below this size
        (docs/comfyui.md#23)."""
        most = features.get("max_upload_size")
        if isinstance(most, int) and len(self) > most:
            raise upload_too_large(self._size, most)

    def __iter__(self) -> Iterator[bytes]:
        yield self._beginning
        self._file.seek(0)
        while chunk := self._file.read(_CHUNK):
            yield chunk
        yield self._end
