"""Prompts and their files, for the APIs of other plugins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from fastapi import HTTPException

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
            return self._files.keep(owner, FileName.read(name), content, overwrite=False)
        except ValueError:
            raise HTTPException(422, "This is not the name of a file.") from None

    def uploads(self, owner: str) -> Sequence[Path]:
        return self._files.inputs(owner)

    def remove(self, owner: str, name: str) -> None:
        self._files.remove(owner, FileName.read(name))
