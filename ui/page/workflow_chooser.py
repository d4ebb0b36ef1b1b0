"""The list of workflows as a component: a button with the title of the one that is open, and a
panel with all of them, to be searched by typing.

    with gr.Blocks() as page:
        chooser = WorkflowChooser(Offer((WorkflowChoice("boats", "Boats"),), "boats"))
        chooser.select(lambda name: print(name), chooser)

The value that Python gives is an `Offer`, the one it gets is the name that was chosen. Where the
component is `live`, the script of this app's page adds which ones were used last, what comes of
each and which cannot run here (`ui.routes.workflows`). The page needs
`ui.page.script_files.script_routes`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import gradio as gr
from pydantic import TypeAdapter

from ui.gradio.internals import WithoutStub
from ui.page.script_files import mounts

_STYLE = Path(__file__).parent / "styles" / "chooser.css"


@dataclass(frozen=True, slots=True)
class WorkflowChoice:
    """One workflow to choose: `group` is the heading it stands under, `own` that only this person
    has it. `thumb`: the address of an image of what comes out; `note`: what is to be known before
    it is chosen."""

    name: str
    title: str
    description: str = ""
    group: str = "Workflows"
    own: bool = False
    thumb: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Offer:
    """What can be chosen, and the name of what is chosen now, None where nothing is."""

    choices: tuple[WorkflowChoice, ...] = ()
    name: str | None = None


class WorkflowChooser(gr.HTML, metaclass=WithoutStub):
    """Chooses a workflow.

    Value: an `Offer`; as an input the name that is chosen, None where nothing is. Event: `select`,
    with what `gr.SelectData` has (`index` among the choices, `value` the name).
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
            css_template=_STYLE.read_text(encoding="utf-8"),
            apply_default_css=False,
            **options,
        )

    def postprocess(self, value: Offer | None) -> dict[str, Any]:  # type: ignore[override]
        """The offer as the browser takes it."""
        return asdict(value or Offer())

    def preprocess(self, payload: object) -> str | None:
        """What is chosen: whether there is such a workflow is for the caller of this to ask."""
        match payload:
            case {"name": str(name)} | str(name) if name:
                return name
        return None

    def api_info(self) -> dict[str, Any]:
        """What is chosen, as a JSON schema."""
        return _CHOSEN

    def api_info_as_output(self) -> dict[str, Any]:
        """What is offered, as a JSON schema."""
        return _OFFER

    def example_payload(self) -> str:
        """The name of a workflow."""
        return "text-to-image"

    def example_value(self) -> Offer:
        """One workflow, which is chosen."""
        return Offer((WorkflowChoice("text-to-image", "Text to image"),), "text-to-image")


# Gradio asks for these again and again.
_CHOSEN = TypeAdapter(str | None).json_schema()
_OFFER = TypeAdapter(Offer).json_schema()
