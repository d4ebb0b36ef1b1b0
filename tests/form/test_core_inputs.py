"""Inputs with core meanings, and dynamic combos whose choice brings its own inputs."""

from __future__ import annotations

import copy
import random
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from comfy.comfyui.input_spec import parse_input
from comfy.comfyui.object_info import Catalog
from comfy.form.build import build_form
from comfy.form.check import check
from comfy.form.core_inputs import CORE_INPUTS, SlideRange
from comfy.form.fill import fill
from comfy.form.model import Field
from comfy.prompt.arrange import choose_options
from comfy.prompt.model import Prompt
from comfy.workflow.config import FieldConfig, FormConfig, parse_config
from comfy.workflow.model import App, ShownInput
from tests.form.more_nodes import spec
from tests.support.distribution import examples
from tests.support.samples.extra_nodes import PAINTED, node_entry, wide_catalog, wide_form
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


def test_a_packs_camera_angles_slide_with_help() -> None:
    view = spec({"horizontal_angle": ["INT", {"default": 45}]}, "IMAGE")
    prompt = {**text_to_image(), "20": node("CameraView", horizontal_angle=45)}
    form = build_form(workflow_of(prompt), Catalog({**small_catalog().raw, "CameraView": view}))
    field = form.field("20.horizontal_angle")
    assert (field.slide, field.tooltip) == (SlideRange(0, 360, 5), "Degrees around the subject.")


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


CATALOG = wide_catalog()


def inputs_after(**values: object) -> dict[str, Any]:
    """Return the node's inputs after these options are chosen."""
    prompt, _ = choose_options(
        PAINTED, CATALOG, {f"8.{name.replace('__', '.')}": v for name, v in values.items()}
    )
    return prompt["8"]["inputs"]


def sent(values: dict[str, object], drawn_with: dict[str, object] | None = None) -> Prompt:
    form = wide_form(PAINTED, drawn_with)
    clean, errors = check(form, values)
    assert errors == {}
    return fill(workflow_of(PAINTED), form, clean, random.Random(1))[0]


def test_a_chosen_option_adds_its_inputs_with_their_defaults() -> None:
    """An input of both options keeps its value if the value fits. The form drops the other inputs
    of the old option."""
    assert inputs_after(model="Large") == {
        "model": "Large",
        "model.prompt": "a fox",
        "model.steps": 6,
        "model.size": "1K",
        "seed": 7,
    }


def test_a_value_invalid_for_the_new_option_becomes_the_default() -> None:
    """Two steps are too few for the large model."""
    few = copy.deepcopy(PAINTED)
    few["8"]["inputs"]["model.steps"] = 2
    chosen, changed = choose_options(few, CATALOG, {"8.model": "Large"})
    assert chosen["8"]["inputs"]["model.steps"] == 9
    assert changed == {"8"}


def test_options_within_options() -> None:
    """The inner combo starts with its first choice, which adds inputs of its own."""
    assert inputs_after(model="Animated")["model.mode"] == "plain"
    assert inputs_after(model="Animated", model__mode="fast") == {
        "model": "Animated",
        "model.prompt": "a fox",
        "model.mode": "fast",
        "model.mode.rate": 24.0,
        "seed": 7,
    }


@pytest.mark.parametrize("value", ["Small", "Nonsense", None, 5, ["8", 0]])
def test_nothing_changes_without_another_option(value: object) -> None:
    """The value is the author's own option, or an option that the server doesn't offer."""
    assert choose_options(PAINTED, CATALOG, {"8.model": value}) == (PAINTED, frozenset())


def test_a_dynamic_combo_is_marked_to_redraw_the_form() -> None:
    """The page has to request the form again when the combo changes."""
    form = wide_form(PAINTED)
    assert form.field("8.model").redraws
    assert not form.field("8.seed").redraws
    assert not form.field("8.model.steps").redraws
    assert wide_form(PAINTED, {"8.model": "Animated"}).field("8.model.mode").redraws


