"""The server's refusals appear on their fields."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from comfy.base.errors import FILE_REFUSED, NodeError
from comfy.base.messages import Message, message
from comfy.comfyui.protocol.responses import rejection
from comfy.form.model import Form
from comfy.form.server_errors import field_of_failure, place_errors
from tests.support.samples.forms import form_of, node, text_to_image, with_values

FORM = form_of(text_to_image())


def error(
    node_id: str, input_name: str | None, type_: str, message: str = "", details: str = ""
) -> NodeError:
    """Return a single objection of the server."""
    return NodeError(node_id, input_name, "KSampler", type_, message, details)


@pytest.mark.parametrize(
    ("refusal", "key", "sentence"),
    [
        (
            error("3", "steps", "value_smaller_than_min", "Value 0 smaller than min of 1", "steps"),
            "3.steps",
            "Minimum 1.",
        ),
        (
            error("3", "steps", "value_smaller_than_min", "Value -1 smaller than min of 0", ""),
            "3.steps",
            "Minimum 0.",
        ),
        (
            error("3", "denoise", "value_smaller_than_min", "Value 0 smaller than min of 1e-2", ""),
            "3.denoise",
            "Minimum 0.01.",
        ),
        (
            error(
                "3",
                "denoise",
                "value_bigger_than_max",
                "Value 3.0 bigger than max of 1.0",
                "denoise",
            ),
            "3.denoise",
            "Maximum 1.",
        ),
        (
            error(
                "5",
                "width",
                "invalid_input_type",
                "Failed to convert an input value to a INT value",
                "width, wide",
            ),
            "5.width",
            "Enter a whole number.",
        ),
        (
            error("3", "cfg", "required_input_missing", "Required input is missing", "cfg"),
            "3.cfg",
            "Enter a value.",
        ),
        (
            error(
                "4",
                "ckpt_name",
                "value_not_in_list",
                "Value not in list",
                "ckpt_name: 'x' not in []",
            ),
            "4.ckpt_name",
            "This isn't on the server. Choose another.",
        ),
        (
            error("4", "ckpt_name", "file_refused", "It is no longer here.", "Add it again."),
            "4.ckpt_name",
            "This file couldn't be sent. It is no longer here. Add it again.",
        ),
    ],
)
def test_each_objection_lands_on_its_field(refusal: NodeError, key: str, sentence: str) -> None:
    """The sentence appears on the field and needs no knowledge of ComfyUI."""
    assert place_errors(FORM, [refusal]) == ({key: sentence}, ())


@pytest.mark.parametrize("type_", ["dependency_cycle", "graph_has_loop"])
def test_a_loop_is_one_sentence_about_its_nodes(type_: str) -> None:
    """The server says the same about each node of the loop."""
    words = (type_, "Dependency cycle detected", "3 (KSampler) -> 8 (VAEDecode)")
    refusals = [error("3", None, *words), error("8", None, *words)]
    loop = "The links of “KSampler”, “VAE Decode” form a loop. Fix the workflow in ComfyUI."
    assert place_errors(FORM, refusals) == ({}, (loop,))


def test_a_refusal_of_a_loop_is_about_all_its_nodes() -> None:
    """A newer server names them beside the error, not below each node."""
    about = {"node_ids": ["3", "8"], "output_ids": ["9"]}
    refused = {"type": "cycle", "message": "Cycle", "details": "", "extra_info": about}
    *_, errors = rejection({"error": refused, "node_errors": {}})
    assert [(error.node, error.type) for error in errors] == [("3", "cycle"), ("8", "cycle")]


@pytest.mark.parametrize(("node_id", "is_placed"), [("3", True), ("8", False)])
def test_a_refused_dynamic_input_is_named(node_id: str, *, is_placed: bool) -> None:
    """It is on its field if the form has one, otherwise a sentence names it and its node."""
    refusal = error(node_id, "steps", "invalid_dynamic_input", "Not an input of this choice")
    placed, general = place_errors(FORM, [refusal])
    on_field = {"3.steps": "The server rejected this: Not an input of this choice"}
    on_node = (
        "“VAE Decode”: The server doesn't accept the input “Steps”. Fix the workflow in ComfyUI."
    )
    assert placed == (on_field if is_placed else {})
    assert general == (() if is_placed else (on_node,))


def test_a_missing_image_is_requested_again() -> None:
    """LoadImage checks its file itself and has its own error message."""
    form = form_of(
        {"1": node("LoadImage", "Photo", image="a.png"), "2": node("PreviewImage", images=["1", 0])}
    )
    refusal = error(
        "1", "image", "custom_validation_failed", "Custom", "image - Invalid image file: a.png"
    )
    placed, _ = place_errors(form, [refusal])
    assert placed == {"1.image": "“a.png” is no longer available. Add it again."}


def test_several_objections_to_one_field_are_joined() -> None:
    """The app loses no objection and repeats none."""
    refusals = [
        error("3", "steps", "required_input_missing"),
        error("3", "steps", "required_input_missing"),
        error("3", "steps", "invalid_input_type"),
    ]
    placed, general = place_errors(FORM, refusals)
    assert placed == {"3.steps": "Enter a value. Enter a whole number."}
    assert general == ()


@pytest.mark.parametrize(
    "type_", ["return_type_mismatch", "bad_linked_input", "exception_during_inner_validation"]
)
def test_objections_to_links_name_the_node(type_: str) -> None:
    """An error that no field can fix becomes a sentence with the node's title and the fix."""
    placed, general = place_errors(FORM, [error("8", "samples", type_, "m", "d")])
    assert placed == {}
    assert general[0].startswith("“VAE Decode”: Samples")
    assert "Fix the workflow in ComfyUI." in general[0]


