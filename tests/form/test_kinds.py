"""Kinds of fields: choices, custom types, rows, seeds, base64 images and packs' uploads."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from typing import Any

import pytest

from comfy.base.errors import NodeError
from comfy.comfyui.input_spec import parse_input
from comfy.comfyui.object_info import Catalog
from comfy.form.build import build_form
from comfy.form.candidates import Candidate
from comfy.form.check import check
from comfy.form.fill import fill
from comfy.form.kinds.dropdown import NotOffered
from comfy.form.kinds.registry import KINDS
from comfy.form.model import Field, Fit, Form, Several
from comfy.form.seeds import CountUp, counted_on, next_seed
from comfy.form.server_errors import place_errors
from comfy.launch.uploads import value_from_json, value_to_json
from comfy.prompt.model import InputRef, Prompt
from comfy.workflow.config import parse_config
from comfy.workflow.model import App, ShownInput
from comfy.workflow.sanitize import sanitize
from tests.support.samples.extra_nodes import node_entry, wide_catalog
from tests.support.samples.forms import form_of, node, text_to_image, with_values, workflow_of
from tests.support.samples.rows import LORAS, ROW_CATALOG

UNKNOWN = Candidate("1", "x", "Node", "", {"a": 1}, None, None, "*")


def field_of(widget: str) -> Field:
    """Return a field with this widget."""
    return Field("1.x", "1", "x", "X", "STRING", KINDS[widget], "main", "")


@pytest.mark.parametrize("widget", KINDS)
def test_a_widget_explains_how_to_write_several_values(widget: str) -> None:
    """Users choose files instead of typing them, so only file widgets have no help."""
    kind = KINDS[widget]
    assert bool(kind.several_help) == (kind.several is not Several.FILES)
    assert (kind.file is not None) == (kind.several is Several.FILES)


@pytest.mark.parametrize("widget", KINDS)
def test_a_widget_has_a_json_schema(widget: str) -> None:
    """Programs read the schema of every field."""
    assert isinstance(KINDS[widget].schema(field_of(widget)), dict)


def test_an_input_of_an_unknown_type_is_a_text() -> None:
    """Only the text widget takes everything."""
    fits = {name: kind.fits(UNKNOWN) for name, kind in KINDS.items()}
    assert {name for name, fit in fits.items() if fit} == {"text"}
    assert fits["text"] is Fit.FALLBACK


def test_the_widgets_of_a_form_are_rows() -> None:
    """A form keeps the registry's row itself, so a field knows everything that its widget knows."""
    assert all(field.kind is KINDS[field.widget] for field in form_of(text_to_image()).fields)


def form_with(name: str, raw: list[Any], value: object, **settings: object) -> Form:
    """Return the form of one node with this input."""
    catalog = Catalog({"Own": node_entry({name: raw}, [], output_node=True)})
    config = parse_config("x.toml", {"fields": {f"1.{name}": settings}}) if settings else None
    return build_form(workflow_of({"1": node("Own", **{name: value})}, config), catalog)


MODES: list[Any] = [["fill", "stretch"], {"default": "stretch"}]


def test_a_choice_in_another_language_becomes_the_default() -> None:
    """A note names the author's choice, and the workflow can run."""
    form = form_with("mode", MODES, "裁剪")
    field = form.field("1.mode")
    assert (field.default, field.default_offered, form.problems) == ("stretch", True, ())
    (note,) = form.notes
    assert note.said == "Mode: “裁剪” isn't offered here. Using “stretch” instead."
    assert (note.key, note.value) == ("1.mode", "stretch")
    prompt, _ = fill(
        workflow_of({"1": node("Own", mode="裁剪")}), form, check(form, {})[0], random.Random(1)
    )
    assert prompt["1"]["inputs"] == {"mode": "stretch"}


def test_a_choice_without_a_default_becomes_the_first_one() -> None:
    """The editor shows that one for a new node."""
    assert form_with("mode", [["fill", "stretch"]], "crop").field("1.mode").default == "fill"


