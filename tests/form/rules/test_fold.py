"""The few fields in front of a form, and the rest under Advanced."""

from __future__ import annotations

from typing import Any

import pytest

from comfy.comfyui.object_info import Catalog
from comfy.form.build import build_form
from comfy.form.model import Form
from comfy.workflow.config import parse_config
from comfy.workflow.resolve import on_server
from tests.form.more_nodes import TEXT, form_with, more_nodes, spec
from tests.support.samples.forms import (
    form_of,
    node,
    parse_workflow,
    small_catalog,
    text_to_image,
    with_values,
    workflow_of,
)
from tests.support.samples.graphs import graph, graph_node
from ui.api.workflows import field_docs

PHOTO = node("LoadImage", image="example.png")
LINKS = """1.0 MODEL > 5.model
           1.1 CLIP > 2.clip
           1.1 CLIP > 3.clip
           2.0 CONDITIONING > 5.positive
           3.0 CONDITIONING > 5.negative
           4.0 LATENT > 5.latent_image
           5.0 LATENT > 6.samples
           1.2 VAE > 6.vae
           6.0 IMAGE > 7.images"""


def front(form: Form) -> list[str]:
    """Return the labels of the fields in front."""
    return [one.label for one in form.fields if one.group == "main"]


def painted(images: int, **texts: str) -> Form:
    """Return the form of a service that takes these images and texts, and a shape and a mood."""
    names = [f"picture_{'abcdef'[at]}" for at in range(images)]
    required: dict[str, Any] = {name: ["IMAGE"] for name in names}
    required |= {name: ["STRING", {"multiline": True}] for name in texts}
    required |= {"aspect_ratio": [["1:1", "3:2"]], "mood": [["calm", "wild"]]}
    service = spec(required, "IMAGE") | {"api_node": True}
    loaders = {f"{at}": PHOTO for at in range(images)}
    links = {name: [f"{at}", 0] for at, name in enumerate(names)}
    prompt = loaders | {
        "8": node("Service", **links, **texts, aspect_ratio="1:1", mood="calm"),
        "9": node("SaveImage", images=["8", 0], filename_prefix="x"),
    }
    catalog = Catalog({**more_nodes().raw, "Service": service})
    return build_form(workflow_of(prompt), catalog)


def test_a_size_is_one_of_four_things() -> None:
    """The negative prompt and the number of images are beside other things, and the recipe is
    folded. What would have been in front comes first under Advanced."""
    lora = node(
        "LoraLoaderModelOnly", model=["4", 0], lora_name="a.safetensors", strength_model=1.0
    )
    form = form_with(with_values(text_to_image(n20=lora), "3", model=["20", 0]))
    wanted = ["Prompt", "Negative prompt", "Width", "Height", "Images", "LoRA strength"]
    assert front(form) == wanted
    folded = [one.label for one in form.fields if one.folded]
    advanced = [one.label for one in form.fields if one.group == "advanced"]
    assert folded == ["Steps", "Seed"] == advanced[:2]


def test_the_prompt_and_one_shape_come_before_other_texts() -> None:
    """They fill the room that the images leave."""
    form = painted(1, prompt="a fox", lyrics="la la", story="once")
    assert front(form) == ["Prompt", "Lyrics", "Image", "Aspect ratio"]
    assert [one.label for one in form.fields if one.folded] == ["Story", "Mood"]
    assert front(painted(2, prompt="a fox", lyrics="la"))[0] == "Prompt"


