"""Which runs the texts came from that people have put into fields: the page knows, and tells it
with whatever a form starts."""

from __future__ import annotations

import gradio as gr

from ui.page.script_files import listener

_MOST = 16  # as ui/page/script/stage/text_sources.js keeps
# What tells it as the first input of a call, in the place of an empty component.
WITH_TEXT_SOURCES = listener("stage/text_sources.js", "withTextSources(values)", "...values")


def draw_text_sources() -> gr.JSON:
    """The component in whose place it is told. None of it is seen."""
    return gr.JSON(visible=False)


def text_sources_in(told: object) -> tuple[str, ...]:
    """The ids of the runs in what a browser tells: whose runs they are is not known yet."""
    ids = told if isinstance(told, list) else []
    return tuple(dict.fromkeys(one for one in ids[:_MOST] if isinstance(one, str)))