def test_the_inputs_of_an_option_follow_its_field() -> None:
    """Inputs of nested options also follow their option. A text stays at the top with the other
    texts."""
    form = wide_form(PAINTED, {"8.model": "Animated", "8.model.mode": "fast"})
    keys = [field.key for field in form.fields]
    at = keys.index("8.model")
    assert form.field("8.model").default == "Animated"
    assert keys[at : at + 3] == ["8.model", "8.model.mode", "8.model.mode.rate"]
    assert keys.index("8.model.prompt") < at
    assert "1.image" not in {field.key for field in form.fields if field.group != "hidden"}


def test_new_inputs_are_shown_where_the_author_put_the_combo() -> None:
    """The author couldn't mention the new inputs, and hid only the rest of the original option's
    inputs."""
    config = parse_config(
        "x.toml", {"others": "hidden", "fields": {"8.model": {}, "8.model.steps": {}}}
    )
    shown = [
        field.key for field in wide_form(PAINTED, None, config).fields if field.group != "hidden"
    ]
    assert shown == ["8.model", "8.model.steps"]
    form = wide_form(PAINTED, {"8.model": "Animated", "8.model.mode": "fast"}, config)
    shown = [field.key for field in form.fields if field.group != "hidden"]
    assert shown == ["8.model", "8.model.mode", "8.model.mode.rate"]
    assert form.problems == ()


def test_only_the_chosen_options_inputs_are_sent() -> None:
    """The prompt is right even if the form wasn't redrawn after the choice."""
    drawn = sent({"8.model": "Large", "8.model.size": "2K", "8.seed": 3}, {"8.model": "Large"})
    assert drawn["8"]["inputs"] == inputs_after(model="Large") | {"model.size": "2K", "seed": 3}
    assert sent({"8.model": "Large", "8.seed": 3})["8"]["inputs"] == inputs_after(model="Large") | {
        "seed": 3
    }


def test_an_image_of_an_option_is_required() -> None:
    """The option adds a loader. Its field is required and, like all images, a main field."""
    form = wide_form(PAINTED, {"8.model": "From photo"})
    photo = form.field("8.model.photo.image")
    assert (photo.required, photo.optional, photo.group) == (True, False, "main")
    assert check(form, {})[1] == {photo.key: "Add an image."}
    prompt = sent({photo.key: "me/a.png"}, {"8.model": "From photo"})
    assert prompt["8"]["inputs"]["model.photo"] == ["8.model.photo", 0]
    assert prompt["8.model.photo"]["inputs"] == {"image": "me/a.png"}


def test_missing_requirements_of_an_option_are_named() -> None:
    """The option needs a link that no upload can feed."""
    (problem,) = wide_form(PAINTED, {"8.model": "With voice"}).problems
    assert problem == "“Painter” now needs “Voice”, which this workflow doesn't provide."


def test_earlier_problems_are_not_attributed_to_an_option() -> None:
    """A workflow that never had a link keeps its own problem. The app adds no loader for it."""
    prompt = copy.deepcopy(PAINTED) | {
        "8": node("Painter", model="From photo", **{"model.keep": True}, seed=1)
    }
    prompt["10"] = node("ImageScale", upscale_method="area", width=64, height=64, crop="disabled")
    form = wide_form(prompt, {"8.model": "Large"})
    assert form.prompt.keys() == prompt.keys()
    assert form.problems == ()


OPTIONS = [str(option["key"]) for option in CATALOG["Painter"].by_name["model"].options["options"]]
CHOICES = st.fixed_dictionaries(
    {},
    optional={
        "8.model": st.sampled_from([*OPTIONS, "x"]),
        "8.model.mode": st.sampled_from(["plain", "fast", 3]),
    },
)


@given(st.lists(CHOICES, max_size=5))
@settings(max_examples=examples(150))
def test_any_sequence_of_choices_leaves_a_valid_node(rows: list[dict[str, object]]) -> None:
    """Every widget of the chosen options has a value, and no value of other options remains.
    Choosing twice changes nothing."""
    prompt = PAINTED
    for values in rows:
        prompt, _ = choose_options(prompt, CATALOG, values)
        assert choose_options(prompt, CATALOG, values)[0] == prompt
    inputs = prompt["8"]["inputs"]
    active = CATALOG["Painter"].active_inputs(inputs)
    assert inputs.keys() <= active.keys()
    assert {name for name, spec in active.items() if spec.is_widget} <= inputs.keys()
    assert PAINTED["8"]["inputs"]["model"] == "Small"