def test_a_size_that_the_picture_decides_is_folded() -> None:
    """A painted image keeps its size, and a switch may leave the size out."""
    inputs = {"image": ["IMAGE"], "mask": ["MASK"], "positive": ["CONDITIONING"]}
    catalog = Catalog({**more_nodes().raw, "Inpaint": spec(inputs, "CONDITIONING")})
    mask = node("Inpaint", image=["10", 0], mask=["10", 1], positive=["6", 0])
    inpaints = with_values(text_to_image(n10=PHOTO, n11=mask), "3", positive=["11", 0])
    form = build_form(workflow_of(inpaints), catalog)
    assert "Width" not in front(form)
    assert {"Width", "Height"} <= {one.label for one in form.fields if one.folded}
    region = {**with_values(inpaints, "11", image=["12", 0]), "12": PHOTO}
    assert "Width" in front(build_form(workflow_of(region), catalog))
    encoded = node("VAEEncode", pixels=["10", 0], vae=["4", 2])
    own_size = node("Switch", switch=False, on_true=["5", 0], on_false=["12", 0])
    switched = text_to_image(n10=PHOTO, n12=encoded, n11=own_size)
    assert "Width" not in front(form_with(with_values(switched, "3", latent_image=["11", 0])))


def test_an_empty_wish_comes_after_the_picture() -> None:
    """The node changes the picture without it, too."""
    inputs = {"image": ["IMAGE"], "prompt": ["STRING", {"multiline": True}]}
    catalog = Catalog({**more_nodes().raw, "Enhance": spec(inputs, "IMAGE") | {"api_node": True}})
    save = node("SaveImage", images=["2", 0], filename_prefix="x")
    for text, order in (("", ["Image", "Prompt"]), ("sharper", ["Prompt", "Image"])):
        prompt = {"1": PHOTO, "2": node("Enhance", image=["1", 0], prompt=text), "3": save}
        assert front(build_form(workflow_of(prompt), catalog)) == order


def test_a_guessed_nodes_choice_is_no_prompt() -> None:
    """Not even if the true prompt is still empty. Alone, a guessed node's text is the prompt."""
    inputs = {"images": ["IMAGE"], "text": ["STRING", {"multiline": True}]}
    guessed = spec(inputs, "IMAGE", standin_guessed=True)
    catalog = Catalog({**more_nodes().raw, "Shape": guessed})
    shape = node("Shape", text="9:16 for phones", images=["8", 0])
    save = node("SaveImage", images=["10", 0], filename_prefix="x")
    sampled = {**with_values(text_to_image(), "6", text=""), "10": shape, "9": save}
    form = build_form(workflow_of(sampled), catalog)
    assert front(form)[0] == "Prompt"
    assert "Shape" in [one.label for one in form.fields if one.group == "advanced"]
    alone = {"8": PHOTO, "10": shape, "9": save}
    assert front(build_form(workflow_of(alone), catalog)) == ["Prompt", "Image"]


def guessed(*outputs: str, **inputs: Any) -> dict[str, Any]:
    return spec({"image": ["IMAGE"], **inputs}, "IMAGE", *outputs, standin_guessed=True)


@pytest.mark.parametrize("text", ["", "GroundingDINO_SwinT_OGC", "Swin (694MB)"])
def test_a_guessed_nodes_word_is_folded(text: str) -> None:
    """It reads like a choice or a file. What to find in an image comes after the image."""
    texts = {"text": TEXT, "text_2": TEXT}
    catalog = Catalog({**more_nodes().raw, "Find": guessed("MASK", **texts)})
    save = node("SaveImage", images=["2", 0], filename_prefix="x")
    finds = node("Find", image=["1", 0], text="person, bag", text_2=text)
    form = build_form(workflow_of({"1": PHOTO, "2": finds, "3": save}), catalog)
    assert front(form) == ["Image", "Prompt"]


def test_a_written_text_comes_before_a_guessed_nodes() -> None:
    """A guessed node's own prompt isn't an unnamed text."""
    held = spec({"value": TEXT}, "STRING")
    save = node("SaveImage", images=["3", 0], filename_prefix="x")
    for name, label in (("text", []), ("prompt", ["Prompt"])):
        shows = guessed(**{name: TEXT, "words": ["STRING", {"forceInput": True}]})
        catalog = Catalog({**more_nodes().raw, "Shows": shows, "PrimitiveString": held})
        words = node("PrimitiveString", "Story", value="a fox")
        shown = node("Shows", image=["1", 0], words=["2", 0], **{name: "hmm, {seg} hmm"})
        prompt = {"1": PHOTO, "2": words, "3": shown, "4": save}
        assert {*front(build_form(workflow_of(prompt), catalog))} == {"Story", "Image", *label}


