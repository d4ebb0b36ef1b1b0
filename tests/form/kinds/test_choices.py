"""Choices that the server doesn't offer, such as words in another language."""

from __future__ import annotations

import random
from typing import Any

import pytest

from comfy.comfyui.object_info import Catalog
from comfy.form.build import build_form
from comfy.form.check import check
from comfy.form.fill import fill
from comfy.form.model import Form
from comfy.workflow.config import parse_config
from tests.support.samples.extra_nodes import node_entry
from tests.support.samples.forms import node, workflow_of


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
