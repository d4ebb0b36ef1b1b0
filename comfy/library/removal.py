"""Removal of workflows that users added to the folder."""

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
    """Removes workflows and chains that were added on the page from `folder`, for the user who
    added them and for administrators. It never removes an author's files, or an added workflow
    that was edited by hand. `added`: the owners of added workflows, or None without a database;
    `nobody`: the owner shared by users without identity.

    Thread-safe.
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
        """Tell if this user may remove `name` from the folder."""
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
                    message("Ask the administrator."),
                )
            # If this is interrupted, the rest isn't a workflow.
            for file in sorted(self._files(name), key=lambda file: file.suffix == ".toml"):
                file.unlink(missing_ok=True)
        except OSError as error:
            raise ComfyError(
                message("The workflow can't be removed: {why}.", why=words_of(error)),
                message("Ask the administrator."),
            ) from error
        self.added.forget(name, content)

    def _removable(self, owner: str, name: str) -> str | None:
        """Return the files of `name` as they were added; None if this user may not remove it."""
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
        """Return all files of the folder with this name and any extension. OSError."""
        named = (file for file in self.folder.iterdir() if file.stem == name)
        return sorted(file for file in named if file.is_file())


def _content(files: list[Path]) -> str:
    """Return the identity of the files: a digest of names and contents. OSError."""
    told = [[file.name, hashlib.sha256(file.read_bytes()).hexdigest()] for file in files]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()