def test_a_guessed_nodes_text_box_is_no_size() -> None:
    """Users can't know its other values."""
    catalog = Catalog({**more_nodes().raw, "Draw": guessed(resolution=["STRING", {}], prompt=TEXT)})
    save = node("SaveImage", images=["2", 0], filename_prefix="x")
    draw = node("Draw", image=["1", 0], resolution="768p", prompt="a fox")
    form = build_form(workflow_of({"1": PHOTO, "2": draw, "3": save}), catalog)
    assert "Resolution" not in front(form)


def test_a_length_comes_before_a_second_size_or_quality() -> None:
    required = {
        "image": ["IMAGE"],
        "prompt": TEXT,
        "aspect_ratio": [["1:1", "3:2"]],
        "resolution": [["720p", "1080p"]],
        "duration": ["INT", {"min": 1, "max": 9}],
        "quality": [["low", "high"]],
    }
    values: dict[str, Any] = {"prompt": "a fox", "resolution": "720p", "quality": "low"}
    values |= {"aspect_ratio": "1:1", "duration": 5}
    save = node("SaveImage", images=["2", 0], filename_prefix="x")
    lengths = ["Prompt", "Image", "Aspect ratio", "Duration (seconds)"]
    for left_out, wanted in (
        ((), lengths),
        (("duration", "resolution"), [*lengths[:3], "Quality"]),
    ):
        inputs = {name: one for name, one in required.items() if name not in left_out}
        service = spec(inputs, "IMAGE") | {"api_node": True}
        given = {name: one for name, one in values.items() if name not in left_out}
        prompt = {"1": PHOTO, "2": node("Service", image=["1", 0], **given), "3": save}
        catalog = Catalog({**more_nodes().raw, "Service": service})
        assert front(build_form(workflow_of(prompt), catalog)) == wanted


@pytest.mark.parametrize("title", ["Split_step", "bypass_i2v"])
def test_an_authors_value_for_the_sampling_is_advanced(title: str) -> None:
    held = {"Held": spec({"value": ["INT", {}]}, "INT")}
    shown = {"Shown": spec({"image": ["IMAGE"], "index": ["INT", {}]}, "IMAGE")}
    catalog = Catalog({**more_nodes().raw, **held, **shown})
    added = node("Shown", image=["8", 0], index=["20", 0])
    for named, is_front in ((title, False), ("Stepping stones", True)):
        prompt = text_to_image(n20=node("Held", named, value=3), n21=added)
        form = build_form(workflow_of(with_values(prompt, "9", images=["21", 0])), catalog)
        assert ({one.key: one.group for one in form.fields}["20.value"] == "main") is is_front


def test_what_an_enhancer_decides_is_in_front() -> None:
    inputs = {"upscaler_resolution": [["1080p", "4K"]], "creativity": ["INT", {}]}
    enhance = spec({"image": ["IMAGE"], **inputs}, "IMAGE")
    prompt = {
        "1": PHOTO,
        "2": node("Enhance", image=["1", 0], upscaler_resolution="4K", creativity=3),
        "3": node("SaveImage", images=["2", 0], filename_prefix="x"),
    }
    form = build_form(workflow_of(prompt), Catalog({**more_nodes().raw, "Enhance": enhance}))
    assert front(form) == ["Image", "Upscaler resolution", "Creativity"]


def test_a_strength_of_a_lora_is_named_after_it() -> None:
    inputs = {"lora": [["a.safetensors"]], "strength": ["FLOAT", {"default": 1.0}]}
    catalog = Catalog(
        {**more_nodes().raw, "PickLora": spec({"model": ["MODEL"], **inputs}, "MODEL")}
    )
    lora = node("PickLora", model=["4", 0], lora="a.safetensors", strength=1.0)
    prompt = with_values(text_to_image(n20=lora), "3", model=["20", 0])
    assert "LoRA strength" in front(build_form(workflow_of(prompt), catalog))


