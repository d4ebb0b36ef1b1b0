"""Fields for input images, masks and other files."""

from __future__ import annotations

from typing import Any

import pytest

from comfy.comfyui.object_info import Catalog
from comfy.form.build import build_form
from tests.support.samples.forms import (
    field_of,
    form_of,
    image_prompt,
    main_labels,
    node,
    small_catalog,
    with_values,
    workflow_of,
)


def test_a_repainted_image_has_a_strength_field() -> None:
    """If the workflow repaints an image, the strength is a main field."""
    assert main_labels(form_of(image_prompt())) == [
        "Prompt",
        "Negative prompt",
        "Image",
        "Strength",
        "Steps",
        "Seed",
    ]


def test_a_mask_that_is_read_makes_a_mask_field() -> None:
    """Users can paint on the image if its MASK output is connected."""
    assert field_of(image_prompt(), "10.image").widget == "image"
    masked = with_values(image_prompt(), "3", latent_image=["12", 0])
    masked["12"] = node("SetLatentNoiseMask", samples=["11", 0], mask=["10", 1])
    assert field_of(masked, "10.image").widget == "mask"


def test_a_mask_file_is_an_image() -> None:
    """LoadImageMask reads an image, so there's nothing to paint."""
    masked = with_values(image_prompt(), "3", latent_image=["12", 0])
    masked["12"] = node("SetLatentNoiseMask", samples=["11", 0], mask=["13", 0])
    masked["13"] = node("LoadImageMask", image="example.png", channel="alpha")
    assert field_of(masked, "13.image").widget == "image"


def test_several_images_are_named_and_ordered_by_their_use() -> None:
    """The input that takes an image says more than a number, and its order is the node's."""
    inputs = {name: ["IMAGE", {}] for name in ("first_frame", "last_frame")}
    frames = {"input": {"required": inputs}, "output": ["VIDEO"], "output_node": True}
    catalog = Catalog({**small_catalog().raw, "FramesToVideo": frames})
    prompt = {
        "1": node("LoadImage", image="example.png"),
        "2": node("LoadImage", image="example.png"),
        "3": node("FramesToVideo", first_frame=["2", 0], last_frame=["1", 0]),
    }
    form = build_form(workflow_of(prompt), catalog)
    assert [(one.key, one.label) for one in form.fields] == [
        ("2.image", "First frame"),
        ("1.image", "Last frame"),
    ]


def test_other_peoples_uploads_are_not_offered() -> None:
    """The server lists every file in its input folder. A form doesn't."""
    assert field_of(image_prompt(), "10.image").choices is None


@pytest.mark.parametrize(
    ("loader", "widget"),
    [
        (node("LoadAudio", audio="a.mp3"), "audio"),
        (node("LoadVideo", file="a.mp4"), "video"),
        (node("Load3D", model_file="a.glb"), "file"),
    ],
)
def test_other_media_have_their_widgets(loader: dict[str, Any], widget: str) -> None:
    """Audio, video and other files are uploads too."""
    form = form_of({"1": loader, "2": node("PreviewAny", source=["1", 0])})
    (field,) = [one for one in form.fields if one.group == "main"]
    assert (field.widget, field.required) == (widget, True)
