"""Fields for input images, masks and other files."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.samples.forms import (
    field_of,
    form_of,
    image_prompt,
    main_labels,
    node,
    with_values,
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