def test_a_form_of_only_seeds_and_steps_keeps_them_in_front() -> None:
    """Otherwise nothing would be there."""
    prompt = {
        "1": node("RandomNoise", noise_seed=7),
        "2": node("Sampler", steps=4, noise=["1", 0]),
        "3": node("SaveImage", images=["2", 0], filename_prefix="x"),
    }
    noise = spec({"noise_seed": ["INT", {"control_after_generate": True}]}, "NOISE")
    sampler = spec({"steps": ["INT", {}], "noise": ["NOISE"]}, "IMAGE")
    catalog = Catalog({**more_nodes().raw, "RandomNoise": noise, "Sampler": sampler})
    assert set(front(build_form(workflow_of(prompt), catalog))) == {"Seed", "Steps"}


def test_an_empty_text_comes_last() -> None:
    """The prompt is the first text that its author wrote."""
    form = painted(0, prompt="", story="a fox", lyrics="la la")
    assert front(form) == ["Lyrics", "Story", "Aspect ratio", "Mood"]


def test_an_empty_prompt_beside_a_written_one_is_folded() -> None:
    """Most users write one prompt."""
    both = node("CLIPTextEncode", "Detail", text="", clip=["4", 1])
    joined = node("ConditioningCombine", conditioning_1=["6", 0], conditioning_2=["20", 0])
    prompt = with_values(text_to_image(n20=both, n21=joined), "3", positive=["21", 0])
    form = form_with(prompt)
    assert {one.key: one.group for one in form.fields}["20.text"] == "advanced"
    blank = form_with(with_values(prompt, "6", text=""))
    assert {one.key: one.group for one in blank.fields}["20.text"] == "main"


def test_a_text_that_only_adds_to_the_prompt_is_folded() -> None:
    """Tags for quality and lists of words, but not the only text."""
    adds = node("StringConcatenate", "Quality tags", string_a="masterpiece", string_b=["21", 0])
    text = node("PrimitiveStringMultiline", "Scene", value="a fox in the snow")
    held = {"PrimitiveStringMultiline": spec({"value": TEXT}, "STRING")}
    catalog = Catalog({**more_nodes().raw, **held})
    prompt = with_values(text_to_image(n20=adds, n21=text), "6", text=["20", 0])
    assert front(build_form(workflow_of(prompt), catalog))[0] == "Scene"
    assert "Quality tags" not in front(build_form(workflow_of(prompt), catalog))
    alone = with_values(prompt, "21", value="")
    assert "Quality tags" in front(build_form(workflow_of(alone), catalog))


@pytest.mark.parametrize("images", [4, 6])
def test_images_that_a_run_needs_are_all_in_front(images: int) -> None:
    """Nothing but the prompt is beside them."""
    form = painted(images, prompt="a fox")
    needed = [one for one in form.fields if one.is_media]
    assert all(one.required and one.group == "main" for one in needed)
    assert [one.label for one in form.fields if one.group == "main" and not one.is_media] == [
        "Prompt"
    ]


@pytest.mark.parametrize(
    ("inputs", "title", "text", "optional"),
    [
        (("start_image", "end_image"), "", "", [False, False]),
        (("start_image", "end_image"), "Load Image (optional)", "", [False, True]),
        (("image1", "image2"), "", "", [False, True]),
        (("image1", "image2"), "Lighting", "", [False, False]),
        (("image1", "image2"), "", "a fox as in image2", [False, False]),
        (("image1",), "", "", [False]),
    ],
)
def test_only_further_images_of_a_list_are_optional(
    inputs: tuple[str, ...], title: str, text: str, optional: list[bool]
) -> None:
    """A node that takes two images under different names makes something else without one, which
    an author may allow. So does a list whose image has a name or is mentioned."""
    video = spec({"model": ["MODEL"]}, "LATENT", optional={name: ["IMAGE"] for name in inputs})
    catalog = Catalog({**more_nodes().raw, "FrameVideo": video})
    loaders = {
        f"n{20 + at}": node("LoadImage", title if at else "", image="a.png")
        for at in range(len(inputs))
    }
    links = {name: [f"{20 + at}", 0] for at, name in enumerate(inputs)}
    prompt = text_to_image(**loaders, n30=node("FrameVideo", model=["4", 0], **links))
    prompt = with_values(with_values(prompt, "3", latent_image=["30", 0]), "6", text=text)
    form = build_form(workflow_of(prompt), catalog)
    assert [one.optional for one in form.fields if one.is_media] == optional


