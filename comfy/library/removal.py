"""What people have added to the folder of workflows, they may remove again."""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import dataclass
from pathlib import Path

from comfy.base.errors import ComfyError, WorkflowNotFound, words_of
from comfy.base.messages import message
from comfy.library.permissions import Permissions
from comfy.records.added_workflows import AddedWorkflows

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Removal:
    """Takes workflows and chains out of `folder` that were added on the page: for whoever has added
    them, and for operators. What an author has put there by hand is never taken, nor what was added
    and is another one by now. `added`: who has added what, None where nothing is remembered;
    `nobody`: the owner whom strangers share.

    For any number of threads.
    """

    folder: Path
    added: AddedWorkflows | None
    permissions: Permissions
    nobody: str = ""

    def note_added(self, owner: str, name: str) -> None:
        """Remember who has just added what goes by `name`. Where that cannot be, the log says so,
        and it can only be removed by hand."""
        if self.added is None:
            return
        try:
            self.added.note(owner, name, _content(self._files(name)))
        except (ComfyError, OSError) as problem:
            log.warning("Who has added %r is not remembered: %s", name, problem)

    def may_remove(self, owner: str, name: str) -> bool:
        """Whether this person may take `name` out of the folder."""
        try:
            return self._removable(owner, name) is not None
        except (ComfyError, OSError):
            return False

    def remove(self, owner: str, name: str) -> None:
        """Take `name` out of the folder, for everybody; what was made with it stays.

        WorkflowError where this person may not, another ComfyError where its files stay.
        """
        try:
            content = self._removable(owner, name)
            if content is None or self.added is None:
                raise WorkflowNotFound(
                    message("This workflow can't be removed here."),
                    message("Ask the administrator to remove its file."),
                )
            # Should this be cut off, what is left is no workflow.
            for file in sorted(self._files(name), key=lambda file: file.suffix == ".toml"):
                file.unlink(missing_ok=True)
        except OSError as error:
            raise ComfyError(
                message("The workflow can't be removed: {why}.", why=words_of(error)),
                message("Ask the administrator."),
            ) from error
        self.added.forget(name, content)

    def _removable(self, owner: str, name: str) -> str | None:
        """What the files of `name` hold, as it was added; None where this person may not remove
        it."""
        if self.added is None:
            return None
        if self.permissions.operates(owner):
            content = self.added.content(name)
        elif owner == self.nobody:
            return None
        else:
            content = self.added.content(name, owner)
        return content if content and content == _content(self._files(name)) else None

    def _files(self, name: str) -> list[Path]:
        """All files of the folder with this name, whatever their endings. OSError."""
        named = (file for file in self.folder.iterdir() if file.stem == name)
        return sorted(file for file in named if file.is_file())


def _content(files: list[Path]) -> str:
    """What stands for the files: their names, and all that is in them. OSError."""
    told = [[file.name, hashlib.sha256(file.read_bytes()).hexdigest()] for file in files]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()
