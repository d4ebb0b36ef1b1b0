"""Titles that name a field, and titles that say less than the field's own label."""

from __future__ import annotations

from comfy.comfyui.object_info import Catalog
from comfy.form.build import build_form
from comfy.prompt.model import Prompt
from tests.form.rules.test_main_fields import form_with, main
from tests.support.samples.forms import (
    node,
    small_catalog,
    text_to_image,
    titled,
    with_values,
    workflow_of,
)


def test_short_titles_do_not_replace_the_names_of_prompts() -> None:
    """Users may not know what "NEG" means."""
    prompt = text_to_image(
        n6=node("CLIPTextEncode", "POS", text="a fox", clip=["4", 1]),
        n7=node("CLIPTextEncode", "NEG", text="blurry", clip=["4", 1]),
    )
    assert list(main(form_with(prompt)).values())[:2] == ["Prompt", "Negative prompt"]
    prompt = titled(prompt, n6="CLIP Pos", n7="CLIP Neg")
    assert list(main(form_with(prompt)).values())[:2] == ["Prompt", "Negative prompt"]


def test_the_only_prompt_is_not_called_a_style() -> None:
    """The title names a part of a prompt, which only tells texts apart."""
    prompt = with_values(
        text_to_image(n20=node("PrimitiveStringMultiline", "Style", value="an ink fox")),
        "6",
        text=["20", 0],
    )
    assert main(form_with(prompt))["20.value"] == "Prompt"
    parts = text_to_image(
        n20=node("PrimitiveStringMultiline", "Style", value="ink"),
        n21=node("PrimitiveStringMultiline", "Subject", value="a fox"),
        n22=node("StringConcatenate", string_a=["20", 0], string_b=["21", 0], delimiter=", "),
    )
    names = main(form_with(with_values(parts, "6", text=["22", 0])))
    assert (names["20.value"], names["21.value"]) == ("Style", "Subject")


def test_samplers_tell_texts_apart() -> None:
    """One describes the video that is inverted, the other its result."""
    required = {
        name: [kind] for name, kind in (("samples", "LATENT"), ("positive", "CONDITIONING"))
    }
    sampler = {"input": {"required": required}, "output": ["LATENT"], "output_name": ["LATENT"]}
    catalog = Catalog({**small_catalog().raw, "InvertVideo": sampler, "DrawVideo": sampler})
    prompt = text_to_image(
        n3=node("InvertVideo", samples=["5", 0], positive=["6", 0]),
        n10=node("CLIPTextEncode", text="a robot", clip=["4", 1]),
        n11=node("DrawVideo", samples=["3", 0], positive=["10", 0]),
    )
    form = build_form(workflow_of(with_values(prompt, "8", samples=["11", 0])), catalog)
    assert main(form)["6.text"] == "Prompt (Invert Video)"
    assert main(form)["10.text"] == "Prompt (Draw Video)"


def test_a_title_that_spells_the_class_names_nothing() -> None:
    """It's the name that the node had in an older version."""
    prompt = text_to_image(n20=node("TGGenerator", "TG - Generator", prompt="a fox"))
    assert main(form_with(with_values(prompt, "6", text=["20", 0])))["20.prompt"] == "Prompt"


def test_equal_prompts_with_titles_of_their_own_stay_apart() -> None:
    """Their author wants to write something else in each."""
    prompt = text_to_image(
        n6=node("CLIPTextEncode", "Main", text="a fox", clip=["4", 1]),
        n20=node("CLIPTextEncode", "Second", text="a fox", clip=["4", 1]),
        n21=node("ConditioningCombine", conditioning_1=["6", 0], conditioning_2=["20", 0]),
    )
    form = form_with(with_values(prompt, "3", positive=["21", 0]))
    assert {"6.text": "Main", "20.text": "Second"}.items() <= main(form).items()


def test_images_have_no_frames() -> None:
    """An empty video may only be the room for several images."""
    prompt = text_to_image(n5=node("EmptyVideo", width=640, height=480, length=4))
    assert main(form_with(prompt))["5.length"] == "How many"
    video = text_to_image(
        n5=node("EmptyVideo", width=640, height=480, length=4),
        n9=node("SaveAnimatedWEBP", images=["8", 0], filename_prefix="x"),
    )
    assert main(form_with(video))["5.length"] == "Frames"


def two_results(*names: str, **settings: int) -> Prompt:
    """Return a prompt that saves two images, with other `settings` for the second one."""
    first = text_to_image()
    second = with_values(first, "3", **settings)["3"]
    prompt = first | {
        "13": second,
        "18": node("VAEDecode", samples=["13", 0], vae=["4", 2]),
        "19": node("SaveImage", images=["18", 0]),
    }
    for key, name in zip(("9", "19"), names, strict=True):
        prompt = with_values(prompt, key, filename_prefix=name)
    return prompt


def labels(prompt: Prompt, *keys: str) -> list[str]:
    """Return the labels of fields."""
    form = form_with(prompt)
    return [form.field(key).label for key in keys]


def test_settings_are_named_by_the_result_that_they_are_for() -> None:
    """A file name or a title is the name. The editor's own part of a file name is left out."""
    prompt = two_results("ComfyUI-close_up", "images/wide_shot", seed=4, cfg=5)
    seeds = labels(prompt, "3.seed", "13.seed")
    assert seeds == ["Seed", "Seed (wide shot)"]
    assert labels(prompt, "3.cfg", "13.cfg") == [
        "Guidance scale (close up)",
        "Guidance scale (wide shot)",
    ]
    prompt = titled(prompt, n19="The wide one")
    assert labels(prompt, "13.cfg") == ["Guidance scale (The wide one)"]


def test_results_with_the_same_name_name_nothing() -> None:
    """The editor gives all files the same name."""
    prompt = two_results("ComfyUI", "ComfyUI", seed=4)
    assert labels(prompt, "3.cfg", "13.cfg") == ["Guidance scale", "Guidance scale 2"]


def test_a_setting_for_several_results_has_no_result_in_its_name() -> None:
    """Later samplers that have the same steps share a field."""
    prompt = two_results("one", "two", steps=5)
    prompt |= {
        "23": prompt["13"],
        "28": node("VAEDecode", samples=["23", 0], vae=["4", 2]),
        "29": node("SaveImage", images=["28", 0], filename_prefix="three"),
    }
    steps = form_with(prompt).field("13.steps")
    assert steps.targets == (("13", "steps"), ("23", "steps"))
    assert "two" not in steps.label
