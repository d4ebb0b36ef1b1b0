"""Chooser of workflows as a component: a button with the title of the open workflow, and a panel
with all workflows that the user can search.

    with gr.Blocks() as page:
        chooser = WorkflowChooser(Offer((WorkflowChoice("boats", "Boats"),), "boats"))
        chooser.select(lambda name: print(name), chooser)

Python sets an `Offer` and gets the name of the chosen workflow. If the component is `live`, the
script of this app's page marks the workflows that were used last, their results, and those that
can't run here (`ui.api.workflows`). The page needs `ui.page.script_files.script_routes`.

Workflow that the page opens with.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import gradio as gr
from pydantic import TypeAdapter

from comfy.library.folder import FolderEntry
from comfy.workflow.model import Workflow
from ui.gradio.internals import WithoutStub
from ui.library import WorkflowLibrary
from ui.page.script_files import mounts
from ui.page.style_text import component_styles


@dataclass(frozen=True, slots=True)
class WorkflowChoice:
    """Workflow to choose. `group`: its heading; `own`: only this user has it; `thumb`: the URL of
    an example image; `note`: a remark before the choice."""

    name: str
    title: str
    description: str = ""
    group: str = "Workflows"
    own: bool = False
    thumb: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Offer:
    """Choices, and the current name or None."""

    choices: tuple[WorkflowChoice, ...] = ()
    name: str | None = None


class WorkflowChooser(gr.HTML, metaclass=WithoutStub):
    """Component to choose a workflow.

    Value: an `Offer`; as an input the chosen name, or None. Event: `select`, with `gr.SelectData`'s
    values (`index` of the choice, `value` the name).
    """

    def __init__(
        self,
        value: Offer | Callable[..., Offer] | None = None,
        *,
        live: bool = False,
        **options: Any,
    ) -> None:
        self.live = live
        super().__init__(
            value,
            html_template='<div class="chooser"></div>',
            js_on_load=mounts(
                "form/live_chooser.js" if live else "components/chooser.js", ("select",)
            ),
            css_template="" if live else component_styles("picker"),
            apply_default_css=False,
            **options,
        )

    def postprocess(self, value: Offer | None) -> dict[str, Any]:  # type: ignore[override]
        """Return the offer in the browser's format."""
        return asdict(value or Offer())

    def preprocess(self, payload: object) -> str | None:
        """Return the chosen name; the listener checks that it exists."""
        match payload:
            case {"name": str(name)} | str(name) if name:
                return name
        return None

    def api_info(self) -> dict[str, Any]:
        """Return the JSON schema of the chosen name."""
        return _CHOSEN

    def api_info_as_output(self) -> dict[str, Any]:
        """Return the JSON schema of the offer."""
        return _OFFER

    def example_payload(self) -> str:
        return "text-to-image"

    def example_value(self) -> Offer:
        """Return an example offer with one workflow, which is chosen."""
        return Offer((WorkflowChoice("text-to-image", "Text to image"),), "text-to-image")


# Computed once, because Gradio requests them repeatedly.
_CHOSEN = TypeAdapter(str | None).json_schema()
_OFFER = TypeAdapter(Offer).json_schema()
_MOST_WITHOUT_START = 12  # workflows; with more, the page starts with an overview of them


@dataclass(frozen=True, slots=True)
class Opening:
    """The workflows that a user can open: the shared ones, and those that only this user has."""

    entries: Sequence[FolderEntry]
    opened: Sequence[Workflow]

    @classmethod
    def of(cls, library: WorkflowLibrary, person: str) -> Opening:
        return cls(library.entries(person), library.forms.opened_by(person))

    def starts(self, *, maybe_gone: bool) -> bool:
        """Return whether the page begins with the overview of all workflows."""
        return maybe_gone and len(self.entries) > _MOST_WITHOUT_START

    def name(self, wanted: str, *, maybe_gone: bool) -> str:
        """Return the wanted workflow, or the first one without it; "" without workflows.
        `maybe_gone`: the wanted one isn't from the URL but was used last, and may be missing or
        broken now."""
        names = [one.name for one in self.entries] + [one.name for one in self.opened]
        broken = {one.name for one in self.entries if one.problem}
        if wanted and not (maybe_gone and wanted not in {*names} - broken):
            return wanted
        return names[0] if names else ""