@pytest.mark.parametrize(
    ("name", "raw", "value"),
    [
        ("model", [["microsoft/Florence-2-base"]], "microsoft/Florence-2-large"),
        ("choice", [["a.safetensors", "None"]], "b.safetensors"),
        ("style", [["None", "a.pt"]], "none"),
        ("lora_name", [["a"]], "b"),
        ("folder", [["a"]], "b"),
        ("mode", [["a", "b"], {"formats": {"a": [["crf", "INT"]]}}], "c"),
        ("mode", [[]], "c"),
        ("combo", [["connect me"]], "16:9"),
        ("mode", [["a", "b"]], 12),
        ("mode", [["a", "b"]], True),
    ],
)
def test_a_missing_model_or_file_stays_missing(name: str, raw: list[Any], value: object) -> None:
    """Another one would be a guess, so users have to choose."""
    form = form_with(name, raw, value)
    assert (form.notes, len(form.problems)) == ((), 1)
    assert form.field(f"1.{name}").default == value


def test_a_whole_number_matches_a_decimal_choice() -> None:
    """The editor saves 2.0 as 2."""
    form = form_with("factor", [[1.0, 2.0], {"default": 1.0}], 2)
    assert (form.field("1.factor").default, form.notes, form.problems) == (2.0, (), ())


def test_a_hidden_choice_stays_missing() -> None:
    """Users wouldn't see another one."""
    form = form_with("mode", MODES, "crop", hidden=True)
    assert (form.notes, len(form.problems)) == ((), 1)


def test_an_author_may_want_the_closest_choice() -> None:
    """It comes before the default."""
    assert form_with("mode", MODES, "filled", closest=True).field("1.mode").default == "fill"


def field_for(raw: list[Any], value: object, others: dict[str, Any] | None = None) -> Field:
    """Return the field of an input with this declaration and value, in a node with these other
    inputs."""
    catalog = Catalog({"Own": node_entry({"one": raw, **(others or {})}, [], output_node=True)})
    return build_form(workflow_of({"1": node("Own", one=value)}), catalog).field("1.one")


@pytest.mark.parametrize(
    ("raw", "value", "widget"),
    [
        (["AUTOCOMPLETE_TEXT,STRING", {"widgetType": "AUTOCOMPLETE_TEXT"}], "a cat", "textarea"),
        (["AUTOCOMPLETE_TEXT_LORAS", {}], "", "textarea"),
        (["COLORCODE", {"default": "#222222"}], "#ff0000", "color"),
        (["COLOR", {"widgetType": "OWN_COLOR"}], "black", "color"),
        (["FLOAT", {"default": 0, "min": 0, "widgetType": "TIMESTAMP"}], 1.5, "number"),
        (["LEVEL", {"default": 3}], 4, "number"),
        (["FLAG", {"default": False}], True, "checkbox"),
        (["STYLES", {}], "comic,noir", "text"),
        (["NUMBER", {"widgetType": "FLOAT"}], 2, "number"),
    ],
)
def test_a_custom_input_gets_a_field_for_its_values(
    raw: list[Any], value: object, widget: str
) -> None:
    """The declared base type decides, then the default, then the workflow's own value."""
    field = field_for(raw, value)
    assert (field.widget, field.group != "hidden") == (widget, True)


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (["TABLE", {}], '{"rows": []}'),
        (["POINTS", {}], {"__value__": [{"name": "a"}]}),
        (["CAMERA_ANGLE_VIEW", {}], "camera"),
        (["CAMERA_INFO_STATE", {}], "x"),
        (["RESOLUTION_PREVIEW", {}], "x"),
        (["LIGHT_INFO_PREVIEW", {}], {"__value__": []}),
        (["STRING", {"widgetType": "GALLERIA"}], "x"),
        (["STYLES", {}], None),
        (["STYLES", {"forceInput": True, "default": "x"}], "x"),
    ],
)
def test_views_and_editor_states_have_no_field(raw: list[Any], value: object) -> None:
    """Users can't type such values, so the authors' values stay."""
    assert field_for(raw, value).group == "hidden"


