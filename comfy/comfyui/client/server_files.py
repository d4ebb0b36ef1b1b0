"""Files that are only on the server: authors' example files, and some results."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path

from comfy.base.errors import ComfyError
from comfy.base.messages import message
from comfy.comfyui.client.view import ViewFile
from comfy.comfyui.protocol.outputs import OutputFile


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
