"""The places of the lists of the user's own runs. The page's script fills them in, with its own
socket (`ui.sockets.page_socket`) and the API (`ui.api.history`, `ui.api.runs`)."""

from __future__ import annotations

import gradio as gr

from comfy.base.messages import message
from ui.gradio.internals import model_viewer
from ui.page.script_files import calls, mounts


def draw_batches() -> None:
    """Draw the user's batches: a card per active batch, the sheet of an opened batch, and the Vary
    dialog."""
    gr.HTML(
        html_template='<section class="batches"></section>',
        js_on_load=mounts("batches/live_batches.js", (), viewer=model_viewer()),
        apply_default_css=False,
        elem_id="batches",
    )


def draw_queue() -> None:
    """Draw the runs that are active or waiting, in queue order, and those that failed while the
    page showed another one."""
    gr.HTML(
        label=message("Unfinished runs"),
        html_template='<section class="queue" aria-label="${label}" hidden></section>',
        js_on_load=calls("runs/live_queue.js", "mount(element)"),
        apply_default_css=False,
        elem_id="queue",
    )


def draw_history() -> None:
    """Draw the ended runs, newest first, which the user can search and view again."""
    gr.HTML(
        label=message("History"),
        html_template='<section class="history" aria-label="${label}" hidden></section>',
        js_on_load=mounts("runs/live_history.js", (), viewer=model_viewer()),
        apply_default_css=False,
        elem_id="history",
    )
