"""Form of a step, with the fields that its own values add."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from comfy.chains.model import Source, Step
from comfy.chains.step_form import StepForm, step_form
from comfy.form.model import Form
from tests.support.samples.extra_nodes import PAINTED, wide_form

IMAGE, SECOND, THIRD = "1.image", *(f"8.model.images.image_{n}.image" for n in (2, 3))
MODE, RATE, SIZE = "8.model.mode", "8.model.mode.rate", "8.model.size"


def of(step: Step, **settings: Any) -> StepForm:
    """Return the form of a step whose prompt is `PAINTED`."""

    def form_of(values: Mapping[str, object]) -> Form:
        return wide_form(PAINTED, values)

    return step_form(form_of, step, {key.replace("__", "."): one for key, one in settings.items()})


def keys(one: StepForm) -> set[str]:
    return {field.key for field in one.form.fields}


def test_fields_of_a_choice_are_found_by_label() -> None:
    """Labels also find the fields of a nested choice, in any order."""
    labelled = {"Rate": 9, "Mode": "fast", "Model": "Animated"}
    said = of(Step("a", 1, "painted", values=labelled))
    assert said.step.values == {RATE: 9, MODE: "fast", "8.model": "Animated"}
    assert {RATE, MODE} <= keys(said)
    typed = step_form(lambda values: wide_form(PAINTED, values), Step("a", 1, "painted"), labelled)
    assert typed.settings == said.step.values
    wrong = of(Step("a", 1, "painted", values={"Rate": 9, "Model": "Animated"}))
    assert wrong.step.values == {"Rate": 9, "8.model": "Animated"}  # there is no such field


def test_values_of_another_choice_are_ignored() -> None:
    """The app ignores the author's values and fields for the other choice. The fields of the user's
    choice appear next to the choice, if the form shows it."""
    step = Step("a", 1, "painted", values={"Model": "Large", "Size": "2K"}, show=("Model", "Size"))
    assert of(step).step.values == {"8.model": "Large", SIZE: "2K"}
    chosen = of(step, **{"8.model": "Animated", MODE: "fast"})
    assert chosen.step.values == {"8.model": "Large"}
    assert chosen.step.show == ("8.model", MODE, RATE)
    hidden = of(Step("a", 1, "painted", show=("Seed",)), **{"8.model": "Animated"})
    assert hidden.step.show == ("8.seed",)


def test_file_fields_are_added_by_label_or_key() -> None:
    """A label brings the fields before it, too. A field that the user adds appears next to the
    shown one."""
    inputs = {"Image 3": (Source("b"),)}
    assert of(Step("a", 1, "painted", inputs=inputs)).step.inputs == {THIRD: (Source("b"),)}
    both = of(Step("a", 1, "painted", inputs=inputs))
    assert {IMAGE, SECOND, THIRD} <= keys(both)
    alone = of(Step("a", 1, "painted", inputs={THIRD: (Source("b"),)}))
    assert SECOND not in keys(alone)
    added = of(Step("a", 1, "painted", show=("Image", "Seed")), **{SECOND: None})
    assert added.step.show == (IMAGE, SECOND, "8.seed")
    assert "Image 4" in of(Step("a", 1, "painted", values={"Image 4": "b.png"})).step.values


def test_a_repeated_choice_adds_the_fields_of_every_option() -> None:
    """Labels also find the fields of a nested choice. If a repeated value is no list of choices,
    the app reports it when it reads the values."""
    values = {"Size": "2K", "Rate": 9}
    repeat = {"Model": ("Large", "Animated"), "Mode": "plain, fast"}
    said = of(Step("a", 1, "painted", values=values, repeat=repeat, show=("Model",)))
    assert said.step.values == {SIZE: "2K", RATE: 9}
    assert said.step.repeat == {"8.model": ("Large", "Animated"), MODE: "plain, fast"}
    assert {IMAGE, SIZE, MODE, RATE} <= keys(said)  # also for the author's own choice
    assert len(keys(said)) == len(said.form.fields)
    one = of(Step("a", 1, "painted", values={"Size": "2K"}, repeat={"Model": ("Animated",)}))
    assert one.step.values == {"Size": "2K"}  # there is no such field
