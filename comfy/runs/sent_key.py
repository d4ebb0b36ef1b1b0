"""The API key of a paid run, and its removal from everything that comes back for the run."""

from __future__ import annotations

import json
from collections.abc import Callable


class SentKey:
    """API key that a run is sent with. A node may repeat it in an error or a text, which users and
    backups must not get."""

    def __init__(self, read: Callable[[], str | None]) -> None:
        """`read`: returns the current key, None without one."""
        self._read = read
        self._texts: tuple[str, ...] = ()
        self._bytes: tuple[bytes, ...] = ()

    def read(self) -> str | None:
        """Return the key to send, and hide it from now on."""
        key = self._read()
        if key and key not in self._texts:
            # Also as JSON has it.
            self._texts = (*self._texts, key, json.dumps(key)[1:-1])
            self._bytes = tuple(text.encode() for text in self._texts)
        return key

    def hide_in_text(self, data: str) -> str:
        """Return a text from the server with "..." in place of the key."""
        for key in self._texts:
            data = data.replace(key, "...")
        return data

    def hide_in_bytes(self, data: bytes) -> bytes:
        """Return the server's data with dots in place of the key. The length stays, because binary
        frames tell where their image begins."""
        for key in self._bytes:
            data = data.replace(key, b"." * len(key))
        return data

    def hide_in_frame(self, frame: str | bytes) -> str | bytes:
        """Return a frame of the run's socket without the key."""
        return self.hide_in_text(frame) if isinstance(frame, str) else self.hide_in_bytes(frame)
