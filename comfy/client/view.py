"""A file of the server while it is read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from urllib3 import BaseHTTPResponse
from urllib3.exceptions import HTTPError

from comfy.errors import ServerUnreachable
from comfy.messages import message


class FileResponse:
    """An open answer of `/view`, to be read once."""

    def __init__(self, response: BaseHTTPResponse) -> None:
        self._response = response
        self.status: int = response.status
        self.headers: Mapping[str, str] = response.headers

    def iter_bytes(self, size: int = 65536) -> Iterator[bytes]:
        """The body as it comes, undecoded; ServerUnreachable if it breaks off."""
        try:
            yield from self._response.stream(size, decode_content=False)
        except (HTTPError, OSError) as error:
            raise ServerUnreachable(
                message("The file broke off while it came from the server."), message("Try again.")
            ) from error
