"""Files in forms: images, masks, video and audio."""

from __future__ import annotations

import random
from typing import Any

import pytest

from comfy.comfyui.object_info import Catalog
from comfy.form.build import build_form
from comfy.form.check import check
from comfy.form.fill import fill
from comfy.form.model import Form
from comfy.prompt.arrange import add_loaders, room_to_grow
from comfy.prompt.model import Prompt
from comfy.workflow.config import parse_config
from tests.form.more_nodes import form_with
from tests.support.samples.extra_nodes import wide_catalog, wide_form
from tests.support.samples.forms import (
    field_of,
    form_of,
    image_prompt,
    main_labels,
    node,
    small_catalog,
    text_to_image,
    with_values,
    workflow_of,
)

PHOTO = node("LoadImage", "Load Image", image="example.png")


def edit(*loaders: str, **changed: Any) -> Prompt:
    """Return a prompt that makes an image from a text and reference images, with one loader per
    image."""
    painter = node("Painter", model="Small", seed=1, **{"model.prompt": "a fox", "model.steps": 4})
    for number, loader in enumerate(loaders, 1):
        painter["inputs"][f"model.images.image_{number}"] = [loader, 0]
    prompt = dict.fromkeys(loaders, PHOTO) | {
        "8": painter,
        "9": node("SaveImage", filename_prefix="x", images=["8", 0]),
    }
    return prompt | changed


def filled(prompt: Prompt, values: dict[str, object]) -> tuple[Prompt, dict[str, Any]]:
    form = wide_form(prompt, values)
    clean, errors = check(form, values)
    assert errors == {}
    return fill(workflow_of(prompt), form, clean, random.Random(1))


def steered() -> Prompt:
    """Return an image-to-image prompt with an adapter that takes another image."""
    adapter = node("StyleAdapter", model=["4", 0], image=["20", 0], weight=1.0)
    return with_values(image_prompt() | {"20": PHOTO, "21": adapter}, "3", model=["21", 0])


@pytest.mark.parametrize("empty", [None, "", " "])
def test_an_empty_optional_image_is_removed_from_the_prompt(empty: object) -> None:
    """The app also removes the node that needed the image. The run's values say that there was no
    image."""
    field = wide_form(steered()).field("20.image")
    assert (field.optional, field.required) == (True, False)
    prompt, used = filled(steered(), {"20.image": empty})
    assert prompt == image_prompt()
    assert used["20.image"] is None
    assert filled(steered(), used)[0] == prompt


def test_an_omitted_image_keeps_the_authors_default() -> None:
    """A missing key means the default, as for every field."""
    assert filled(steered(), {})[0] == steered()


def test_a_missing_optional_example_is_removed_from_the_prompt() -> None:
    """The author's own file isn't on this server and the user adds no image. The run does without
    it."""
    prompt = with_values(steered(), "20", image="mine.png")
    assert filled(prompt, {})[0] == image_prompt()


def test_the_only_image_is_needed() -> None:
    """Without it, the run would have a result, which has nothing to do with the graph. The author
    may allow that."""
    adapter = node("StyleAdapter", model=["4", 0], image=["20", 0], weight=1.0)
    prompt = with_values(text_to_image(n20=PHOTO, n21=adapter), "3", model=["21", 0])
    field = wide_form(prompt).field("20.image")
    assert (field.optional, field.required, field.group) == (False, True, "main")
    lax = parse_config("x.toml", {"fields": {"20.image": {"required": False}}})
    assert wide_form(prompt, None, lax).field("20.image").optional


def test_an_author_decides_whether_an_image_is_required() -> None:
    """An author can require an image that the run could do without. The author can also let users
    leave a needed image empty: its default then stays."""
    strict = parse_config("x.toml", {"fields": {"20.image": {"required": True}}})
    assert check(wide_form(steered(), None, strict), {"20.image": None})[1] == {
        "20.image": "Add an image."
    }
    lax = parse_config("x.toml", {"fields": {"1.image": {"required": False}}})
    prompt = {"1": PHOTO, "2": node("SaveImage", filename_prefix="x", images=["1", 0])}
    assert check(form_of(prompt, lax), {"1.image": ""}) == (
        {"1.image": "example.png", "2.filename_prefix": "x"},
        {},
    )


