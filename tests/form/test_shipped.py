"""The workflows that come with the project."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest

from comfy.base.messages import Message
from comfy.comfyui.object_info import Catalog
from comfy.form.build import build_form
from comfy.form.check import check
from comfy.form.fill import fill
from comfy.workflow.model import read_workflow
from tests.support.samples.forms import WORKFLOWS, small_catalog

SHIPPED = sorted(WORKFLOWS.glob("*.json"))
SOUND = WORKFLOWS / "text-to-sound.json"  # needs models of its own
STAND_IN: dict[str, object] = {"PartnerText": {}}  # part of its node definitions
IMAGES = [file for file in SHIPPED if file != SOUND]
STEPS = sorted((WORKFLOWS / "steps").glob("*.json"))


def test_six_workflows_are_shipped() -> None:
    """The workflows are text to image, image to image, inpaint, upscale, an animation, and text to
    sound."""
    assert {file.stem for file in SHIPPED} == {
        "animation",
        "image-to-image",
        "inpaint",
        "text-to-image",
        "text-to-sound",
        "upscale",
    }


@pytest.mark.parametrize("file", IMAGES, ids=lambda file: file.stem)
def test_each_runs_out_of_the_box(file: Path) -> None:
    """With any checkpoint on the server, the form has no problem. Its defaults are valid and fill
    every target."""
    workflow = read_workflow(file)
    form = build_form(workflow, small_catalog())
    assert form.problems == ()
    assert form.description
    values, errors = check(form, {})
    assert errors == {}
    prompt, used = fill(workflow, form, values, random.Random(1))
    assert used["1.ckpt_name"] == "tiny_sd15.safetensors"
    assert prompt["1"]["inputs"]["ckpt_name"] == "tiny_sd15.safetensors"
    assert prompt.keys() == workflow.prompt.keys()


def test_a_real_server_gets_english_prompts() -> None:
    """Its models read nothing else. Only the ideas' labels are translated. The stand-in also reads
    the translations of the prompts, whose default stays the workflow's own. The texts of another
    author, with a title of their own, are never translated."""
    workflow = read_workflow(WORKFLOWS / "text-to-image.json")
    real, demo = (
        build_form(workflow, Catalog({**small_catalog().raw, **mark})) for mark in ({}, STAND_IN)
    )
    for form, is_translated in ((real, False), (demo, True)):
        assert all(isinstance(idea.label, Message) and idea.cover for idea in form.ideas)
        values = [value for idea in form.ideas for value in idea.values.values()]
        assert {isinstance(value, Message) for value in values} == {is_translated}
        prompts = [field for field in form.fields if field.role in ("prompt", "negative")]
        assert [isinstance(field.example, Message) for field in prompts] == [is_translated] * 2
        assert not any(isinstance(field.default, Message) for field in prompts)
    assert workflow.config
    other = replace(workflow, config=replace(workflow.config, title="Mine"))
    form = build_form(other, Catalog({**small_catalog().raw, **STAND_IN}))
    assert not any(isinstance(idea.label, Message) for idea in form.ideas)
    assert not any(field.example for field in form.fields)


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.stem)
def test_each_form_has_at_most_eight_main_fields(file: Path) -> None:
    """Each form has at most eight main fields, including the prompt. Seeds and steps are folded."""
    fields = build_form(read_workflow(file), small_catalog()).fields
    labels = [field.label for field in fields if field.group == "main"]
    assert len(labels) <= 8
    assert "Prompt" in labels
    assert "Negative prompt" in [field.label for field in fields]
    assert not {"Seed", "Steps"}.intersection(labels)


@pytest.mark.parametrize("file", STEPS, ids=lambda file: file.stem)
def test_image_fields_come_first(file: Path) -> None:
    """The images are required and come before all other fields."""
    fields = build_form(read_workflow(file), small_catalog()).fields
    media = [field for field in fields if field.is_media]
    assert list(fields[: len(media)]) == media != []
    assert all(field.group == "main" and field.required for field in media)


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.stem)
@pytest.mark.parametrize("version", ["0.33.0", "0.3.64"])
def test_each_fits_real_servers(shared: Path, file: Path, version: str) -> None:
    """Both server versions know every node and input, require no other input, and accept the
    values."""
    catalog = Catalog.read(shared / "comfyui" / f"object_info-{version}.json.gz")
    workflow = read_workflow(file)
    form = build_form(workflow, catalog)
    assert [one.key for one in form.missing] == (
        ["1.ckpt_name", "2.clip_name"] if file == SOUND else []
    )
    for node in workflow.prompt.values():
        spec = catalog[node["class_type"]]
        needed = {one.name for one in spec.inputs if one.required}
        assert needed <= set(node["inputs"]) <= {one.name for one in spec.inputs}


def test_only_the_inpaint_workflow_has_a_mask() -> None:
    """Only the inpaint workflow reads the mask of its image."""
    widgets = {
        file.stem: next(
            (
                field.widget
                for field in build_form(read_workflow(file), small_catalog()).fields
                if field.is_media
            ),
            None,
        )
        for file in IMAGES
    }
    assert widgets == {
        "animation": None,
        "image-to-image": "image",
        "inpaint": "mask",
        "text-to-image": None,
        "upscale": "image",
    }


def test_the_seeds_of_all_shipped_forms_have_the_same_help() -> None:
    """One sentence explains what a seed does."""
    fields = [
        field
        for file in SHIPPED
        for field in build_form(read_workflow(file), small_catalog()).fields
    ]
    helps = {str(field.tooltip) for field in fields if field.key.endswith("seed")}
    assert helps == {"The same seed and settings give the same result."}
