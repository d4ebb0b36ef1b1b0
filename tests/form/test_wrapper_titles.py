"""Titles of Minimalistic Comfy Wrapper WebUI: titles that define fields, and titles that don't."""

from __future__ import annotations

from typing import Any

import pytest

from comfy.form.conventions.mcww_titles import read_wrapper_title
from comfy.prompt.model import Prompt
from tests.support.samples.forms import (
    form_of,
    node,
    shown,
    sources,
    text_to_image,
    titled,
    with_values,
)


def wrapped() -> Prompt:
    """Return a prompt with titles for that program."""
    return titled(
        text_to_image(n10=node("PrimitiveInt", value=30)),
        n6="<Prompt:prompt:1>",
        n7="<Negative:prompt:2>",
        n5="<Count:important:1> 1, 8, 1",
        n3="<Sampling seed:advanced/Sampling:3>",
        n9="<Output:output:1>",
    )


def test_a_wrappers_titles_make_its_form() -> None:
    """Each titled node becomes a field in the place that its title gives. The form shows nothing
    else."""
    form = form_of(wrapped())
    assert shown(form) == [("6.text", "Prompt"), ("7.text", "Negative"), ("5.width", "Count")]
    assert sources(form) == {"mcww"}
    (seed,) = [field for field in form.fields if field.group == "advanced"]
    assert (seed.label, seed.section) == ("Sampling seed", "Sampling")
    assert [output.node for output in form.outputs] == ["9"]
    assert form.titles["9"] == "Output"


def test_a_wrappers_numbers_are_sliders_within_its_limits() -> None:
    """The values min, max and step follow the title, with or without commas."""
    prompt = titled(wrapped(), n10="<Steps:advanced:2/2> 1 50 1")
    prompt = with_values(prompt, "3", steps=["10", 0])
    field = form_of(prompt).field("10.value")
    assert (field.widget, field.min, field.max, field.step, field.default) == (
        "slider",
        1,
        50,
        1,
        30,
    )


def test_a_wrappers_seed_is_drawn() -> None:
    """A whole number with “seed” in its label and no arguments is a seed."""
    prompt = with_values(titled(wrapped(), n10="<My Seed:prompt:3>"), "3", seed=["10", 0])
    assert form_of(prompt).field("10.value").widget == "seed"
    prompt = titled(prompt, n10="<My Seed:prompt:3> 0, 9")
    assert form_of(prompt).field("10.value").widget == "slider"


def test_a_wrappers_order_is_category_tab_row_column() -> None:
    """Rows are ordered by number, and tabs by their lowest row. Within a row, columns come before
    single fields."""
    order = [
        "<D:prompt/B:9>",
        "<B:prompt/A:2>",
        "<C:prompt/A:3/2>",
        "<E:prompt/A:3/1>",
        "<F:prompt/A:3>",
        "<G:x:0>",
    ]
    extra: dict[str, Any] = {
        f"n{20 + i}": node("CLIPTextEncode", title, text="t", clip=["4", 1])
        for i, title in enumerate(order)
    }
    extra["n9"] = node("SaveImage", "<Out:output:1>", images=["8", 0], filename_prefix="x")
    form = form_of(text_to_image(**extra))
    fields = [field for field in form.fields if field.source == "mcww"]
    assert [field.label for field in fields] == ["B", "E", "C", "F", "D", "G"]
    assert fields[-1].section == "x"


def test_a_wrappers_own_words_are_read_in_any_case_and_number() -> None:
    """The prompt category may also be called “Prompts”. Any other word is the author's own
    section."""
    assert [
        read_wrapper_title(f"<a:{word}:1>").category for word in ("Prompts", "OUTPUT", "ControlNet")
    ] == [  # type: ignore[union-attr]
        "prompt",
        "output",
        "ControlNet",
    ]


@pytest.mark.parametrize(
    "title", ["<b>bold</b>", "<Prompt>", "<Prompt:prompt>", "<:prompt:1>", "a <Prompt:prompt:1>"]
)
def test_incomplete_wrapper_titles_are_plain_titles(title: str) -> None:
    """A title with only half of the notation is just a title."""
    assert read_wrapper_title(title) is None
    assert sources(form_of(titled(text_to_image(), n6=title))) == {"heuristic"}


def test_an_incomplete_wrapper_graph_keeps_the_rest_at_hand() -> None:
    """Without a prompt and an output, that program shows nothing. Here the remaining fields are
    advanced."""
    form = form_of(titled(text_to_image(), n6="<Prompt:prompt:1>"))
    assert shown(form) == [("6.text", "Prompt")]
    assert form.field("3.steps").group == "advanced"


def test_a_model_the_server_lacks_stays_reachable() -> None:
    """A wrapper hides the field, but the user couldn't run the workflow without it."""
    form = form_of(with_values(wrapped(), "4", ckpt_name="gone.safetensors"))
    assert form.field("4.ckpt_name").group == "advanced"
    assert form.field("3.cfg").group == "hidden"


def test_a_titled_node_without_values_is_a_problem() -> None:
    """The sentence names the label and the node."""
    form = form_of(titled(wrapped(), n8="<Image:prompt:4>"))
    assert "“Image” has nothing to set: all inputs of node 8" in " ".join(form.problems)


def test_a_missing_node_is_named_by_its_label() -> None:
    """Sentences about missing nodes use the form's names for them."""
    lacking = wrapped() | {"30": node("Quux", "<Glow:advanced:9>", images=["8", 0])}
    (said,) = [problem for problem in form_of(lacking).problems if "Missing node" in problem]
    assert "Glow" in said
    assert "<Glow" not in said