def test_a_custom_number_is_checked_as_a_number() -> None:
    """It goes to the server as a number."""
    catalog = Catalog({"Own": node_entry({"one": ["LEVEL", {"default": 3}]}, [], output_node=True)})
    form = build_form(workflow_of({"1": node("Own", one=4)}), catalog)
    assert check(form, {"1.one": "7"}) == ({"1.one": 7}, {})
    assert check(form, {"1.one": "high"})[1].keys() == {"1.one"}


@pytest.mark.parametrize("display", ["slider", "knob", "gradientslider"])
def test_a_number_with_a_dragging_display_gets_a_slider(display: str) -> None:
    """Without such a display, a number with many steps gets a number box."""
    limits = {"default": 0, "min": 0, "max": 1000}
    assert field_for(["INT", {**limits, "display": display}], 1).widget == "slider"
    assert field_for(["INT", limits], 1).widget == "number"
    assert field_for(["INT", {"display": display}], 1).widget == "number"


def test_angles_beside_a_camera_view_are_sliders() -> None:
    """In the editor, users turn the camera by dragging."""
    view = {"view": ["CAMERA_ANGLE_VIEW", {}]}
    angle = ["INT", {"default": 0, "min": 0, "max": 360}]
    assert field_for(angle, 45, view).widget == "slider"
    assert field_for(angle, 45).widget == "number"


@pytest.mark.parametrize("hint", [["a"], {"a": 1}, 5, ""])
def test_an_invalid_widget_type_counts_as_none(hint: object) -> None:
    """A malformed answer from a server breaks nothing."""
    spec = parse_input("one", ["INT", {"widgetType": hint}], required=True)
    assert (spec.widget_type, spec.base_type) == ("INT", "INT")


TEXT: list[object] = ["STRING", {"default": ""}]
CATALOG = Catalog(
    {
        **wide_catalog().raw,
        "easy loadImageBase64": node_entry({"base64_data": TEXT}, ["IMAGE", "MASK"]),
        "ETN_LoadImageBase64": node_entry({"image": TEXT}, ["IMAGE", "MASK"]),
        "LoadImageB64": node_entry(
            {"image_base64": ["STRING", {"multiline": True}]}, ["IMAGE", "MASK"]
        ),
        "ETN_LoadMaskBase64": node_entry({"mask": TEXT}, ["MASK"]),
        "GzippedBase64ToImage": node_entry({"base64text": TEXT}, ["IMAGE"]),
        "DecodeBase64": node_entry({"base64_string": TEXT}, ["STRING"]),
        "ImageToBase64": node_entry({"image": [["a.png"], {"image_upload": True}]}, ["IMAGE"]),
    }
)
OWN = "iVBORw0KGgo" * 5000


def loading(class_type: str, name: str, value: str) -> Prompt:
    """Return a prompt that only loads an image with this node."""
    return {
        "1": node(class_type, **{name: value}),
        "2": node("PreviewAny", source=["1", 0]),
        "3": node("PreviewAny", source=["1", 1]),
    }


def form_for(class_type: str, name: str, value: str = "") -> Form:
    """Return the form of such a prompt."""
    return build_form(workflow_of(loading(class_type, name, value)), CATALOG)


@pytest.mark.parametrize(
    ("class_type", "name"),
    [
        ("easy loadImageBase64", "base64_data"),
        ("ETN_LoadImageBase64", "image"),
        ("ETN_LoadMaskBase64", "mask"),
        ("LoadImageB64", "image_base64"),
    ],
)
def test_an_image_as_text_is_an_upload(class_type: str, name: str) -> None:
    """Users can't paint a mask, because these nodes don't invert it."""
    field = form_for(class_type, name).field(f"1.{name}")
    assert (field.widget, field.group, field.label) == ("image", "main", "Image")
    assert (field.as_base64, field.required, field.default) == (True, True, None)