def test_a_refused_file_without_a_field_gets_our_own_sentence() -> None:
    """The problem and the fix are whole sentences, in a message with the node's name."""
    refused = error("3", "image", FILE_REFUSED, message("Too large."), message("Shrink it."))
    _, (said,) = place_errors(FORM, [refused])
    assert said == "“KSampler”: Too large. Shrink it."
    assert isinstance(said, Message)
    assert isinstance(said.values["problem"], Message)


def test_a_missing_node_is_named_by_its_class() -> None:
    """The server's message quotes the node's title as the author wrote it, with its notation."""
    words = "Node '<Size:advanced:1>' not found. The custom node may not be installed."
    placed, general = place_errors(
        FORM, [error("8", None, "missing_node_type", words, "Node ID '#8'")]
    )
    assert (placed, general) == ({}, ("“VAE Decode”: Missing node: KSampler.",))


def test_an_unknown_objection_is_passed_on() -> None:
    """The app shows a newer server's error type in the server's own words."""
    _, general = place_errors(FORM, [error("77", None, "brand_new", "Something odd", "in detail")])
    assert general == ("“KSampler”: Something odd: in detail.",)


def recorded(shared: Path) -> Iterator[tuple[str, dict[str, Any], NodeError]]:
    """Yield each objection in the recordings, with the prompt it was about."""
    for file in sorted((shared / "comfyui/recordings").glob("*/*.jsonl")):
        prompt: dict[str, Any] = {}
        for line in file.read_text().splitlines():
            step = json.loads(line)
            if step["kind"] == "http_request":
                prompt = (step.get("json") or {}).get("prompt") or {}
            body = step.get("body") if step["kind"] == "http_response" else None
            for node_id, said in (
                (body.get("node_errors") or {}).items() if isinstance(body, dict) else ()
            ):
                for one in said["errors"]:
                    name = one.get("extra_info", {}).get("input_name")
                    yield (
                        f"{file.parent.name}/{file.stem}",
                        prompt,
                        NodeError(
                            node_id,
                            name,
                            said["class_type"],
                            one["type"],
                            one["message"],
                            one["details"],
                        ),
                    )


def test_every_recorded_objection_becomes_a_sentence(shared: Path) -> None:
    """The app places all refusals of real servers. None of them shows Python, JSON or internal
    names."""
    seen = set()
    for where, prompt, refusal in recorded(shared):
        placed, general = place_errors(form_of(prompt), [refusal])
        sentences = [*placed.values(), *general]
        assert len(sentences) == 1, where
        assert sentences[0].endswith("."), where
        assert "_" not in sentences[0].replace(refusal.node, ""), sentences
        assert "Traceback" not in sentences[0]
        seen.add(refusal.type)
    assert seen >= {
        "value_not_in_list",
        "required_input_missing",
        "value_smaller_than_min",
        "invalid_input_type",
    }


def test_a_field_that_sets_several_inputs_gets_their_objections() -> None:
    """A field shows the errors of all its targets."""
    from comfy.workflow.config import parse_config

    form: Form = form_of(
        with_values(text_to_image(), "5"),
        parse_config("x", {"fields": {"5.width": {"also": ["5.height"]}}}),
    )
    placed, _ = place_errors(form, [error("5", "height", "required_input_missing")])
    assert placed == {"5.width": "Enter a value."}


@pytest.mark.parametrize(
    ("node_id", "detail", "key"),
    [
        ("4", "SafetensorError: Error while deserializing header", "4.ckpt_name"),
        ("4.0.0.2", "SafetensorError: Error while deserializing header", "4.ckpt_name"),
        ("5", "ValueError: width must be a multiple of 64", "5.width"),
        ("5", "ValueError: width and height are too large", None),
        ("9", "UnsafePath: ../outside", "9.filename_prefix"),
        ("4", "RuntimeError: No OpenGL context", None),
        ("3", "torch.OutOfMemoryError: steps", None),
        ("8", "ValueError: samples", None),
        (None, "ValueError: width", None),
    ],
)
def test_a_failure_goes_to_the_field_that_it_names(
    node_id: str | None, detail: str, key: str | None
) -> None:
    """An error about a file goes to the node's only model, even if it happened in a node inside it.
    Other errors go to the input or text that they name. Without a name, no field is marked."""
    field = field_of_failure(FORM, node_id, detail, {"9.filename_prefix": "../outside"})
    assert (field.key if field else None) == key
