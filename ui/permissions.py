"""Who may bring workflows to the app, what those may use, and who may add them to the folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from comfy.errors import ComfyError, WorkflowError
from comfy.workflow import Prompt
from ui.settings import Settings

SHOWN = 3  # node classes that a refusal names


def _anybody(owner: str) -> bool:
    return True


def _nobody(owner: str) -> bool:
    return False


@dataclass(frozen=True)
class Permissions:
    """Each asks for a person, as `Identity.owner` names them.

    `open`: may bring workflows of their own. `keep`: may add those to the folder, for everybody. `trusts`: what they
    bring counts as the operator's, so it may name files of the server's; only people who keep are trusted, and of these
    operators alone where others can reach the app or people log in. `nodes`: the classes that opened workflows may use,
    None = any.
    """

    open: Callable[[str], bool] = _anybody
    keep: Callable[[str], bool] = _nobody
    trusts: Callable[[str], bool] = _nobody
    nodes: frozenset[str] | None = None

    def check_open(self, owner: str) -> None:
        """WorkflowError unless this person may open workflows."""
        if not self.open(owner):
            raise WorkflowError(
                "This app does not open workflows that people bring.",
                "Choose one from the list, or ask whoever runs it to add the file.",
            )

    def check_keep(self, owner: str) -> None:
        """WorkflowError unless this person may add workflows to the folder."""
        self.check_open(owner)
        if not self.keep(owner):
            raise WorkflowError("This app does not take new workflows.", "Ask whoever runs it to add the file.")

    def check_nodes(self, prompt: Prompt) -> None:
        """WorkflowError where an opened workflow uses classes that it may not."""
        if self.nodes is None:
            return
        others = sorted({node["class_type"] for node in prompt.values()} - self.nodes)
        if others:
            more = f" and {len(others) - SHOWN} more" if len(others) > SHOWN else ""
            named = ", ".join(f"“{one[:80]}”" for one in others[:SHOWN])
            raise WorkflowError(
                f"Workflows that are opened here may not use {named}{more}.",
                "Ask whoever runs this app to add the workflow, or to allow these nodes.",
            )


def permissions_of(settings: Settings) -> Permissions:
    """What the settings say. ComfyError where the list of node classes cannot be read or names none."""

    alone = settings.only_this_machine and not settings.users

    def keep(owner: str) -> bool:
        return settings.permits(settings.keep, owner)

    def trusts(owner: str) -> bool:
        return keep(owner) and (alone or settings.permits("operators", owner))

    nodes = read_nodes(settings.open_nodes) if settings.open_nodes else None
    return Permissions(lambda owner: settings.permits(settings.open, owner), keep, trusts, nodes)


def read_nodes(path: Path) -> frozenset[str]:
    """Node classes, one a line; `#` begins a comment. ComfyError where the file cannot be read or names none."""
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ComfyError(f"--open-nodes: {path} cannot be read.", "Give a text file, one class a line.") from error
    nodes = frozenset(name for line in lines if (name := line.partition("#")[0].strip()))
    if not nodes:
        raise ComfyError(f"--open-nodes: {path} names no node class.", "Write one a line, as in the API format.")
    return nodes
