"""Permissions of users: open workflows, add them to the folder, set the author's inputs.

Removal of workflows that users added to the folder.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from comfy.base.errors import ComfyError, WorkflowError, WorkflowNotFound, words_of
from comfy.base.messages import listed, message, one_of, plural, sentences
from comfy.base.user_groups import GroupOf, UserGroup, no_groups
from comfy.base.wording import quoted
from comfy.comfyui.object_info import NodeSpec
from comfy.library.folder import workflow_file
from comfy.prompt.model import Prompt
from comfy.records.store import AddedWorkflows
from comfy.workflow.cover import made_cover_of
from comfy.workflow.sanitize import model_savers

_ALLOW_NODES = message("Ask the administrator to add the workflow or to allow these nodes.")
_NAMED = 3  # most node classes to list in a refusal
log = logging.getLogger(__name__)


def _everybody(_owner: str) -> bool:
    return True


def _nobody(_owner: str) -> bool:
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Permissions:
    """Predicates on a user, who is identified by the `owner` of their runs.

    `open`: may open their own workflows. `templates`: may open the templates of the ComfyUI
    servers. `keep`: may add workflows to the folder for all users.
    `trusts`: their workflows count as the administrator's, so they may name server files. Only
    users with `keep` are trusted, and only administrators if other machines reach the app or users
    sign in. `edits`: may set every input of any workflow, including names of server files; for
    shell users. `operates`: is an administrator. `nodes`: the classes that opened workflows may
    use, None for any. `group`: the groups of a user, which decide what exists for them; `groups`:
    all groups. `assignable`: names of groups that administrators can put users in. `accounts`:
    names of known users by owner.
    """

    open: Callable[[str], bool] = _everybody
    templates: Callable[[str], bool] = _nobody
    keep: Callable[[str], bool] = _nobody
    trusts: Callable[[str], bool] = _nobody
    edits: Callable[[str], bool] = _nobody
    operates: Callable[[str], bool] = _nobody
    nodes: frozenset[str] | None = None
    group: GroupOf = no_groups
    groups: tuple[UserGroup, ...] = ()
    assignable: tuple[str, ...] = ()
    accounts: Callable[[], Mapping[str, str]] = dict

    @classmethod
    def of_a_shell(cls) -> Permissions:
        """Return the permissions of a shell user, who may do everything."""
        may = _everybody
        return cls(templates=may, keep=may, trusts=may, edits=may, operates=may)

    def sees(self, owner: str, name: str) -> bool:
        """Return whether a workflow or chain of the folder exists for this user. All lists, forms
        and starts ask this."""
        group = self.group(owner)
        return group is None or group.sees(name)

    def check_sees(self, owner: str, name: str) -> None:
        """Raise the same WorkflowNotFound as for an unknown name unless this user sees it."""
        if not self.sees(owner, name):
            raise self.not_in_groups(owner, name)

    def not_in_groups(self, owner: str, name: str) -> WorkflowNotFound:
        """Return the error for a name that a user's groups don't have, whether it exists or not. It
        tells users with an account whom to ask."""
        accounts = self.accounts()
        named = [who for one, who in accounts.items() if self.operates(one)][:_NAMED]
        can_ask = owner in accounts and named
        return WorkflowNotFound(
            message("Your groups don't have the workflow {name}.", name=quoted(name)),
            message("Ask {name}.", name=one_of(named))
            if can_ask
            else message("Ask the administrator."),
        )

    def readers(self, owner: str, name: str) -> str:
        """Return who can use a workflow that this user adds under a name, and who can't."""
        with suppress(WorkflowError):
            name = "/".join(filter(None, (self.folder_for(owner, name), name)))
        groups = [one for group in self.groups if group.sees(name) for one in group.names]
        without = [who for one, who in self.accounts().items() if not self.sees(one, name)]
        if self.sees("", name) and not without:
            return message("Everyone here can use this workflow.")
        have = message("{groups} and administrators can use it.", groups=listed(groups))
        can = have if groups else message("Only administrators can use it.")
        if not without:
            return can
        first, *others = sorted(without)
        if not others:
            return sentences(can, message("{name} can't.", name=first))
        cannot = plural(
            "{name} and {count} other can't.",
            "{name} and {count} others can't.",
            count=len(others),
            name=first,
        )
        return sentences(can, cannot)

    def sees_template(self, owner: str, template: str) -> bool:
        group = self.group(owner)
        return group is None or group.sees_template(template)

    def check_open(self, owner: str) -> None:
        """Raise WorkflowError unless this user may open workflows."""
        if not self.open(owner):
            raise WorkflowError(
                message("Opening your own workflows is turned off."),
                message("Ask the administrator."),
            )

    def check_templates(self, owner: str) -> None:
        """Raise WorkflowError unless this user may open templates."""
        if not self.templates(owner):
            raise WorkflowError(
                message("Templates are turned off."),
                message("Ask the administrator."),
            )

    def check_own(self, owner: str) -> None:
        """Raise WorkflowError unless this user may have workflows that only they can see."""
        if not self.templates(owner):
            self.check_open(owner)

    def check_keep(self, owner: str) -> None:
        """Raise WorkflowError unless this user may add workflows to the folder."""
        self.check_own(owner)
        if not self.keep(owner):
            raise _no_adding()

    def folder_for(self, owner: str, name: str) -> str:
        """Return the subfolder for a workflow that this user adds under a name, "" for the top
        folder. Raises WorkflowError if the user would see it nowhere."""
        group = self.group(owner)
        below = "" if group is None else group.folder_for(name)
        if below is None:
            raise _no_adding()
        return below

    def check_adds(self, owner: str, name: str) -> None:
        """Raise WorkflowError unless this user would see a workflow of this name."""
        if not self.sees(owner, name):
            raise _no_adding()

    def may_shape(self, owner: str) -> bool:
        """Return whether this user may edit the forms of workflows in the folder that they see."""
        group = self.group(owner)
        return self.keep(owner) if group is None or group.edit is None else group.edit

    def check_shape(self, owner: str, name: str) -> None:
        """Raise WorkflowError unless this user may edit the form of this workflow in the folder."""
        self.check_sees(owner, name)
        group = self.group(owner)
        if group is None or group.edit is None:
            self.check_keep(owner)
        elif not group.edit:
            raise _no_adding()

    def check_nodes(self, prompt: Prompt) -> None:
        """Raise WorkflowError if an opened workflow uses node classes that aren't allowed."""
        if self.nodes is None:
            return
        others = sorted({node["class_type"] for node in prompt.values()} - self.nodes)
        if others:
            named = [quoted(one[:80]) for one in others[:_NAMED]]
            more = ["…"] * (len(others) > _NAMED)
            raise WorkflowError(_not_used(listed([*named, *more])), _ALLOW_NODES)

    def check_savers(self, prompt: Prompt, catalog: Mapping[str, NodeSpec]) -> None:
        """Raise WorkflowError if an opened workflow could fill the server's disk with models or
        latents. An allowlist of nodes turns the check off."""
        savers = model_savers(prompt, catalog) if self.nodes is None else ()
        if savers:
            raise WorkflowError(
                _not_used(quoted(catalog[savers[0]].display_name[:80])), _ALLOW_NODES
            )


def _no_adding() -> WorkflowError:
    return WorkflowError(
        message("Adding workflows is turned off."), message("Ask the administrator.")
    )


def _not_used(nodes: str) -> str:
    return message("Workflows opened here can't use {nodes}.", nodes=nodes)


@dataclass(frozen=True, slots=True)
class Removal:
    """Removal of workflows and chains that users added to `folder` on the page.

    The user who added a workflow and administrators may remove it. An author's files, and added
    workflows whose own file was edited, are never removed. A TOML file and a cover, which the form
    editor or an author added, are removed with their workflow. `added`: the owners of added
    workflows. The last field is the owner shared by users without
    identity, whose workflows only administrators may remove. Thread-safe.
    """

    folder: Path
    added: AddedWorkflows
    permissions: Permissions
    nobody: str = ""

    def note_added(self, owner: str, name: str) -> None:
        """Remember which user has just added the workflow `name`. If that fails, log it; the
        workflow can then only be removed by hand."""
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
            if content is None:
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
        if not self.permissions.sees(owner, name):
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
        below, _, stem = name.rpartition("/")
        named = (
            file
            for file in (self.folder / below).iterdir()
            if file.stem == stem or made_cover_of(file) == stem
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
