"""Titles and sentences for workflows without a description."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from comfy.base.wording import known_names, says_more
from comfy.comfyui.object_info import Catalog
from comfy.form.build import build_form
from comfy.form.describe import facts, kind_title
from tests.form.more_nodes import TEXT, form_with, more_nodes, spec
from tests.support.samples.forms import (
    form_of,
    main_labels,
    node,
    text_to_image,
    with_values,
    workflow_of,
)


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


def test_the_line_has_a_length_and_a_ratio_from_other_nodes() -> None:
    """A constant sets the number of frames, and another node chooses the size by its ratio."""
    prompt = text_to_image(
        n5=node("EmptyVideo", width=["20", 0], height=["20", 1], length=["30", 0]),
        n9=node("SaveAnimatedWEBP", images=["8", 0], filename_prefix="video", fps=24.0),
        n20=node("ResolutionSelector", aspect_ratio="16:9", megapixels=1.0, multiple=8),
        n30=node("PrimitiveInt", value=121),
    )
    assert str(facts(form_with(prompt))) == "Text → Video, about 5 s, 16:9"


def test_the_line_has_no_folded_size_beside_an_image() -> None:
    """The node may take the image's size instead."""
    form = form_of(_from_image())
    sides = (
        replace(one, role=one.input, group="advanced")
        for one in form_of(text_to_image()).fields
        if one.input in ("width", "height")
    )
    assert str(facts(replace(form, fields=(*form.fields, *sides)))) == "Text, Image → Image"


def test_the_line_counts_images() -> None:
    form = form_of(_from_image())
    (image,) = (one for one in form.fields if one.media == "image")
    second = replace(image, key="99.image")
    assert str(facts(replace(form, fields=(*form.fields, second)))) == "Text, 2 images → Image"


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
        ("Chatterbox integration", False),
        ("Flux Kontext", False),
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


@pytest.mark.parametrize(
    ("class_type", "title", "sentence"),
    [
        ("SAM2Segment", "Segmentation (SAM 2)", "Cut out what you name."),
        ("RMBG", "Background removal", "Remove the background."),
        ("DWPose", "Pose map", "Draw the poses of people."),
        ("DepthAnything", "Depth map", "Show how far away things are."),
        ("SeedVR2Upscaler", "Upscale (SeedVR 2)", "Enlarge an image or a video."),
        ("MultiangleCamera", "New camera angle", "Show your image from another angle."),
        ("PadForOutpaint", "Outpaint", "Extend your image beyond its edges."),
        ("Cartoonize", "Image to image", "Create an image from your image."),
    ],
)
def test_node_classes_tell_the_task(class_type: str, title: str, sentence: str) -> None:
    """A file's name that isn't a title counts less. A text for a segmentation names the object."""
    text = {"prompt": TEXT} if "Segment" in class_type else {}
    catalog = Catalog({**more_nodes().raw, class_type: spec({"image": ["IMAGE"], **text}, "IMAGE")})
    prompt = {
        "1": node("LoadImage", image="boat.png"),
        "2": node(class_type, image=["1", 0], **dict.fromkeys(text, "a bag")),
        "3": node("SaveImage", images=["2", 0], filename_prefix="x"),
    }
    form = build_form(workflow_of(prompt), catalog)
    assert (str(kind_title(form, "Simple")), str(form.description)) == (title, sentence)
    if text:
        assert [str(one.tooltip) for one in form.fields if one.role == "prompt"] == [
            "Name what to cut out."
        ]
        assert [idea.label for idea in form.ideas] == ["a bag"]


def test_a_helper_of_a_sampler_is_no_task() -> None:
    """A cut-out object only guides the sampler, whose result is another image."""
    catalog = Catalog({**more_nodes().raw, "RMBG": spec({"image": ["IMAGE"]}, "IMAGE")})
    cut = {**_from_image(), "11": node("RMBG", image=["10", 0])}
    form = build_form(workflow_of(with_values(cut, "5", pixels=["11", 0])), catalog)
    assert str(kind_title(form, "Simple")) == "Image to image (SD 1.5)"


@pytest.mark.parametrize(
    ("class_type", "label", "title"),
    [
        ("ChatterBoxSpeech", "Audio", "Text to speech"),
        ("TextEncodeAceStepAudio", "Audio", "Cover of a song (ACE)"),
    ],
)
def test_sounds_have_tasks_of_their_own(class_type: str, label: str, title: str) -> None:
    """A file's known name takes part in the title."""
    reads = spec({"text": TEXT, "audio": ["AUDIO"]}, "AUDIO")
    catalog = Catalog({**more_nodes().raw, **SOUNDS, class_type: reads})
    prompt = {
        "1": node("LoadAudio", audio="voice.wav"),
        "2": node(class_type, text="Welcome aboard.", audio=["1", 0]),
        "3": node("SaveAudio", audio=["2", 0], filename_prefix="x"),
    }
    form = build_form(workflow_of(prompt), catalog)
    assert str(kind_title(form, "Simple")) == title
    assert main_labels(form)[1] == label


SOUNDS = {
    "LoadAudio": spec({"audio": [["voice.wav"], {"audio_upload": True}]}, "AUDIO"),
    "SaveAudio": spec({"audio": ["AUDIO"], "filename_prefix": ["STRING", {}]}, output_node=True),
}


@pytest.mark.parametrize(
    ("text", "image", "help_text"),
    [("TextEncodeQwenImageEdit", True, "change in the image"), ("PackText", False, "want to see")],
)
def test_a_prompt_has_help(text: str, image: bool, help_text: str) -> None:
    """An encoder for edits says what to change only if there is an image. Packs' have help, too."""
    encode = spec({"clip": ["CLIP"], "prompt": TEXT}, "CONDITIONING", python_module="comfy_extras")
    catalog = Catalog({**more_nodes().raw, text: encode})
    prompt = {**(_from_image() if image else text_to_image())}
    prompt["6"] = node(text, prompt="a boat", clip=["4", 1])
    form = build_form(workflow_of(prompt), catalog)
    assert help_text in next(str(one.tooltip) for one in form.fields if one.role == "prompt")
    if image:
        alone = build_form(workflow_of({**text_to_image(), "6": prompt["6"]}), catalog)
        assert "want to see" in next(str(f.tooltip) for f in alone.fields if f.role == "prompt")


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