@pytest.mark.parametrize(
    ("bypass", "group", "sentence"),
    [
        (True, "advanced", "Create an image from a text."),
        (False, "main", "Create an image from a text and your image."),
    ],
)
def test_a_bypassed_picture_is_folded(bypass: bool, group: str, sentence: str) -> None:
    """An author's switch may turn a node off, so that it only passes its latent on."""
    inputs = {"image": ["IMAGE"], "latent": ["LATENT"], "bypass": ["BOOLEAN", {}]}
    catalog = Catalog({**more_nodes().raw, "FirstFrame": spec(inputs, "LATENT")})
    switched = {"image": ["20", 0], "latent": ["5", 0], "bypass": ["21", 0]}
    nodes = {"n20": PHOTO, "n21": node("PrimitiveBoolean", value=bypass)}
    prompt = text_to_image(**nodes, n22=node("FirstFrame", **switched))
    form = build_form(workflow_of(with_values(prompt, "3", latent_image=["22", 0])), catalog)
    picture = next(one for one in form.fields if one.is_media)
    assert (picture.group, picture.optional, form.description) == (group, bypass, sentence)


def test_authors_choices_are_all_in_front() -> None:
    """An author may show a whole panel, also of seeds and steps."""
    keys = ("3.seed", "3.steps", "3.cfg", "3.denoise", "6.text", "7.text", "5.width")
    config = parse_config("x.toml", {"fields": {key: {} for key in keys}})
    form = form_of(text_to_image(), config)
    assert {one.key for one in form.fields if one.group == "main"} == set(keys)


def test_the_authors_groups_head_advanced_fields() -> None:
    """Programs get them, too. The title that the editor gives a new group says nothing."""
    place = {"pos": [100, 100], "size": [200, 100]}
    nodes = [
        graph_node(1, "CheckpointLoaderSimple", "tiny_sd15.safetensors", **place),
        graph_node(2, "CLIPTextEncode", "a fox", pos=[2000, 0]),
        graph_node(3, "CLIPTextEncode", "", pos=[2000, 0]),
        graph_node(4, "EmptyLatentImage", 512, 512, 1, pos=[2000, 0]),
        graph_node(
            5, "KSampler", 1, "fixed", 20, 8, "euler", "normal", 1, pos=[900, 100], size=[90, 90]
        ),
        graph_node(6, "VAEDecode", **place),
        graph_node(7, "SaveImage", "x", **place),
    ]
    groups = [
        {"title": "load the models", "bounding": [50, 0, 600, 600]},
        {"title": "Group", "bounding": [800, 0, 600, 600]},
    ]
    saved = graph(*nodes, links=LINKS, groups=groups)
    form = build_form(on_server(parse_workflow("x", saved), small_catalog()), small_catalog())
    assert form.field("1.ckpt_name").heading == "Load the models"
    assert form.field("5.cfg").heading == ""
    sections = {one.key: one.section for one in field_docs(form)}
    assert sections["1.ckpt_name"] == "Load the models"


def test_a_length_comes_before_a_resolution() -> None:
    """The first and the last frame leave room for one."""
    inputs = {"prompt": TEXT, "resolution": [["720p"]], "duration": ["INT", {"min": 1, "max": 9}]}
    frames = {"first_frame": ["IMAGE"], "last_frame": ["IMAGE"]}
    service = spec({**inputs, **frames}, "VIDEO") | {"api_node": True}
    given = {"prompt": "a fox", "resolution": "720p", "duration": 5}
    links = {"first_frame": ["1", 0], "last_frame": ["2", 0]}
    catalog = Catalog({**more_nodes().raw, "Service": service})
    prompt = {"1": PHOTO, "2": PHOTO, "3": node("Service", **given, **links)}
    saved = {**prompt, "4": node("SaveVideo", video=["3", 0], filename_prefix="x")}
    form = build_form(workflow_of(saved), catalog)
    assert front(form) == ["Prompt", "First frame", "Last frame", "Duration (seconds)"]


