"""Prompts and their files, for the APIs of other plugins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

from fastapi import HTTPException

from comfy.launch.sent_prompts import SentFile
from comfy.runs.interface import Origin, Run
from comfyforms.plugins.comfyui_api.files import FileName, OwnFiles
from comfyforms.plugins.comfyui_api.prompts import PromptCalls


@dataclass(frozen=True, slots=True)
class OfferedPrompts:
    """See `comfy.launch.sent_prompts.SentPrompts`."""

    calls: PromptCalls

    @property
    def _files(self) -> OwnFiles:
        return self.calls.files

    def is_one(self, owner: str) -> bool:
        return self._files.is_one(owner)

    def start(self, sent: Mapping[str, Any], origin: Origin) -> tuple[Run, Mapping[str, Any]]:
        return self.calls.start(sent, origin)

    def keep(self, owner: str, name: str, content: BinaryIO) -> str:
        try:
            read = FileName.read(name)
        except ValueError:
            raise HTTPException(422, "This is not the name of a file.") from None
        kept = self._files.keep(owner, read, content, overwrite=False)
        return f"{read.subfolder}/{kept}" if read.subfolder else kept

    def upload(self, owner: str, name: str) -> SentFile | None:
        path = self._files.upload(owner, FileName.read(name))
        return SentFile(path, self._files.digests.of(path)) if path else None

    def remove(self, owner: str, name: str) -> None:
        self._files.remove(owner, FileName.read(name))
