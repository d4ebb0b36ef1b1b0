"""Repeatable rows as one field, for each notation of prompts."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest

from comfy.base.errors import NodeError
from comfy.form.build import build_form
from comfy.form.check import check
from comfy.form.fill import fill
from comfy.form.model import Field, Form
from comfy.form.server_errors import place_errors
from comfy.prompt.model import InputRef
from comfy.workflow.config import parse_config
from comfy.workflow.model import App, ShownInput
from tests.support.samples.forms import node, workflow_of
from tests.support.samples.rows import LORAS, ROW_CATALOG

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


def form_of(which: str, **inputs: Any) -> Form:
    return build_form(workflow_of(prompt_of(which, **inputs)), ROW_CATALOG)


def rows_of(which: str, **inputs: Any) -> Field:
    return form_of(which, **inputs).field("2.loras")


def sent(which: str, rows: object) -> dict[str, Any]:
    """Return the node's inputs for these rows."""
    form = form_of(which)
    clean, errors = check(form, {"2.loras": rows})
    assert errors == {}
    return fill(workflow_of(form.prompt), form, clean, random.Random(1))[0]["2"]["inputs"]


def refused(which: str, rows: object) -> str:
    return check(form_of(which), {"2.loras": rows})[1]["2.loras"]


@pytest.mark.parametrize("which", CLASS_OF)
def test_rows_are_one_main_field(which: str) -> None:
    """The field has the workflow's rows, and hides the inputs behind it."""
    form = form_of(which)
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
    assert form_of("manager").field("2.text").group == "hidden"


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
    form = form_of("stack")
    clean, _ = check(form, {"2.loras": rows})
    prompt, used = fill(workflow_of(form.prompt), form, clean, random.Random(1))
    assert prompt["2"]["inputs"]["loras.0.note"] == "a"
    assert used["2.loras"] == [{"lora_name": INK, "strength": 1.0, "note": "a"}]


@pytest.mark.parametrize("which", CLASS_OF)
def test_unchanged_rows_leave_the_prompt_alone(which: str) -> None:
    """Names, values and their order stay as the author saved them."""
    form = form_of(which)
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
    assert form_of("power").missing == ()
    gone = {"on": True, "lora": "gone.safetensors", "strength": 1}
    (missing,) = form_of("power", lora_2=gone).missing
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
    form = form_of("power", lora_2=gone)
    rows = [
        row | change if row["lora"] == gone["lora"] and row["on"] else row
        for row in form.field("2.loras").default
    ]
    _, errors = check(form, {"2.loras": rows})
    assert bool(errors) == is_refused


def test_a_linked_cell_keeps_its_rows() -> None:
    """Then the other cells are fields of their own, and no row can be added."""
    form = form_of("stack", **{"loras.0.note": ["1", 0]})
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
    placed, general = place_errors(form_of("stack"), [error])
    assert (placed, general) == ({"2.loras": "LoRA 2: Strength: Maximum 2."}, ())


def test_the_schema_describes_each_cell() -> None:
    """Programs get the columns with their limits."""
    schema = rows_of("stack").kind.schema(rows_of("stack"))
    cells = schema["items"]["properties"]
    assert (schema["minItems"], schema["maxItems"]) == (1, 3)
    assert (cells["strength"]["minimum"], cells["strength"]["maximum"]) == (-2.0, 2.0)
    assert [one["const"] for one in cells["lora_name"]["oneOf"]] == LORAS
