"""The switch for VideoHelperSuite's previews, sent with a prompt."""

from __future__ import annotations

import pytest

from comfy.prompt.animated_previews import animated_previews
from tests.support.samples.forms import node


@pytest.mark.parametrize("class_type", ["VHS_VideoCombine", "VHS_LoadVideo"])
def test_a_prompt_with_nodes_of_the_pack_switches_them_on(class_type: str) -> None:
    """The switch is where the pack reads it: in `extra_pnginfo`, `workflow`, `extra`."""
    told = animated_previews({"1": node("KSampler"), "2": node(class_type)})
    extra = told["extra_pnginfo"]["workflow"]["extra"]
    assert extra == {"VHS_latentpreview": True, "VHS_latentpreviewrate": 0}


def test_other_prompts_get_no_previews() -> None:
    """The app adds nothing to the results of other prompts."""
    assert animated_previews({"1": node("KSampler"), "2": node("SaveImage")}) == {}