@pytest.mark.parametrize(
    ("class_type", "name"),
    [
        ("GzippedBase64ToImage", "base64text"),
        ("DecodeBase64", "base64_string"),
        ("ImageToBase64", "image"),
    ],
)
def test_other_texts_and_uploads_stay_as_they_are(class_type: str, name: str) -> None:
    """Compressed and other texts aren't image files, and a list of files takes a name."""
    assert not form_for(class_type, name).field(f"1.{name}").as_base64


def test_an_authors_image_is_sent_but_not_shown() -> None:
    """Its text isn't a default, since it can have megabytes. Users may add another image."""
    form = form_for("easy loadImageBase64", "base64_data", OWN)
    assert OWN[:100] not in json.dumps(form.to_json())
    workflow = workflow_of(loading("easy loadImageBase64", "base64_data", OWN))
    for values in ({}, {"1.base64_data": None}):
        clean, errors = check(form, values)
        prompt, used = fill(workflow, form, clean, random.Random(1))
        assert (errors, used) == ({}, {})
        assert prompt["1"]["inputs"]["base64_data"] == OWN


def test_an_opened_workflow_keeps_its_image() -> None:
    """The text names no file on the server."""
    workflow = workflow_of(loading("easy loadImageBase64", "base64_data", OWN))
    assert sanitize(workflow, CATALOG, "own").prompt == workflow.prompt


UPLOAD_CATALOG = Catalog(
    {
        **wide_catalog().raw,
        "VHS_LoadVideo": node_entry(
            {"video": [["mine.mp4", "hers.mp4"]], "custom_width": ["INT", {"default": 0}]},
            ["IMAGE"],
        ),
        "VHS_LoadVideoFFmpeg": node_entry({"video": [["hers.mp4"]]}, ["IMAGE"]),
        "VHS_LoadAudioUpload": node_entry({"audio": [["hers.mp3"], {"tooltip": "x"}]}, ["AUDIO"]),
        "VHS_LoadVideoPath": node_entry({"video": ["STRING", {}]}, ["IMAGE"]),
        "PickVideo": node_entry({"clip": [["hers.mp4", "none"]]}, ["IMAGE"]),
    }
)


def upload_loading(class_type: str, **inputs: object) -> Prompt:
    """Return a prompt that only loads something with this node."""
    return {"1": node(class_type, **inputs), "2": node("PreviewAny", source=["1", 0])}


def upload_form_for(class_type: str, **inputs: object) -> Form:
    """Return the form of such a prompt."""
    return build_form(workflow_of(upload_loading(class_type, **inputs)), UPLOAD_CATALOG)


@pytest.mark.parametrize(
    ("class_type", "name", "kind"),
    [
        ("VHS_LoadVideo", "video", "video"),
        ("VHS_LoadVideoFFmpeg", "video", "video"),
        ("VHS_LoadAudioUpload", "audio", "audio"),
    ],
)
def test_an_upload_of_a_pack_is_a_main_field(class_type: str, name: str, kind: str) -> None:
    """Users add their own file. Other users' files aren't offered."""
    field = upload_form_for(class_type, **{name: "mine.mp4"}).field(f"1.{name}")
    assert (field.widget, field.group, field.choices, field.required) == (kind, "main", None, True)


def test_an_opened_workflow_may_upload_there() -> None:
    """The name of the author's file is removed, and the workflow isn't refused."""
    opened = sanitize(
        workflow_of(upload_loading("VHS_LoadVideo", video="hers.mp4")), UPLOAD_CATALOG, "own"
    )
    assert opened.prompt["1"]["inputs"] == {"video": ""}


def test_the_uploads_of_a_pack_count_as_files_of_users() -> None:
    """No other list offers them."""
    assert "hers.mp3" in UPLOAD_CATALOG.uploads
    choices = upload_form_for("PickVideo", clip="none").field("1.clip").choices
    assert [value for _, value in choices or ()] == ["none"]


