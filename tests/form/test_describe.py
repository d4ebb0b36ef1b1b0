"""Titles and sentences for workflows without a description."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from comfy.base.wording import known_names, says_more
from comfy.form.describe import facts, kind_title
from tests.support.samples.forms import form_of, node, text_to_image, with_values


def _from_image() -> dict[str, Any]:
    encode = node("VAEEncode", pixels=["10", 0], vae=["4", 2])
    return text_to_image(n10=node("LoadImage", image="boat.png"), n5=encode)


@pytest.mark.parametrize(
    ("prompt", "sentence", "title", "line"),
    [
        (
            text_to_image(),
            "Create an image from a text.",
            "Text to image (SD 1.5)",
            "Text → Image, 512 × 512",
        ),
        (
            _from_image(),
            "Create an image from a text and your image.",
            "Image to image (SD 1.5)",
            "Text, Image → Image",
        ),
    ],
)
def test_a_form_says_what_it_makes(
    prompt: dict[str, Any], sentence: str, title: str, line: str
) -> None:
    """In a sentence, a title with the model that makes the result, and a line of facts."""
    form = form_of(prompt)
    assert str(form.description) == sentence
    assert str(kind_title(form, "my_flux_workflow")) == title
    assert str(facts(form)) == line


def test_an_upscaler_without_an_image_is_a_last_step() -> None:
    """The file's name then doesn't say what the workflow is for."""
    name = "anima-upscale-with-wildcards"
    assert str(kind_title(form_of(text_to_image()), name)) == "Text to image (SD 1.5)"
    assert str(kind_title(form_of(_from_image()), name)) == "Upscale (SD 1.5)"


def test_a_chains_form_says_what_it_makes() -> None:
    """It combines the forms of its steps, and has no prompt of its own."""
    assert str(facts(replace(form_of(text_to_image()), prompt={}))) == "Text → Image, 512 × 512"


@pytest.mark.parametrize(
    ("name", "is_title"),
    [
        ("workflow", False),
        ("Unsaved Workflow (2)", False),
        ("ws_inpaint_basic", False),
        ("03-V7-two-images-edit", False),
        ("ComfyUI_00012_", False),
        ("Simple", False),
        ("z-image-two-stage", False),
        ("First-Last-Frame-Reasonable", True),
        ("Basic Text to Image", True),
        ("upscale", True),
        ("海辺の写真", True),
    ],
)
def test_a_files_name_is_a_title_if_a_person_wrote_it(name: str, is_title: bool) -> None:
    """Words joined by underscores, and words about files, are for machines."""
    assert says_more(name) is is_title


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("flux_character_sheet", "Character sheet (Flux)"),
        ("Qwen-Image-Edit-2509_object-swap", "Object swap (Qwen)"),
        ("멀티앵글생성_2", "멀티앵글생성"),
        ("SeedVR2_4K_upscale", "Upscale (SeedVR 2)"),
        ("ace_step_split_cover", "Cover (ACE)"),
        ("cfy-shezw-2-image", "Image to image"),
        ("controlnet_example", "Image to image (ControlNet)"),
    ],
)
def test_words_for_a_task_replace_the_kind(name: str, title: str) -> None:
    """An author's short name or a number isn't such a word. A name that no model file has counts."""
    form = form_of(_from_image())
    unknown = tuple(one for one in form.fields if one.role != "model")
    assert kind_title(replace(form, fields=unknown), name) == title


def test_the_model_of_the_first_sampler_of_the_result_counts() -> None:
    """Not a helper's, whose picture a ControlNet follows, nor a second pass's."""
    prompt = {
        "1": node("CheckpointLoaderSimple", ckpt_name="broken.safetensors"),
        "2": node("KSampler", model=["1", 0], latent_image=["5", 0], seed=1),
        **text_to_image(),
        "13": node("VAEDecode", samples=["2", 0], vae=["1", 2]),
        "14": node("ControlNetApplyAdvanced", positive=["6", 0], image=["13", 0], strength=1.0),
        "16": node("KSampler", model=["1", 0], latent_image=["3", 0], seed=2),
    }
    prompt = with_values(prompt, "3", positive=["14", 0])
    form = form_of(with_values(prompt, "8", samples=["16", 0]))
    assert [one.key for one in form.fields if one.role == "model"] == ["4.ckpt_name"]


def test_a_video_between_two_frames_has_its_own_title() -> None:
    """The file's name says so, because a form with two images may also do something else."""
    saved = node("SaveAnimatedWEBP", images=["8", 0], filename_prefix="video")
    form = form_of({**_from_image(), "9": saved, "4": node("CheckpointLoaderSimple")})
    assert kind_title(form, "LTX23_FLF-I2V_API") == "First and last frame to video (LTX 2.3)"
    assert kind_title(form, "LTX23_I2V_API") == "Image to video (LTX 2.3)"


@pytest.mark.parametrize(
    ("name", "names"),
    [
        ("cfy-shezw-ltx23-image-audio-video", "LTX 2.3"),
        ("0_Flux2Klein_AnimeToReal", "Flux 2"),
        ("video_wan2_2_14B_fun", "Wan 2.2"),
        ("Wan2_1-T2V-1_3B_fp8", "Wan 2.1"),
        ("wan2.1_vace_14B_fp16", "Wan 2.1 VACE"),
        ("swarmui_basic", ""),
    ],
)
def test_the_models_in_a_files_name_are_known(name: str, names: str) -> None:
    """With their versions."""
    assert known_names(name) == names
