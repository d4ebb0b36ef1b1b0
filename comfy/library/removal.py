"""Removal of workflows that users added to the folder."""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import dataclass
from pathlib import Path

from comfy.base.errors import ComfyError, WorkflowNotFound, words_of
from comfy.base.messages import message
from comfy.library.folder import workflow_file
from comfy.library.permissions import Permissions
from comfy.records.added_workflows import AddedWorkflows
from comfy.workflow.cover import made_cover_of

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Removal:
    """Removal of workflows and chains that users added to `folder` on the page.

    The user who added a workflow and administrators may remove it. An author's files, and added
    workflows whose own file was edited, are never removed. A TOML file and a cover, which the form
    editor or an author added, are removed with their workflow. `added`: the owners of added
    workflows, or None without a database. The last field is the owner shared by users without
    identity, whose workflows only administrators may remove. Thread-safe.
    """

    folder: Path
    added: AddedWorkflows | None
    permissions: Permissions
    nobody: str = ""

    def note_added(self, owner: str, name: str) -> None:
        """Remember which user has just added the workflow `name`. If that fails, log it; the
        workflow can then only be removed by hand."""
        if self.added is None:
            return
        try:
            self.added.note(owner, name, _content(self._files(name)))
        except (ComfyError, OSError) as problem:
            log.warning("Can't remember who added %r: %s", name, problem)

    def may_remove(self, owner: str, name: str) -> bool:
        """Return whether this user may remove `name` from the folder."""
        try:
            return self._removable(owner, name) is not None
        except (ComfyError, OSError):
            return False

    def remove(self, owner: str, name: str) -> None:
        """Remove `name` from the folder for all users; its runs and results stay.

        Raises WorkflowError if this user may not remove it, ComfyError if its files can't be
        deleted.
        """
        try:
            content = self._removable(owner, name)
            if content is None or self.added is None:
                raise WorkflowNotFound(
                    message("This workflow can't be removed here."),
                    message("Ask the administrator."),
                )
            # Delete `.toml` files last: if the loop is interrupted, the remaining files aren't a
            # workflow.
            for file in sorted(self._files(name), key=lambda file: file.suffix == ".toml"):
                file.unlink(missing_ok=True)
        except OSError as error:
            log.warning("The workflow %r cannot be removed: %s", name, words_of(error))
            raise ComfyError(
                message("This workflow can't be removed here."),
                message("Ask the administrator."),
            ) from error
        self.added.forget(name, content)

    def _removable(self, owner: str, name: str) -> str | None:
        """Return the recorded digest of the files of `name`; None if this user may not remove it or
        the files have changed."""
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
        """Return all files of the folder with this name and any extension, and covers that the form
        editor made. Raises OSError."""
        named = (
            file
            for file in self.folder.iterdir()
            if file.stem == name or made_cover_of(file) == name
        )
        return sorted(file for file in named if file.is_file())


def _content(files: list[Path]) -> str:
    """Return a digest of the workflow's file, or of a chain's files: names and contents. Raises
    OSError."""
    own = workflow_file(file for file in files if made_cover_of(file) is None)
    entries = [
        [file.name, hashlib.sha256(file.read_bytes()).hexdigest()]
        for file in ([own] if own else files)
    ]
    return hashlib.sha256(json.dumps(entries).encode()).hexdigest()