def test_a_path_on_the_server_stays_a_text() -> None:
    """The node doesn't read the input folder."""
    assert upload_form_for("VHS_LoadVideoPath", video="/a.mp4").field("1.video").widget == "text"


DETAIL, INK = LORAS
STACK = {"loras.0.lora_name": DETAIL, "loras.0.strength": 0.5, "loras.0.note": ""}
POWER = {
    "lora_1": {"on": True, "lora": DETAIL, "strength": 1, "pin": 3},
    "lora_4": {"on": False, "lora": "gone.safetensors", "strength": 0.2, "strengthTwo": 0.4},
}
MANAGER = {
    "text": "<lora:ink:1>",
    "loras": {"__value__": [{"name": "ink", "active": True, "strength": "0.80", "locked": True}]},
}
CLASS_OF = {
    "stack": ("Stack", STACK),
    "power": ("Power Lora Loader (rgthree)", POWER),
    "manager": ("Lora Loader (LoraManager)", MANAGER),
}


def prompt_of(which: str, **inputs: Any) -> dict[str, Any]:
    class_type, own = CLASS_OF[which]
    return {
        "1": node("Load"),
        "2": node(class_type, model=["1", 0], **own | inputs),
        "3": node("Save", model=["2", 0]),
    }


def rows_form_of(which: str, **inputs: Any) -> Form:
    return build_form(workflow_of(prompt_of(which, **inputs)), ROW_CATALOG)


def rows_of(which: str, **inputs: Any) -> Field:
    return rows_form_of(which, **inputs).field("2.loras")


def sent(which: str, rows: object) -> dict[str, Any]:
    """Return the node's inputs for these rows."""
    form = rows_form_of(which)
    clean, errors = check(form, {"2.loras": rows})
    assert errors == {}
    return fill(workflow_of(form.prompt), form, clean, random.Random(1))[0]["2"]["inputs"]


def refused(which: str, rows: object) -> str:
    return check(rows_form_of(which), {"2.loras": rows})[1]["2.loras"]


@pytest.mark.parametrize("which", CLASS_OF)
def test_rows_are_one_main_field(which: str) -> None:
    """The field has the workflow's rows, and hides the inputs behind it."""
    form = rows_form_of(which)
    field = form.field("2.loras")
    assert (field.widget, field.group) == ("rows", "main")
    names = ("loras.", "lora_")
    assert not [one.key for one in form.fields if one.input.startswith(names)]


def test_columns_have_labels_widgets_and_limits() -> None:
    """Each cell is checked as a field of its type."""
    columns = rows_of("stack").columns
    assert [(one.key, one.widget) for one in columns] == [
        ("lora_name", "dropdown"),
        ("strength", "number"),
        ("note", "text"),
    ]
    assert (columns[1].min, columns[1].max, columns[1].step) == (-2.0, 2.0, 0.05)
    assert [one.label for one in rows_of("power").columns] == [
        "On",
        "LoRA",
        "Strength",
        "CLIP strength",
    ]
    assert [one.key for one in rows_of("manager").columns] == ["active", "name", "strength"]


def test_lora_managers_unused_text_has_no_field() -> None:
    """Its nodes read only the list."""
    assert rows_form_of("manager").field("2.text").group == "hidden"


def test_an_app_that_shows_a_cell_shows_its_rows() -> None:
    """The editor lets authors choose single cells, but all rows are one field."""
    cells = (
        ShownInput((InputRef("2", f"loras.0.{name}"),), "One cell")
        for name in ("strength", "lora_name")
    )
    workflow = replace(workflow_of(prompt_of("stack")), app=App(tuple(cells), ()))
    (field,) = (one for one in build_form(workflow, ROW_CATALOG).fields if one.group == "main")
    assert (field.key, field.label, field.source) == ("2.loras", "LoRAs", "app")


