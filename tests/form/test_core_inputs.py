"""Help and slider ranges of our own for common inputs of ComfyUI's nodes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from comfy.comfyui.object_info import Catalog
from comfy.form.build import build_form
from comfy.form.check import check
from comfy.form.core_inputs import CORE_INPUTS, SlideRange
from comfy.form.model import Field
from comfy.workflow.config import FieldConfig, FormConfig
from comfy.workflow.model import App, ShownInput
from tests.support.samples.forms import (
    field_of,
    form_of,
    node,
    small_catalog,
    text_to_image,
    with_values,
    workflow_of,
)

_COPIED = ShownInput((("3", "steps"),), min=1, max=10_000, step=1)


def _steps(config: FieldConfig, **values: object) -> Field:
    prompt = with_values(text_to_image(), "3", **values)
    fields = FormConfig(fields=(config,))
    return build_form(workflow_of(prompt, fields), small_catalog()).field("3.steps")


def _catalog(module: str, tooltip: str = "") -> Catalog:
    """Return the catalog with a KSampler of another module and with another help for `cfg`."""
    raw = dict(small_catalog().raw)
    inputs = raw["KSampler"]["input"]["required"]
    options = inputs["cfg"][1] | {"tooltip": tooltip}
    changed = {"required": inputs | {"cfg": ["FLOAT", options]}}
    return Catalog(
        raw | {"KSampler": raw["KSampler"] | {"input": changed, "python_module": module}}
    )


def test_common_inputs_have_help_of_our_own() -> None:
    """It replaces ComfyUI's tooltip, and is a message that can be translated."""
    field = field_of(text_to_image(), "3.steps")
    assert field.tooltip == "More steps take longer. Above 30, little changes."
    assert hasattr(field.tooltip, "sentence")


def test_a_value_in_its_own_node_has_the_help_of_its_target() -> None:
    """The input that finally gets the value decides."""
    prompt = with_values(text_to_image(), "3", steps=["20", 0])
    form = form_of(prompt | {"20": node("PrimitiveInt", "Steps", value=20)})
    field = form.field("20.value")
    assert field.tooltip.startswith("More steps")
    assert field.slide == SlideRange(1, 50, 1)


@pytest.mark.parametrize(
    ("module", "tooltip", "shown"),
    [
        ("nodes", "Servers'.", "How closely to follow the prompt. Too high looks overdone."),
        ("comfy_api_nodes.x", "Servers'.", "Servers'."),
        ("comfy_api_nodes.x", "", "How closely to follow the prompt. Too high looks overdone."),
        ("custom_nodes.pack", "Servers'.", "Servers'."),
        ("custom_nodes.pack", "", ""),
    ],
)
def test_only_comfyuis_own_tooltips_are_replaced(module: str, tooltip: str, shown: str) -> None:
    """Packs and paid services describe what only they know."""
    form = build_form(workflow_of(text_to_image()), _catalog(module, tooltip))
    assert form.field("3.cfg").tooltip == shown


def test_a_packs_steps_slide_too() -> None:
    """The name alone tells what the number is."""
    form = build_form(workflow_of(text_to_image()), _catalog("custom_nodes.pack"))
    assert form.field("3.steps").slide == SlideRange(1, 50, 1)


def test_the_authors_help_wins() -> None:
    """The TOML file's help is shown."""
    assert _steps(FieldConfig("3.steps", help="Mine.")).tooltip == "Mine."


def test_the_authors_limits_are_the_ends_of_the_slider() -> None:
    """Each end that the author gives replaces ours, also a wider one."""
    field = _steps(FieldConfig("3.steps", max=400))
    assert (field.slide, field.max) == (SlideRange(1, 400, 1), 400)
    field = _steps(FieldConfig("3.steps", min=4, max=12))
    assert (field.widget, field.slide) == ("slider", None)


@pytest.mark.parametrize(
    "details",
    [{"promoted": (_COPIED,)}, {"app": App((_COPIED,))}],
    ids=["subgraph", "app"],
)
def test_limits_that_the_editor_copied_arent_the_authors(details: dict[str, Any]) -> None:
    """A widget that shows a node's input elsewhere repeats the node's limits."""
    workflow = replace(workflow_of(text_to_image()), **details)
    field = build_form(workflow, small_catalog()).field("3.steps")
    assert (field.slide, field.max) == (SlideRange(1, 50, 1), 10_000)


def test_the_authors_number_box_stays_one() -> None:
    """An author may want no slider."""
    field = _steps(FieldConfig("3.steps", widget="number"))
    assert (field.widget, field.slide) == ("number", None)


def test_values_beyond_the_range_are_accepted_up_to_the_limits() -> None:
    """The range is for dragging; the server's limits decide."""
    form = form_of(text_to_image())
    assert check(form, {"3.steps": 300})[0]["3.steps"] == 300
    assert "3.steps" in check(form, {"3.steps": 10_001})[1]


def test_a_value_far_beyond_the_range_has_no_slider() -> None:
    """10,000 as the last step means "to the end"."""
    field = field_of(with_values(text_to_image(), "3", steps=10_000), "3.steps")
    assert (field.widget, field.slide) == ("number", None)


@pytest.mark.parametrize(
    ("value", "ends"),
    [(20, (1, 50)), (60, (1, 100)), (150, (1, 200)), (9_000, (1, 10_000)), (0.5, (0.5, 50))],
)
def test_a_slider_grows_to_show_a_value(value: float, ends: tuple[float, float]) -> None:
    """Its end is the next round number, within the limits."""
    shown = SlideRange(1, 50, 1).covering(value, 0.5, 10_000)
    assert (shown.low, shown.high) == ends


def test_a_slider_grows_below_zero() -> None:
    """A LoRA's strength may be negative."""
    shown = SlideRange(0, 2, 0.05).covering(-1.5, -100, 100)
    assert (shown.low, shown.high) == (-2, 2)


def test_every_range_can_be_dragged() -> None:
    """A slider has few enough steps to hit a value."""
    slides = [row.slide for row in CORE_INPUTS if row.slide]
    assert all((one.high - one.low) / one.step <= 240 for one in slides)
