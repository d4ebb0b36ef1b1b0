"""Saved `widgets_values` find their widgets again, though they have no names and not every place is an input."""

from __future__ import annotations

from typing import Any

import pytest

from tests.graph_samples import CATALOGUE, converted, graph, inputs, node


@pytest.mark.parametrize("control", ["fixed", "randomize", True, False, None])
def test_control_after_generate_takes_a_place(control: object) -> None:
    """The companion of a seed is skipped, also in the boolean form of old files."""
    data = graph(node(1, "Sample", 7, control, 30, "heun", 0.5))
    assert inputs(data, "1") == {"seed": 7, "steps": 30, "sampler_name": "heun", "denoise": 0.5}


def test_upload_button_takes_a_place() -> None:
    """The value saved for an upload button is not an input."""
    assert inputs(graph(node(1, "Picture", "x.png", "image")), "1") == {"image": "x.png"}


def test_missing_values_are_defaults() -> None:
    """Widgets beyond the saved values keep what their definition says."""
    assert inputs(graph(node(1, "Empty", 64)), "1") == {"width": 64, "height": 512}


def test_combo_without_a_value_takes_its_first_choice() -> None:
    """A combo saved as null is sent as its first choice."""
    assert inputs(graph(node(1, "Load", None)), "1") == {"name": "a.safetensors"}


def test_dynamic_combo() -> None:
    """The widgets of the choice follow it, under dotted names, before the node's other widgets."""
    data = graph(node(1, "Resize", "size", 640, 480, True))
    assert inputs(data, "1") == {"how": "size", "how.width": 640, "how.height": 480, "sharpen": True}


def test_dynamic_combo_with_another_choice() -> None:
    """Another choice brings other widgets, so the same places mean other inputs."""
    assert inputs(graph(node(1, "Resize", "factor", 1.5, True)), "1") == {
        "how": "factor",
        "how.factor": 1.5,
        "sharpen": True,
    }


def test_links_of_a_choice_not_taken() -> None:
    """An input that only another choice has is dropped with its link."""
    links = "1.0 IMAGE > 2.how.other"
    taken = graph(node(1, "Picture", "x.png", "image"), node(2, "Resize", "like", True), links=links)
    other = graph(node(1, "Picture", "x.png", "image"), node(2, "Resize", "factor", 1.5, True), links=links)
    assert inputs(taken, "2")["how.other"] == ["1", 0]
    assert "how.other" not in inputs(other, "2")


def test_autogrow() -> None:
    """Members of an autogrow group keep their dotted names, and follow one another in the prompt."""
    data = graph(
        node(1, "Picture", "x.png", "image"),
        node(2, "Join", 3),
        links="\n".join(f"1.0 IMAGE > 2.images.image{n}" for n in (0, 1, 2)),
    )
    assert inputs(data, "2") == {
        "gap": 3,
        "images.image0": ["1", 0],
        "images.image1": ["1", 0],
        "images.image2": ["1", 0],
    }


def test_values_saved_by_name() -> None:
    """A pack that saves its values as an object is read by name, dynamic combos included."""
    saved = {"sharpen": True, "how": "factor", "how.factor": 3.0, "videopreview": {"x": 1}}
    data = graph({**node(1, "Resize"), "widgets_values": saved})
    assert inputs(data, "1") == {"how": "factor", "how.factor": 3.0, "sharpen": True}


def test_dummies_of_forced_inputs() -> None:
    """Old files hold a value for sockets too; it is dropped exactly when the count gives it away."""
    assert inputs(graph(node(1, "Forced", "dummy", 5, "n")), "1") == {"size": 5, "name": "n"}
    assert inputs(graph(node(1, "Forced", 5, "n")), "1") == {"size": 5, "name": "n"}


def test_custom_combo_grows() -> None:
    """Its choices are widgets of its own: one more appears behind each that is filled, and the index is computed."""
    data = graph(node(1, "CustomCombo", "b", 0, "a", "b", ""))
    assert inputs(data, "1") == {"choice": "b", "index": 1, "option1": "a", "option2": "b", "option3": ""}
    shown = converted(data).widget("1", "choice")
    assert shown is not None
    assert shown.spec is not None
    assert shown.spec.choices == ("a", "b")


def test_limits_set_by_the_author() -> None:
    """A primitive number node has the limits in its properties, not those of its class."""
    data = graph(node(1, "PrimitiveInt", 5, properties={"min": 3, "max": 15}))
    shown = converted(data).widget("1", "value")
    assert shown is not None
    assert shown.spec is not None
    assert (shown.spec.options["min"], shown.spec.options["max"]) == (3, 15)
    assert CATALOGUE["PrimitiveInt"].by_name["value"].options["max"] == 9999


@pytest.mark.parametrize("value", [float("nan"), float("inf"), [float("nan")], {"a": float("-inf")}])
def test_numbers_that_json_cannot_carry(value: Any) -> None:
    """NaN and infinity become null, however deep they lie."""
    sent = str(inputs(graph(node(1, "Number", value)), "1"))
    assert "None" in sent
    assert "nan" not in sent
    assert "inf" not in sent


def test_exact_integers() -> None:
    """A 64-bit seed keeps every digit, which a browser would round."""
    assert inputs(graph(node(1, "Sample", 2**64 - 1, "fixed")), "1")["seed"] == 18446744073709551615