def test_wildcards_in_cells_are_resolved() -> None:
    """The editor does so when it queues a prompt."""
    rows = [{"lora_name": INK, "note": "{a|a}"}]
    form = rows_form_of("stack")
    clean, _ = check(form, {"2.loras": rows})
    prompt, used = fill(workflow_of(form.prompt), form, clean, random.Random(1))
    assert prompt["2"]["inputs"]["loras.0.note"] == "a"
    assert used["2.loras"] == [{"lora_name": INK, "strength": 1.0, "note": "a"}]


@pytest.mark.parametrize("which", CLASS_OF)
def test_unchanged_rows_leave_the_prompt_alone(which: str) -> None:
    """Names, values and their order stay as the author saved them."""
    form = rows_form_of(which)
    before = form.prompt["2"]["inputs"]
    assert [*sent(which, form.field("2.loras").default).items()] == [*before.items()]
    clean, _ = check(form, {})
    prompt, _ = fill(workflow_of(form.prompt), form, clean, random.Random(1))
    assert [*prompt["2"]["inputs"].items()] == [*before.items()]


def test_rows_of_a_group_can_be_added_and_removed() -> None:
    """A dotted group has one input per cell, and a new cell starts with the server's default."""
    rows = [{"lora_name": INK, "strength": "0.25"}, {"lora_name": DETAIL, "note": "x"}]
    assert sent("stack", rows) == {
        "model": ["1", 0],
        "loras.0.lora_name": INK,
        "loras.0.strength": 0.25,
        "loras.0.note": "",
        "loras.1.lora_name": DETAIL,
        "loras.1.strength": 1.0,
        "loras.1.note": "x",
    }


def test_rows_of_rgthree_are_numbered_objects() -> None:
    """A row keeps its other keys, and an empty CLIP strength is left out."""
    rows = [POWER["lora_4"], {"on": True, "lora": INK, "strength": 0.5, "strengthTwo": None}]
    assert sent("power", rows) == {
        "model": ["1", 0],
        "lora_1": POWER["lora_4"],
        "lora_2": {"on": True, "lora": INK, "strength": 0.5},
    }
    assert sent("power", []) == {"model": ["1", 0]}


def test_rows_of_lora_manager_are_one_wrapped_list() -> None:
    """Its LoRAs have neither folder nor extension. The text beside them stays."""
    own = MANAGER["loras"]["__value__"]  # type: ignore[index]
    assert sent("manager", [*own, {"name": "detail", "strength": 0.4}])["loras"] == {
        "__value__": [*own, {"active": True, "name": "detail", "strength": 0.4}]
    }


def test_rows_may_come_as_json_text() -> None:
    """A batch, a link and a shell send text."""
    assert sent("power", '[{"lora": "style/ink.safetensors", "on": "no"}]')["lora_1"] == {
        "on": False,
        "lora": INK,
        "strength": 1.0,
    }


@pytest.mark.parametrize(
    ("which", "rows", "error"),
    [
        ("stack", [], "Add at least 1 row."),
        ("stack", [{"lora_name": INK}] * 4, "Maximum 3 rows."),
        ("stack", [{"lora_name": INK}, {"strength": 1}], "LoRA 2: LoRA: Choose one."),
        ("stack", [{"lora_name": INK, "strength": 3}], "LoRA 1: Strength: Maximum 2."),
        ("stack", [{"lora_name": INK, "strength": "x"}], "LoRA 1: Strength: Enter a number."),
        ("stack", [{"lora_name": INK, "extra": 1}], "LoRA 1: There is no column “extra”."),
        ("power", [{"lora": DETAIL, "pin": 4}], "LoRA 1: There is no column “pin”."),
        ("power", [{"lora": "../x"}], "LoRA 1: LoRA: “../x” isn't on the server. Choose another."),
        ("power", "{", "Enter a list of rows as JSON"),
        ("power", {"lora": DETAIL}, "Enter a list of rows as JSON"),
        ("power", [1], "Enter a list of rows as JSON"),
    ],
)
def test_an_error_names_the_row_and_the_column(which: str, rows: object, error: str) -> None:
    """Limits of the group and of each cell are checked before anything is sent."""
    assert refused(which, rows).startswith(error)


