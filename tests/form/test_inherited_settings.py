"""Settings that a TOML file lacks come from other programs' conventions and the App."""

from __future__ import annotations

from typing import Any

import pytest

from comfy.form.build import build_form
from comfy.form.model import Field
from comfy.workflow.config import FieldConfig, FormConfig
from comfy.workflow.model import App, ShownInput, Workflow
from tests.support.samples.forms import (
    form_of,
    node,
    parse_workflow,
    small_catalog,
    text_to_image,
    titled,
    with_values,
)

SWARM = {"value": 12, "min": 2, "max": 40, "step": 1, "view_max": 30, "view_type": "slider"}
SWARM_STEPS = node("SwarmInputInteger", title="Steps to take", description="Anything", **SWARM)


def told(field: Field) -> tuple[object, ...]:
    return (
        *(field.label, field.tooltip, field.widget, field.required, field.default),
        *(field.min, field.max, field.step, field.choices),
    )


@pytest.mark.parametrize(
    ("prompt", "key"),
    [
        (titled(text_to_image(), n6="$prompt.text!:What to draw"), "6.text"),
        (with_values(text_to_image(n20=SWARM_STEPS), "3", steps=["20", 0]), "20.value"),
        (with_values(text_to_image(), "6", text="PARAM_PROMPT"), "6.text"),
        (with_values(text_to_image(), "3", cfg="${guidance:6.5}"), "3.cfg"),
    ],
    ids=["pixelle", "swarmui", "placeholder", "placeholder with a default"],
)
def test_a_toml_file_keeps_the_settings_of_conventions(prompt: dict[str, Any], key: str) -> None:
    """A table without settings changes nothing but the source. Its own settings come first."""
    before = form_of(prompt).field(key)
    listed = form_of(prompt, FormConfig(fields=(FieldConfig(key),))).field(key)
    assert (told(listed), listed.source) == (told(before), "toml")
    named = form_of(prompt, FormConfig(fields=(FieldConfig(key, "Mine", "Help"),))).field(key)
    assert (named.label, named.tooltip, told(named)[2:]) == ("Mine", "Help", told(before)[2:])


def test_a_toml_file_keeps_the_limits_of_an_app() -> None:
    """The file names the field and sets one limit; the App sets the others."""
    shown = ShownInput((("3", "steps"),), "How long", min=2, max=30)
    config = FormConfig(fields=(FieldConfig("3.steps", label="Mine", max=25),))
    prompt = parse_workflow("sample", text_to_image()).prompt
    workflow = Workflow("sample", prompt, None, config, app=App((shown,)))
    field = build_form(workflow, small_catalog()).field("3.steps")
    assert (field.label, field.min, field.max) == ("Mine", 2, 25)
