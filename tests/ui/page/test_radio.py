"""Radio buttons, for choices that an author wants to keep in view."""

from __future__ import annotations

from dataclasses import replace

import gradio as gr
import pytest

from comfy.form.check import check
from comfy.form.kinds.registry import KINDS
from comfy.form.model import Field, Form
from comfy.workflow.config import FormConfig, parse_config
from tests.support.samples.forms import form_of, text_to_image
from ui.page.form.arrangement import build_control
from ui.page.form.tools import varied_field

SAMPLER = "3.sampler_name"


def toml(key: str) -> FormConfig:
    """Return the config of a TOML file that requests radio buttons."""
    return parse_config("x.toml", {"fields": {key: {"widget": "radio"}}})


def radio(form: Form) -> tuple[Field, Form]:
    """Return a choice of the form as radio buttons, and the form with that field only."""
    field = replace(form.field(SAMPLER), kind=KINDS["radio"])
    return field, replace(form, fields=(field,))


def test_an_author_gets_radio_buttons() -> None:
    """A choice becomes radio buttons if the TOML file says so. A number doesn't."""
    form = form_of(text_to_image(), config=toml(SAMPLER))
    assert (form.field(SAMPLER).widget, form.problems) == ("radio", ())
    assert form.field(SAMPLER).choices
    wrong = form_of(text_to_image(), config=toml("3.steps"))
    assert "asks for “radio”, but this field is INT" in " ".join(wrong.problems)


def test_no_input_has_radio_buttons_by_itself() -> None:
    """The server's list becomes a dropdown."""
    assert form_of(text_to_image()).field(SAMPLER).widget == "dropdown"


@pytest.mark.parametrize(("value", "is_right"), [("euler", True), ("gone", False), (None, False)])
def test_a_value_must_be_offered(value: object, is_right: bool) -> None:
    """The form checks the value, because programs can send anything."""
    _, form = radio(form_of(text_to_image()))
    assert (check(form, {SAMPLER: value})[1] == {}) is is_right


def test_all_choices_are_in_view() -> None:
    """The component lists all choices, including a value that the server lacks."""
    field, form = radio(form_of(text_to_image()))
    with gr.Blocks(analytics_enabled=False):
        (shown,) = build_control(field, "gone").components
    assert isinstance(shown, gr.Radio)
    assert shown.choices[-1] == ("Not available: gone", "gone")
    assert varied_field(form, field)["several"] == "choices"
