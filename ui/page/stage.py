"""The stage: shows a run, from the first preview to the result. The page's script fills it in. It
follows runs over their own socket (`ui.sockets.run_socket`)."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

import gradio as gr

from comfy.base.messages import message
from ui.gradio.internals import model_viewer
from ui.page.script_files import mounts


def draw_stage() -> gr.HTML:
    """Draw the stage. Its event `use` comes when the user wants a result as an input, with the
    `run`, the index of the file as `at`, and the element of the form's `field`; `refusal` answers
    it."""
    return gr.HTML(
        label=message("Result"),
        html_template='<div class="stage"></div>',
        js_on_load=mounts("components/stage.js", ("use",), viewer=model_viewer()),
        apply_default_css=False,
        elem_id="stage",
    )


def refusal(why: str = "", errors: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return a value of the stage that says why a result wasn't used. `errors`: messages by field
    key. The nonce makes an equal value new."""
    return {"nonce": secrets.token_hex(4), "message": why, "errors": errors or {}}
