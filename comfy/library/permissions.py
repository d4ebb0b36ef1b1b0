"""Permissions of users: open workflows, add them to the folder, set the author's inputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from comfy.base.errors import WorkflowError
from comfy.base.messages import listed, message
from comfy.base.wording import quoted
from comfy.comfyui.object_info import NodeSpec
from comfy.prompt.model import Prompt
from comfy.workflow.model_savers import model_savers

_ALLOW_NODES = message("Ask the administrator to add the workflow or to allow these nodes.")
_NAMED = 3  # most node classes to list in a refusal


def _everybody(_owner: str) -> bool:
    return True


def _nobody(_owner: str) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Permissions:
    """Predicates on a user, who is identified by the `owner` of their runs.

    `open`: may open their own workflows. `gallery`: may open the templates of the ComfyUI
    servers. `keep`: may add workflows to the folder for all users.
    `trusts`: their workflows count as the administrator's, so they may name server files. Only
    users with `keep` are trusted, and only administrators if other machines reach the app or users
    sign in. `edits`: may set every input of any workflow, including names of server files; for
    shell users. `operates`: is an administrator. `nodes`: the classes that opened workflows may
    use, None for any.
    """

    open: Callable[[str], bool] = _everybody
    gallery: Callable[[str], bool] = _nobody
    keep: Callable[[str], bool] = _nobody
    trusts: Callable[[str], bool] = _nobody
    edits: Callable[[str], bool] = _nobody
    operates: Callable[[str], bool] = _nobody
    nodes: frozenset[str] | None = None

    @classmethod
    def of_a_shell(cls) -> Permissions:
        """Return the permissions of a shell user, who may do everything."""
        return cls(_everybody, _everybody, _everybody, _everybody, _everybody, _everybody)

    def check_open(self, owner: str) -> None:
        """Raise WorkflowError unless this user may open workflows."""
        if not self.open(owner):
            raise WorkflowError(
                message("Opening your own workflows is turned off."),
                message("Ask the administrator."),
            )

    def check_gallery(self, owner: str) -> None:
        """Raise WorkflowError unless this user may open templates."""
        if not self.gallery(owner):
            raise WorkflowError(
                message("Templates are turned off."),
                message("Ask the administrator."),
            )

    def check_own(self, owner: str) -> None:
        """Raise WorkflowError unless this user may have workflows that only they can see."""
        if not self.gallery(owner):
            self.check_open(owner)

    def check_keep(self, owner: str) -> None:
        """Raise WorkflowError unless this user may add workflows to the folder."""
        self.check_own(owner)
        if not self.keep(owner):
            raise WorkflowError(
                message("Adding workflows is turned off."),
                message("Ask the administrator."),
            )

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


def _not_used(nodes: str) -> str:
    return message("Workflows opened here can't use {nodes}.", nodes=nodes)