def test_at_least_one_image_of_a_group_is_required() -> None:
    """Each empty field gets the sentence, which names all of the fields. Here, the author says that
    each may be empty."""
    frames = {"images.image0": ["1", 0], "images.image1": ["2", 0]}
    prompt = {
        "1": node("LoadImage", "Start", image="example.png"),
        "2": node("LoadImage", "End", image="example.png"),
        "3": node("BatchImagesNode", **frames),
        "4": node("CreateVideo", images=["3", 0], fps=8.0),
        "5": node(
            "SaveVideo",
            video=["4", 0],
            filename_prefix="v",
            format="auto",
            **{"format.codec": "auto"},
        ),
    }
    may = {"required": False}
    form = form_of(prompt, parse_config("x.toml", {"fields": {"1.image": may, "2.image": may}}))
    assert check(form, {"1.image": None})[1] == {}
    clean, errors = check(form, {"1.image": None, "2.image": ""})
    assert errors == {
        "1.image": "Add an image. At least one of these is required: Start, End.",
        "2.image": "Add an image. At least one of these is required: Start, End.",
    }
    assert not {"1.image", "2.image"} & clean.keys()


def test_only_the_last_image_of_a_group_offers_another() -> None:
    """The group grows only as far as its node allows."""
    form = wide_form(edit("1", "2"))
    assert [form.field(key).grows for key in ("1.image", "2.image")] == [
        None,
        "8.model.images.image_3.image",
    ]
    assert wide_form(edit("1", "2", "3")).field("3.image").grows is None
    assert wide_form(text_to_image()).field("6.text").grows is None


def test_adding_an_image_adds_a_field_after_the_last() -> None:
    """The new field is optional, in the same group and has its own label. It can grow in turn."""
    key = "8.model.images.image_2.image"
    form = wide_form(edit("1"), {key: None})
    keys = [field.key for field in form.fields]
    added = form.field(key)
    assert keys.index(key) == keys.index("1.image") + 1
    assert (added.group, added.optional, added.required, added.default) == (
        "main",
        True,
        False,
        None,
    )
    assert added.label == "Reference image 2"
    assert added.grows == "8.model.images.image_3.image"
    assert form.field("1.image").grows is None
    assert form.problems == ()


def test_an_added_image_is_placed_beside_the_first() -> None:
    """The added image has the same heading, and the same label with a number."""
    said = {"1.image": {"label": "Reference", "group": "Style"}}
    config = parse_config("x.toml", {"others": "hidden", "fields": said})
    form = wide_form(edit("1"), {"8.model.images.image_2.image": None}, config)
    assert [(field.label, field.section) for field in form.fields if field.group != "hidden"] == [
        ("Reference", "Style"),
        ("Reference 2", "Style"),
    ]


def test_an_added_image_is_sent_by_a_loader_of_its_own() -> None:
    """The loader links to the next input of the group. The app doesn't send an added field that
    stays empty."""
    key = "8.model.images.image_2.image"
    prompt, used = filled(edit("1"), {key: "me/cat.png"})
    assert prompt["8.model.images.image_2"] == node("LoadImage", image="me/cat.png")
    assert prompt["8"]["inputs"]["model.images.image_2"] == ["8.model.images.image_2", 0]
    assert used[key] == "me/cat.png"
    assert filled(edit("1"), {key: None})[0] == edit("1")


def test_an_added_image_takes_the_place_of_an_empty_one() -> None:
    """A group never has a gap."""
    added = "8.model.images.image_3"
    prompt, _ = filled(edit("1", "2"), {"2.image": None, f"{added}.image": "me/cat.png"})
    members = {name: value for name, value in prompt["8"]["inputs"].items() if "images" in name}
    assert members == {"model.images.image_1": ["1", 0], "model.images.image_2": [added, 0]}


