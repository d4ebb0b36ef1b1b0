"""Every place that shows a form calls the same fields main fields."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from comfy.workflow.model import read_workflow
from comfy.workflow.resolve import on_server
from comfyforms.plugins.mcp.tests.same_form import main_fields
from tests.support.samples.forms import small_catalog, text_to_image, workflow_of

OURS = sorted((Path(__file__).parents[4] / "workflows").rglob("*.json"))


def test_a_folded_seed_is_advanced_everywhere() -> None:
    """The page folds it, so no program calls it a main field."""
    places = main_fields(workflow_of(text_to_image()), small_catalog())
    wanted = {"6.text", "7.text", "5.width", "5.height", "5.batch_size"}
    assert places == dict.fromkeys(places, wanted)


@pytest.mark.parametrize("file", OURS, ids=lambda file: file.stem)
def test_our_workflows_have_the_same_form_everywhere(file: Path) -> None:
    """The editor starts from the form without their TOML files."""
    workflow = on_server(replace(read_workflow(file), config=None), small_catalog())
    places = main_fields(workflow, small_catalog())
    assert places == dict.fromkeys(places, places["command"])