def test_a_missing_choice_is_reported_unless_its_row_is_off() -> None:
    """The server would skip such a LoRA without a word."""
    assert rows_form_of("power").missing == ()
    gone = {"on": True, "lora": "gone.safetensors", "strength": 1}
    (missing,) = rows_form_of("power", lora_2=gone).missing
    assert missing.sentence.startswith("LoRA 3: LoRA: “gone.safetensors” isn't available.")


@pytest.mark.parametrize(
    ("change", "is_refused"),
    [({}, True), ({"strength": 0.2}, True), ({"on": False}, False), ({"lora": INK}, False)],
)
def test_a_missing_choice_is_refused_unless_its_row_is_off(
    change: dict[str, Any], is_refused: bool
) -> None:
    """A run without the LoRA would look as if it had been applied."""
    gone = {"on": True, "lora": "gone.safetensors", "strength": 1}
    form = rows_form_of("power", lora_2=gone)
    rows = [
        row | change if row["lora"] == gone["lora"] and row["on"] else row
        for row in form.field("2.loras").default
    ]
    _, errors = check(form, {"2.loras": rows})
    assert bool(errors) == is_refused


def test_a_linked_cell_keeps_its_rows() -> None:
    """Then the other cells are fields of their own, and no row can be added."""
    form = rows_form_of("stack", **{"loras.0.note": ["1", 0]})
    fields = {one.key: one.widget for one in form.fields}
    assert fields == {"2.loras.0.lora_name": "dropdown", "2.loras.0.strength": "slider"}


def test_a_group_without_rows_can_get_some() -> None:
    """Rgthree's loader starts empty."""
    bare = {"1": node("Load"), "2": node(CLASS_OF["power"][0], model=["1", 0])}
    form = build_form(workflow_of(bare | {"3": node("Save", model=["2", 0])}), ROW_CATALOG)
    assert form.field("2.loras").default == []


def test_a_group_starts_with_its_least_rows() -> None:
    """A prompt with fewer rows than the server needs gets new ones."""
    prompt = {"1": node("Load"), "2": node("Stack", model=["1", 0])}
    form = build_form(workflow_of(prompt | {"3": node("Save", model=["2", 0])}), ROW_CATALOG)
    assert form.field("2.loras").default == [{"lora_name": DETAIL, "strength": 1.0, "note": ""}]


def test_authors_declare_rows_like_other_fields() -> None:
    """A TOML file names the group."""
    own = {"label": "Styles", "default": '[{"lora_name": "style/ink.safetensors"}]'}
    config = parse_config("x.toml", {"fields": {"2.loras": own}})
    form = build_form(workflow_of(prompt_of("stack"), config), ROW_CATALOG)
    field = form.field("2.loras")
    assert (field.label, field.default) == ("Styles", [{"lora_name": INK}])
    assert form.problems == ()


def test_errors_of_the_server_name_the_row() -> None:
    """The server knows only the input of the cell."""
    error = NodeError("2", "loras.1.strength", "Stack", "value_bigger_than_max", "max of 2", "")
    placed, general = place_errors(rows_form_of("stack"), [error])
    assert (placed, general) == ({"2.loras": "LoRA 2: Strength: Maximum 2."}, ())


def test_the_schema_describes_each_cell() -> None:
    """Programs get the columns with their limits."""
    schema = rows_of("stack").kind.schema(rows_of("stack"))
    cells = schema["items"]["properties"]
    assert (schema["minItems"], schema["maxItems"]) == (1, 3)
    assert (cells["strength"]["minimum"], cells["strength"]["maximum"]) == (-2.0, 2.0)
    assert [one["const"] for one in cells["lora_name"]["oneOf"]] == LORAS


