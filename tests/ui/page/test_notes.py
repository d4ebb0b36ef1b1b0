"""The form's notes above its fields."""

from __future__ import annotations

import gradio as gr

from comfy.workflow.config import parse_config
from tests.support.samples.forms import form_of, text_to_image, with_values
from ui.page.form.panel import draw_notes


def test_the_demo_notes_replaced_settings() -> None:
    """It has the real samplers, so that another one would change the results."""
    form = form_of(with_values(text_to_image(), "3", sampler_name="gone"))
    with gr.Blocks() as page:
        draw_notes(form, {}, demo=True)
    (drawn,) = (one.value for one in page.blocks.values() if isinstance(one, gr.HTML))
    assert "“gone” isn&#x27;t offered here." in drawn


def test_the_demo_notes_texts_for_other_programs() -> None:
    """It leaves out notes about models, which its own ones stand for."""
    said = {}
    for model in ("tiny_sd15.safetensors", "gone.safetensors"):
        prompt = with_values(text_to_image(), "4", ckpt_name=model)
        config = parse_config("x", {"fields": {"4.ckpt_name": {"closest": True}}})
        form = form_of(with_values(prompt, "6", text="%prompt%"), config)
        for demo in (True, False):
            with gr.Blocks() as page:
                draw_notes(form, {}, demo=demo)
            (drawn,) = (one.value for one in page.blocks.values() if isinstance(one, gr.HTML))
            said[model, demo] = drawn.count("<p>")
    assert said == {
        ("tiny_sd15.safetensors", True): 1,
        ("tiny_sd15.safetensors", False): 1,
        ("gone.safetensors", True): 1,
        ("gone.safetensors", False): 2,
    }
