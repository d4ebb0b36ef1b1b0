"""The passes that turn a prompt's candidates into the fields of a form."""

from __future__ import annotations

import pytest

from comfy.form.candidates import Candidate, find_candidates
from comfy.form.conventions.layers import Layer, Statement
from comfy.form.declare import declare
from comfy.form.limits import choose_widgets, limit_values
from comfy.form.merge import merge
from comfy.form.rules import place
from comfy.prompt.model import InputRef, Prompt
from comfy.prompt.trace import Trace
from comfy.workflow.config import FieldConfig
from tests.support.samples.forms import node, small_catalog, text_to_image

CATALOG = small_catalog()


def declared(prompt: Prompt, *statements: Statement) -> tuple[Candidate, ...]:
    """Return a prompt's candidates after the third pass."""
    layers = (Layer(statements),)
    candidates = declare(find_candidates(prompt, CATALOG), layers, Layer())
    return place(candidates, Trace(prompt, CATALOG))


def about(key: InputRef, said: FieldConfig) -> Candidate:
    """Return a candidate with an author's setting, after all passes."""
    prompt = text_to_image()
    fields = declared(prompt, Statement("toml", (key,), said))
    (found,) = [one for one in limit_values(choose_widgets(merge(fields))) if one.ref == key]
    return found


def test_every_input_with_a_value_is_a_candidate() -> None:
    """Links have no value."""
    prompt = text_to_image()
    literals = {
        InputRef(node_id, name)
        for node_id, node in prompt.items()
        for name, value in node["inputs"].items()
        if not isinstance(value, list)
    }
    assert {one.ref for one in find_candidates(prompt, CATALOG)} == literals


def test_declared_candidates_come_first() -> None:
    """The other candidates follow in the prompt's order."""
    prompt, seed = text_to_image(), InputRef("3", "seed")
    fields = declared(prompt, Statement("toml", (seed,)))
    assert (fields[0].ref, fields[0].source) == (seed, "toml")
    rest = [one.ref for one in find_candidates(prompt, CATALOG) if one.ref != seed]
    assert [one.ref for one in fields[1:]] == rest


def test_merging_keeps_every_input() -> None:
    """Two texts with the same role become a single field that sets both."""
    text = node("CLIPTextEncode", text="a lighthouse at dusk", clip=["4", 1])
    prompt = text_to_image(n7=text)
    before = declared(prompt)
    after = merge(before)
    kept = sorted(each.key for one in after for each in (one, *one.also))
    assert kept == sorted(one.key for one in before)


@pytest.mark.parametrize(
    ("said", "widget", "problems"),
    [
        (FieldConfig("", min=1, max=50), "slider", 0),
        (FieldConfig("", widget="number", min=1, max=50), "number", 0),
        (FieldConfig("", widget="color"), "color", 0),
        (FieldConfig("", widget="dropdown"), "number", 1),
    ],
)
def test_an_author_chooses_the_widget_that_fits(
    said: FieldConfig, widget: str, problems: int
) -> None:
    """The input keeps its own widget if the author's widget doesn't fit."""
    steps = about(InputRef("3", "steps"), said)
    assert (steps.widget, len(steps.problems)) == (widget, problems)


def test_a_default_beyond_the_limits_is_the_limit() -> None:
    """A sentence reports the change."""
    steps = about(InputRef("3", "steps"), FieldConfig("", max=10))
    assert (steps.default, steps.limits.max, len(steps.problems)) == (10, 10, 1)