FORMATS = {
    "image/webp": [["lossless", "BOOLEAN", {"default": True}]],
    "video/h264": [
        ["pix_fmt", ["yuv420p", "yuv420p10le"]],
        ["crf", "INT", {"default": 19, "min": 0, "max": 100}],
        ["save_metadata", "BOOLEAN", {"default": True}],
    ],
    "video/av1": [
        ["pix_fmt", ["yuv420p10le", "yuv420p"]],
        ["crf", "INT", {"default": 23, "min": 0, "max": 100}],
        ["dither", ["bayer", "none"], {"default": "none"}, "[0:v] dither=$val"],
        "no input",
        ["nothing"],
    ],
}
COMBINE = node_entry(
    {
        "images": ["IMAGE"],
        "format": [["image/gif", *FORMATS], {"formats": FORMATS}],
        "pingpong": ["BOOLEAN", {"default": False}],
    },
    [],
    output_node=True,
)
FORMAT_CATALOG = Catalog({**CATALOG.raw, "Combine": COMBINE})
COMBINED: Prompt = {
    "1": node("LoadImage", image="example.png"),
    "5": node(
        "Combine",
        images=["1", 0],
        format="video/h264",
        pix_fmt="yuv420p10le",
        crf=10,
        save_metadata=False,
        pingpong=True,
    ),
}


def combined(**values: object) -> dict[str, Any]:
    """Return the node's inputs as sent with these values."""
    keyed = {f"5.{name}": value for name, value in values.items()}
    workflow = workflow_of(COMBINED)
    form = build_form(workflow, FORMAT_CATALOG, keyed)
    clean, errors = check(form, keyed)
    assert errors == {}
    return fill(workflow, form, clean, random.Random(1))[0]["5"]["inputs"]


def test_a_format_adds_fields_with_plain_names() -> None:
    """They follow the format among the advanced fields."""
    fields = build_form(workflow_of(COMBINED), FORMAT_CATALOG).fields
    shown = [(one.input, one.widget) for one in fields if one.group == "advanced"]
    assert (shown[0], shown[-1]) == (("format", "dropdown"), ("pingpong", "checkbox"))
    assert sorted(shown[1:-1]) == [
        ("crf", "slider"),
        ("pix_fmt", "dropdown"),
        ("save_metadata", "checkbox"),
    ]
    assert fields[1].redraws


def test_another_format_starts_with_its_own_defaults() -> None:
    """A number means another quality in another format. Rows without a name and a type add
    nothing."""
    assert combined(format="video/av1") == {
        "images": ["1", 0],
        "format": "video/av1",
        "pix_fmt": "yuv420p10le",
        "crf": 23,
        "dither": "none",
        "pingpong": True,
    }


def test_a_format_without_inputs_drops_the_old_inputs() -> None:
    """The server gets only the inputs of the chosen format."""
    assert combined(format="image/gif").keys() == {"images", "format", "pingpong"}
    assert combined(format="image/webp", lossless=False)["lossless"] is False


def test_the_authored_format_keeps_its_values() -> None:
    """Nothing is replaced by a default."""
    assert combined(crf=30) == {**COMBINED["5"]["inputs"], "crf": 30}


def test_a_format_keeps_a_link_to_an_input_of_the_same_name() -> None:
    """Only values are replaced by defaults."""
    linked = copy.deepcopy(COMBINED)
    linked["6"] = node("PrimitiveInt", value=12)
    linked["5"]["inputs"]["crf"] = ["6", 0]
    chosen, _ = choose_options(linked, FORMAT_CATALOG, {"5.format": "video/av1"})
    assert chosen["5"]["inputs"]["crf"] == ["6", 0]


def test_formats_without_lists_of_inputs_add_none() -> None:
    """Loaders of the same pack give recommended sizes in that option."""
    spec = parse_input("format", [["Wan"], {"formats": {"Wan": {"dim": [8, 0]}}}], required=False)
    assert (spec.adds_inputs, spec.branch("Wan"), spec.adds("dim")) == (False, (), False)