_WIDE = {"default": 0, "min": -1125899906842624, "max": 1125899906842624}
SEED_CATALOG = Catalog(
    {
        **wide_catalog().raw,
        "Seed (rgthree)": node_entry({"seed": ["INT", _WIDE]}, ["INT"]),
        "OwnSampler": node_entry({"seed": ["INT", {"min": -1, "max": 99}]}, [], output_node=True),
    }
)


def with_seed(seed: int) -> Prompt:
    """Return a prompt whose sampler has this seed."""
    return with_values(text_to_image(), "3", seed=seed)


def with_seed_node(seed: int) -> Prompt:
    """Return a prompt whose sampler gets its seed from rgthree's node."""
    prompt = text_to_image(n20=node("Seed (rgthree)", seed=seed))
    return with_values(prompt, "3", seed=["20", 0])


def seed_field(prompt: Prompt) -> Field:
    """Return the only seed of a prompt's form."""
    (field,) = [one for one in build_form(workflow_of(prompt), SEED_CATALOG).fields if one.is_seed]
    return field


@pytest.mark.parametrize("prompt", [with_seed, with_seed_node])
@pytest.mark.parametrize(("seed", "step"), [(-1, 0), (-2, 1), (-3, -1)])
def test_a_special_seed_is_drawn_or_counted(prompt: object, seed: int, step: int) -> None:
    """The form reports no problem, and no run gets the seed 0 instead."""
    made = prompt(seed)  # type: ignore[operator]
    field = seed_field(made)
    assert (field.default, field.counts) == (None, step)
    workflow, form = workflow_of(made), build_form(workflow_of(made), SEED_CATALOG)
    assert not form.problems
    _, used = fill(workflow, form, check(form, {})[0], random.Random(1))
    assert used[field.key] > 0


def test_a_seed_keeps_the_limits_of_its_own_node() -> None:
    """The server checks the node that holds the seed. Its limits may be closer than the
    sampler's."""
    assert seed_field(with_seed_node(7)).max == _WIDE["max"]
    assert seed_field(with_seed_node(7)).min == 0


def test_a_seed_that_counts_down_continues_below_the_last() -> None:
    """The largest seed follows the smallest."""
    field = seed_field(with_seed_node(-3))
    form = build_form(workflow_of(with_seed_node(-3)), SEED_CATALOG)
    clean, errors = check(form, {field.key: CountUp(8)})
    assert (errors, clean[field.key]) == ({}, CountUp(8, step=-1))
    rng = random.Random(1)
    assert next_seed(field, clean[field.key], rng) == 7
    assert next_seed(field, CountUp(0, step=-1), rng) == field.max
    assert next_seed(field, CountUp(8, is_used=False, step=-1).ahead(3), rng) == 5


def test_the_runs_of_one_request_count_from_a_random_start() -> None:
    """The first run draws the seed, and the next ones count."""
    form = build_form(workflow_of(with_seed_node(-3)), SEED_CATALOG)
    key = seed_field(with_seed_node(-3)).key
    assert counted_on({}, form, {key: 40}) == {key: CountUp(40, step=-1)}


def test_a_seed_that_the_server_understands_is_sent() -> None:
    """Its node allows -1, so the node decides what it means."""
    field = seed_field({"1": node("OwnSampler", seed=-1)})
    assert (field.default, field.counts) == (-1, 0)


@pytest.mark.parametrize("is_used", [True, False])
@pytest.mark.parametrize("step", [1, -1])
def test_a_counting_seed_survives_a_restart(is_used: bool, step: int) -> None:
    """A kept batch counts on in the same direction."""
    seed = CountUp(8, is_used=is_used, step=step)
    assert value_from_json(value_to_json(seed)) == seed


def test_only_a_similar_model_is_suggested() -> None:
    """The endings of model files are all alike and say nothing."""
    offered = ("demo-broken.safetensors", "tiny_sd15.safetensors")
    assert NotOffered("v1-5-pruned-emaonly.safetensors", offered).close() == ""
    close = NotOffered("tiny_sd15_v2.safetensors", offered).close()
    assert close == "Did you mean “tiny_sd15.safetensors”?"