def test_the_strength_of_a_second_pass_is_advanced() -> None:
    """Only the first pass changes the user's image."""
    encode = node("VAEEncode", pixels=["10", 0], vae=["4", 2])
    first = text_to_image(n10=PHOTO, n5=encode)
    second = {**first["3"], "inputs": {**first["3"]["inputs"], "latent_image": ["3", 0]}}
    prompt = {**first, "20": second, "8": node("VAEDecode", samples=["20", 0], vae=["4", 2])}
    for strength, keys in ((0.4, ["3.denoise"]), (1.0, [])):
        passes = with_values(with_values(prompt, "3", denoise=strength), "20", denoise=0.3)
        form = form_of(passes)
        shown = [one.key for one in form.fields if one.group == "main"]
        assert [key for key in shown if "denoise" in key] == keys


def test_the_size_of_embeds_that_take_no_others_is_in_front() -> None:
    """An optional socket that nothing is linked to doesn't make it a node that changes some."""
    size = {name: ["INT", {"max": 4096}] for name in ("width", "height", "num_frames")}
    empty = spec(size, "VIDEO_EMBEDS", optional={"control_embeds": ["VIDEO_EMBEDS"]})
    sampler = spec({"image_embeds": ["VIDEO_EMBEDS"], "model": ["MODEL"]}, "LATENT")
    catalog = Catalog({**more_nodes().raw, "EmptyEmbeds": empty, "EmbedsSampler": sampler})
    prompt = text_to_image(
        n3=node("EmbedsSampler", image_embeds=["5", 0], model=["4", 0]),
        n5=node("EmptyEmbeds", width=832, height=480, num_frames=81),
    )
    form = build_form(workflow_of(prompt), catalog)
    assert {"Width", "Height", "How many"} <= {*front(form)}


def test_a_node_that_computes_frames_sets_the_length() -> None:
    counts = spec({"seconds": ["FLOAT", {}], "fps": ["FLOAT", {}]}, "INT")
    frames = spec({"length": ["INT", {}]}, "LATENT")
    catalog = Catalog({**more_nodes().raw, "Counts": counts, "Frames": frames})
    prompt = text_to_image(
        n20=node("Counts", seconds=5.0, fps=24.0), n5=node("Frames", length=["20", 0])
    )
    assert "Seconds" in front(build_form(workflow_of(prompt), catalog))


def test_a_camera_or_a_switch_for_previews_is_advanced() -> None:
    """The camera of a 3D model's picture says nothing about the model."""
    camera = spec({"zoom": ["FLOAT", {}]}, "LOAD3D_CAMERA")
    view = spec({"zoom": ["FLOAT", {}], "horizontal_angle": ["INT", {}]}, "IMAGE")
    render = spec({"image": ["IMAGE"], "camera": ["LOAD3D_CAMERA"]}, "IMAGE")
    classes = {"CameraInfo": camera, "CameraView": view, "Render": render}
    catalog = Catalog({**more_nodes().raw, **classes})
    switch = node("PrimitiveBoolean", "Enable preview", value=True)
    prompt = {
        "1": node("CameraView", zoom=1.0, horizontal_angle=45),
        "2": node("CameraInfo", zoom=1.0),
        "3": node("Render", image=["1", 0], camera=["2", 0]),
        "4": switch,
        "5": node("Switch", switch=["4", 0], on_true=["3", 0], on_false=["1", 0]),
        "6": node("SaveImage", images=["5", 0], filename_prefix="x"),
    }
    form = build_form(workflow_of(prompt), catalog)
    assert [one.key for one in form.fields if one.group == "main"] == [
        "1.zoom",
        "1.horizontal_angle",
    ]
