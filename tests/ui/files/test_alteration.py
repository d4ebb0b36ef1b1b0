"""The workflows that can change their own results."""

from __future__ import annotations

import json

import pytest

from comfy.prompt.model import Prompt
from tests.support.samples.forms import WORKFLOWS, form_of, node
from ui.documents.run_doc import Alteration
from ui.files.presenter import alteration_of


def shipped(name: str) -> Prompt:
    """Return the prompt of a shipped workflow."""
    prompt: Prompt = json.loads((WORKFLOWS / f"{name}.json").read_text(encoding="utf-8"))
    return prompt


def test_a_workflow_with_an_image_and_a_strength_can_alter() -> None:
    """Subtle changes less than strong."""
    alteration = alteration_of(form_of(image_to_image()))
    assert alteration == Alteration("4.image", "8.denoise", 0.35, 0.65)


def image_to_image() -> Prompt:
    """Return the shipped workflow without its fixed size."""
    return shipped("image-to-image")


@pytest.mark.parametrize("name", ["text-to-image", "inpaint", "upscale"])
def test_other_workflows_cannot(name: str) -> None:
    """They have no image, need a mask, or would enlarge the image each time."""
    assert alteration_of(form_of(shipped(name))) is None


def test_a_second_image_leaves_open_which_one_is_meant() -> None:
    """The workflow may combine both."""
    prompt = image_to_image() | {
        "90": node("LoadImage", image="b.png"),
        "91": node("PreviewImage", images=["90", 0]),
    }
    assert alteration_of(form_of(prompt)) is None
