"""Interface of prompts that programs send, and of the files that they name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from comfy.base.errors import ComfyError
from comfy.runs.interface import Origin, Run


class PromptRefused(ComfyError):
    """A prompt that ComfyUI refuses. `error`, `node_errors`: as in the answer of its `/prompt`."""

    def __init__(
        self,
        type_: str,
        message: str,
        details: str = "",
        extra_info: Mapping[str, Any] | None = None,
        node_errors: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        info = dict(extra_info or {})
        told = {"type": type_, "message": message, "details": details, "extra_info": info}
        self.error: dict[str, Any] = told
        self.node_errors = dict(node_errors or {})


class SentPrompts(Protocol):
    """Accepts prompts and their files. Files have the names that ComfyUI would give them, such as
    `cat.png`. All methods but `is_one` block. Thread-safe."""

    def is_one(self, owner: str) -> bool:
        """Return whether an owner is one user, not all callers without an identity."""

    def start(self, sent: Mapping[str, Any], origin: Origin) -> tuple[Run, Mapping[str, Any]]:
        """Start the run of the body of a `/prompt`. Return it with ComfyUI's `node_errors` about
        outputs that are left out. Raises PromptRefused, and ComfyError like `Starter.submit`."""

    def keep(self, owner: str, name: str, content: BinaryIO) -> str:
        """Store a file, and return its name, which may differ. Raises HTTPException for a file or
        a name that can't be used, and NotWritten."""

    def uploads(self, owner: str) -> Sequence[Path]:
        """Return the owner's stored files, which have their names in prompts."""

    def remove(self, owner: str, name: str) -> None:
        """Delete a stored file of the owner."""
