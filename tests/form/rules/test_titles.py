"""Titles that name a field, and titles that say less than the field's own label."""

from __future__ import annotations

from tests.form.rules.test_main_fields import form_with, main
from tests.support.samples.forms import node, text_to_image, titled, with_values


def test_short_titles_do_not_replace_the_names_of_prompts() -> None:
    """Users may not know what "NEG" means."""
    prompt = text_to_image(
        n6=node("CLIPTextEncode", "POS", text="a fox", clip=["4", 1]),
        n7=node("CLIPTextEncode", "NEG", text="blurry", clip=["4", 1]),
    )
    assert list(main(form_with(prompt)).values())[:2] == ["Prompt", "Negative prompt"]
    prompt = titled(prompt, n6="CLIP Pos", n7="CLIP Neg")
    assert list(main(form_with(prompt)).values())[:2] == ["Prompt", "Negative prompt"]


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