def test_a_prompt_with_added_images_opens_again() -> None:
    """The sent prompt is a workflow like any other, with the same keys."""
    prompt, _ = filled(edit("1"), {"8.model.images.image_2.image": "example.png"})
    form = wide_form(prompt)
    assert form.field("8.model.images.image_2.image").grows == "8.model.images.image_3.image"


def test_keys_that_name_no_place_add_nothing() -> None:
    """The check refuses the keys like any unknown key."""
    values = {"8.model.images.image_9.image": "a.png", "7.images.image0.image": "a.png"}
    form: Form = wide_form(edit("1"), values)
    assert set(check(form, values)[1]) == set(values)


def test_groups_that_no_loader_feeds_do_not_grow() -> None:
    """The app can't know which files a user would add there."""
    prompt = text_to_image(n20=node("BatchImagesNode", **{"images.image0": ["8", 0]}))
    assert list(room_to_grow(prompt, wide_catalog())) == []
    assert add_loaders(prompt, wide_catalog(), {"20.images.image1.image"}) == (prompt, {})


def test_a_repainted_image_has_a_strength_field() -> None:
    """If the workflow repaints an image, the strength is a main field."""
    assert main_labels(form_of(image_prompt())) == [
        "Prompt",
        "Negative prompt",
        "Image",
        "Strength",
    ]


def test_a_mask_that_is_read_makes_a_mask_field() -> None:
    """Users can paint on the image if its MASK output is connected."""
    assert field_of(image_prompt(), "10.image").widget == "image"
    masked = with_values(image_prompt(), "3", latent_image=["12", 0])
    masked["12"] = node("SetLatentNoiseMask", samples=["11", 0], mask=["10", 1])
    assert field_of(masked, "10.image").widget == "mask"


def test_users_paint_no_mask_that_becomes_transparency() -> None:
    """An upscaler's result gets the picture's own transparency back."""
    prompt = image_prompt() | {"12": node("JoinImageWithAlpha", image=["8", 0], alpha=["10", 1])}
    prompt = with_values(prompt, "9", images=["12", 0])
    assert field_of(prompt, "10.image").widget == "image"


@pytest.mark.parametrize(("removes", "widget"), [(True, "image"), (False, "mask")])
def test_a_mask_that_a_switch_leaves_out_is_transparency(*, removes: bool, widget: str) -> None:
    """Only an image that has no background needs it, if the workflow removes others'."""
    prompt = with_values(image_prompt(), "3", latent_image=["12", 0])
    prompt["12"] = node("SetLatentNoiseMask", samples=["11", 0], mask=["14", 0])
    prompt["13"] = node("InvertMask", mask=["10", 1])
    prompt["14"] = node("Switch", switch=removes, on_true=["15", 0], on_false=["13", 0])
    prompt["15"] = node("SolidMask", value=1.0, width=64, height=64)
    assert form_with(prompt).field("10.image").widget == widget


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


def test_a_value_for_the_same_node_stays_behind_an_image() -> None:
    """Only files are in the order of a node's inputs."""
    inputs = {"length": ["INT", {}], "first_frame": ["IMAGE", {}]}
    video = {"input": {"required": inputs}, "output": ["VIDEO"], "output_node": True}
    held = {"input": {"required": {"value": ["INT", {}]}}, "output": ["INT"]}
    catalog = Catalog({**small_catalog().raw, "FramesToVideo": video, "PrimitiveInt": held})
    prompt = {
        "1": node("LoadImage", image="example.png"),
        "2": node("PrimitiveInt", "Length", value=5),
        "3": node("FramesToVideo", length=["2", 0], first_frame=["1", 0]),
    }
    form = build_form(workflow_of(prompt), catalog)
    assert [one.key for one in form.fields] == ["1.image", "2.value"]


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
