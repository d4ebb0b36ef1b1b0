"""Row of tools below a form, and the reset to its author's values."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import gradio as gr
from gradio.components import Component

from comfy.base.messages import message
from comfy.launch.uploads import Refused
from comfy.library.private import MARK as OPENED_MARK
from ui.gradio.event_options import QUIET
from ui.gradio.internals import root_of
from ui.page.form.first_values import authors_value, choice_of
from ui.page.form.kinds.view import Control
from ui.page.form.sources import FormSources
from ui.page.script_files import calls, listener


def draw_tools(
    sources: FormSources,
    name: str,
    opened: gr.JSON,
    controls: tuple[Control, ...],
    owner: Callable[[gr.Request], str],
    *,
    missing: bool,
) -> None:
    """Draw the tools: restore the author's values, reload the model lists, and copy a link to the
    form as filled in."""
    lists = missing or any(control.field.is_choice for control in controls)
    with gr.Row(elem_id="tools"):
        _draw_reset(sources, opened, controls, owner)
        link = gr.Button(
            message("Copy link"),
            size="sm",
            elem_classes="quiet",
            elem_id="copy-link",
            min_width=80,
            visible=not name.startswith(OPENED_MARK),  # the link would fail for other users
        )
        refresh = gr.Button(
            message("Reload models"), size="sm", elem_classes="quiet", min_width=90, visible=lists
        )
        if sources.runs.history is not None:
            gr.HTML(
                elem_id="presets",
                js_on_load=calls(
                    "components/presets.js", f"mountPresets(element, {json.dumps(name)})"
                ),
            )

    def read_again(wanted: dict[str, Any]) -> dict[str, Any]:
        sources.library.forms.catalog.get(refresh=True)
        return choice_of(name, wanted)

    refresh.click(read_again, opened, opened, js=listener("form/form.js", "wanted()"), **QUIET)
    link.click(
        None, js=listener("form/form.js", f"copyLink({json.dumps(name)})"), api_visibility="private"
    )


def _draw_reset(
    sources: FormSources,
    opened: gr.JSON,
    controls: tuple[Control, ...],
    owner: Callable[[gr.Request], str],
) -> None:
    """Draw Reset. It restores the author's values: all, or one field's at the script's request."""
    reset = gr.Button(message("Reset"), size="sm", elem_classes="quiet", min_width=60)
    reset_field = gr.Button("", elem_id="reset-one", visible="hidden")

    def put_back(keys: list[str], request: gr.Request) -> dict[Component, Any]:
        files = sources.copies.files_of(owner(request), root_of(request))
        shown: dict[Component, Any] = {}
        for control in controls:
            if control.field.key in keys:
                value = authors_value(sources.copies, control.field, files)
                parts = control.show(None if isinstance(value, Refused) else value)
                shown |= dict(zip(control.components, parts, strict=True))
        return shown

    components = [component for control in controls for component in control.components]
    if not components:
        return
    keys = json.dumps([control.field.key for control in controls])
    remember = listener("form/reset.js", "rememberValues()")
    for button, wanted in ((reset, f"fieldsToReset({keys})"), (reset_field, "fieldsToReset()")):
        button.click(None, js=remember, api_visibility="private")
        button.click(put_back, opened, components, js=listener("form/reset.js", wanted), **QUIET)
