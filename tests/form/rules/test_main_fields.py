"""Main fields that a person would have chosen, negative prompts and titles."""

from __future__ import annotations

from typing import Any

import pytest

from comfy.comfyui.object_info import Catalog
from comfy.form.build import build_form
from comfy.form.model import Form
from comfy.prompt.model import InputRef, Node, Prompt
from comfy.prompt.texts import looks_negative
from comfy.workflow.model import ShownInput
from comfy.workflow.resolve import on_server
from tests.form.more_nodes import form_with, main, spec
from tests.support.samples.forms import (
    form_of,
    node,
    parse_workflow,
    shown,
    small_catalog,
    text_to_image,
    titled,
    with_values,
    workflow_of,
)
from tests.support.samples.graphs import graph, graph_node


def switched(on: bool) -> Prompt:
    """Return a prompt whose steps depend on a switch."""
    return with_values(
        text_to_image(
            n20=node("PrimitiveBoolean", "Turbo", value=on),
            n21=node("PrimitiveInt", "Steps", value=8),
            n22=node("PrimitiveInt", "Steps", value=30),
            n23=node("Switch", switch=["20", 0], on_true=["21", 0], on_false=["22", 0]),
        ),
        "3",
        steps=["23", 0],
    )


def test_the_steps_of_the_chosen_branch_are_main() -> None:
    """The other branch's steps are advanced and named after the switch that turns them on."""
    off, on = form_with(switched(on=False)), form_with(switched(on=True))
    assert {"22.value": "Steps", "20.value": "Turbo"}.items() <= main(off).items()
    assert (off.field("21.value").group, off.field("21.value").label) == (
        "advanced",
        "Steps (Turbo)",
    )
    assert "21.value" in main(on)
    assert "22.value" not in main(on)


def test_a_promoted_text_is_found_behind_a_switch() -> None:
    """The first input that the author's field sets may have no widget. The field is then what the
    others are."""
    prompt = text_to_image(
        n20=node("Switch", switch=True, on_true=["21", 0], on_false="a fox"),
        n21=node("TextGenerate", prompt="a fox", clip=["4", 1], seed=5),
    )
    places = (InputRef("20", "on_false"), InputRef("21", "prompt"))
    shown = ShownInput(places, "positive_prompt")
    form = form_with(with_values(prompt, "6", text=["20", 0]), shown)
    field = form.field("21.prompt")
    assert (field.group, field.kind.name) == ("main", "textarea")
    assert set(field.targets) == set(places)


def test_a_promoted_seed_belongs_to_the_sampler() -> None:
    """A field that also sets a text model's seed is the sampler's seed."""
    prompt = text_to_image(n20=node("TextGenerate", prompt="a fox", clip=["4", 1], seed=7))
    shown = ShownInput((InputRef("20", "seed"), InputRef("3", "seed")))
    form = form_with(with_values(prompt, "6", text=["20", 0]), shown)
    assert main(form)["3.seed"] == "Seed"
    assert form.field("3.seed").targets == (("3", "seed"), ("20", "seed"))


def test_technical_inputs_are_advanced_even_if_promoted() -> None:
    """Authors promote settings for themselves, such as the size of tiles."""
    prompt = text_to_image(
        n20=node("FaceDetailer", image=["8", 0], denoise=0.4, wildcard="", tile_size=512)
    )
    shown = ShownInput((InputRef("20", "tile_size"),), "Tiles")
    form = form_with(with_values(prompt, "9", images=["20", 0]), shown)
    assert main(form)["20.denoise"] == "Strength"
    assert form.field("20.tile_size").group == "advanced"
    assert form.field("20.wildcard").group == "advanced"


def test_many_promoted_settings_are_advanced() -> None:
    """A few unknown inputs of a subgraph are main fields, but not a whole panel of them."""
    prompt = text_to_image(n20=node("Panel", image=["8", 0], **dict.fromkeys("abcd", 1)))
    prompt = with_values(prompt, "9", images=["20", 0])
    shown = [ShownInput((InputRef("20", name),), name) for name in "abcd"]
    assert {"20.a", "20.b"} <= main(form_with(prompt, *shown[:2])).keys()
    assert not [key for key in main(form_with(prompt, *shown)) if key.startswith("20.")]


def test_a_named_value_that_its_author_did_not_promote_is_advanced() -> None:
    """The author of the subgraph chose other inputs to show."""
    prompt = text_to_image(
        n5=node("EmptyVideo", width=64, height=64, length=["50:20", 0]),
        **{"n50:20": node("PrimitiveInt", "Rate", value=16)},
        **{"n50:21": node("PrimitiveInt", "Turns", value=2)},
        n22=node("TakeFrames", image=["8", 0], length=["50:21", 0]),
    )
    prompt = with_values(prompt, "9", images=["22", 0])
    assert {"50:20.value", "50:21.value"} <= main(form_with(prompt)).keys()
    shown = ShownInput((InputRef("50:20", "value"),), "Rate")
    assert "50:21.value" not in main(form_with(prompt, shown))


def test_the_size_and_frames_of_video_packs_are_main() -> None:
    """These packs use types of their own instead of a latent."""
    prompt: Prompt = {
        "1": node("VideoTexts", positive_prompt="a fox", negative_prompt="blurry"),
        "2": node("VideoEmbeds", width=832, height=480, num_frames=81),
        "3": node("VideoSampler", image_embeds=["2", 0], text_embeds=["1", 0], cfg=6.0),
        "4": node("VAEDecode", samples=["3", 0]),
        "5": node("SaveAnimatedWEBP", images=["4", 0], filename_prefix="x"),
    }
    assert list(main(form_with(prompt)).values()) == [
        "Prompt",
        "Negative prompt",
        "Width",
        "Height",
        "Frames",
    ]
    ignored = form_with(with_values(prompt, "3", cfg=1.0))
    assert ignored.field("1.negative_prompt").group == "advanced"


def test_a_resized_image_sets_the_size_if_nothing_else_does() -> None:
    """An image to repaint has the size of the result. With an empty latent, it's only a helper."""
    resized = {
        "n20": node("LoadImage", image="example.png"),
        "n21": node("ImageResize", image=["20", 0], width=512, height=768),
        "n22": node("VAEEncode", pixels=["21", 0], vae=["4", 2]),
    }
    repainted = with_values(text_to_image(**resized), "3", latent_image=["22", 0])
    del repainted["5"]
    assert {"21.width", "21.height"} <= main(form_with(repainted)).keys()
    helper = text_to_image(**resized, n23=node("SaveImage", images=["21", 0]))
    assert {"5.width", "5.height"} <= main(form_with(helper)).keys()
    assert "21.width" not in main(form_with(helper))


def test_a_height_follows_its_width() -> None:
    """Values in nodes of their own may come in any order."""
    prompt = text_to_image(
        n20=node("PrimitiveInt", "Height", value=512),
        n21=node("PrimitiveInt", "Width", value=512),
    )
    labels = list(main(form_with(with_values(prompt, "5", width=["21", 0], height=["20", 0]))))
    assert labels.index("20.value") == labels.index("21.value") + 1


def test_the_weight_of_an_adapter_is_main() -> None:
    """It's the point of a workflow with an IPAdapter."""
    prompt = text_to_image(n20=node("IPAdapter", model=["4", 0], weight=0.8))
    form = form_with(with_values(prompt, "3", model=["20", 0]))
    assert main(form)["20.weight"] == "Strength"


def test_an_image_is_never_called_a_prompt() -> None:
    """A title such as "Prompt" would mislead on an image."""
    prompt = text_to_image(
        n20=node("LoadImage", "Prompt", image="example.png"),
        n21=node("SaveImage", images=["20", 0], filename_prefix="x"),
    )
    assert main(form_with(prompt))["20.image"] == "Image"


def test_inputs_of_missing_nodes_are_placed_by_their_names() -> None:
    """The form of a workflow whose pack is missing looks as it would with the pack."""
    loader = node(
        "Efficient Loader",
        positive="a fox",
        negative="blurry",
        empty_latent_width=512,
        clip_skip=-1,
    )
    prompt = with_values(
        text_to_image(n20=loader),
        "3",
        positive=["20", 1],
        negative=["20", 2],
        latent_image=["20", 3],
    )
    shown = main(form_with(prompt))
    assert (shown["20.positive"], shown["20.negative"]) == ("Prompt", "Negative prompt")
    assert "20.empty_latent_width" in shown
    assert "20.clip_skip" not in shown


def test_texts_are_found_behind_bundles_of_inputs() -> None:
    """A sampler takes its texts from the last of several nodes that pass them on together. Each
    text keeps its role."""
    prompt = text_to_image(
        n20=node("Context", model=["4", 0], positive=["6", 0], negative=["7", 0]),
        n21=node("Context", base_ctx=["20", 0]),
        n22=node("Context", base_ctx=["21", 0], model=["4", 0]),
    )
    prompt = with_values(prompt, "3", positive=["22", 2], negative=["22", 3])
    shown = main(form_with(prompt))
    assert {"6.text": "Prompt", "7.text": "Negative prompt"}.items() <= shown.items()


def test_a_negative_text_that_a_bundle_carries_may_be_ignored() -> None:
    """The sampler's guidance is 1, so that only the positive text has an effect."""
    prompt = text_to_image(
        n20=node("Context", positive=["6", 0], negative=["7", 0]),
        n21=node("Context", base_ctx=["20", 0]),
    )
    prompt = with_values(prompt, "3", positive=["21", 2], negative=["21", 3], cfg=1)
    shown = main(form_with(prompt))
    assert "6.text" in shown
    assert "7.text" not in shown


def test_equal_seeds_of_services_are_one_field() -> None:
    """The last service has a seed of its own."""
    wish = {"prompt": "a fox", "system_prompt": "", "aspect_ratio": "auto", "model": "good"}
    prompt: Prompt = {
        "1": node("ImageService", seed=3, **wish),
        "2": node("ImageService", seed=3, **wish),
        "3": node("ImageService", seed=4, **wish),
    } | {f"{i}0": node("SaveImage", images=[f"{i}", 0], filename_prefix="x") for i in (1, 2, 3)}
    form = form_with(prompt)
    assert [key for key in main(form) if key.endswith("seed")] == ["1.seed", "3.seed"]
    assert form.field("1.seed").targets == (("1", "seed"), ("2", "seed"))


def test_inputs_that_a_title_asks_for_are_main() -> None:
    """The texts only lead to a view of them, next to an image that is saved."""
    prompt = text_to_image(
        n20=node("PrimitiveStringMultiline", "Put a story idea here:", value="a fox"),
        n21=node("PrimitiveStringMultiline", "paste the lyrics", value="la la"),
        n22=node("PrimitiveStringMultiline", "Notes", value="x"),
        n30=node("ShowText", text=["20", 0]),
        n31=node("ShowText", text=["21", 0]),
        n32=node("ShowText", text=["22", 0]),
    )
    shown = main(form_with(prompt))
    wanted = {"20.value": "Put a story idea here:", "21.value": "Paste the lyrics"}
    assert wanted.items() <= shown.items()
    assert "22.value" not in shown


def test_the_sides_to_extend_are_main() -> None:
    """Outpainting is about them. Zero is a side, too."""
    sides = {"left": 400, "top": 0, "right": 400, "bottom": 64}
    prompt = text_to_image(
        n20=node("LoadImage", image="example.png"),
        n21=node("ImagePadForOutpaint", image=["20", 0], **sides),
        n22=node("VAEEncode", pixels=["21", 0], vae=["4", 2]),
    )
    form = form_with(with_values(prompt, "3", latent_image=["22", 0]))
    assert [key for key in main(form) if key.startswith("21.")] == [f"21.{one}" for one in sides]


def test_a_resize_before_other_tools_sets_the_size() -> None:
    """The size is the point of the graph, also if the resized image is extended first."""
    prompt = text_to_image(
        n20=node("LoadImage", image="example.png"),
        n21=node("ImageResize", image=["20", 0], width=1024, height=768),
        n22=node("ImagePadForOutpaint", image=["21", 0], left=8, top=8, right=8, bottom=8),
        n23=node("VAEEncode", pixels=["22", 0], vae=["4", 2]),
    )
    form = form_with(with_values(prompt, "3", latent_image=["23", 0]))
    assert {"21.width", "21.height"} <= main(form).keys()


TOOLS = {
    "Rotate": spec({"image": ["IMAGE"], "rotation": [["90", "180"]]}, "IMAGE"),
    "Paste": spec(
        {"to": ["IMAGE"], "image": ["IMAGE"], "x": ["INT", {}], "y": ["INT", {}]}, "IMAGE"
    ),
    "LoadDir": spec({"directory": ["STRING", {}], "cap": ["INT", {}]}, "IMAGE"),
    "Upscale": spec({"image": ["IMAGE"], "model": ["MODEL"], "tiles": ["INT", {}]}, "IMAGE"),
    "Matches": spec({"image": ["IMAGE"], "strict": ["BOOLEAN", {}]}, "BOOLEAN"),
}


def tool_form(**nodes: Node) -> list[str]:
    """Return the keys of the main fields of a form without a sampler, whose result is node 2's."""
    result = node("SaveImage", images=["2", 0], filename_prefix="x")
    prompt = {number[1:]: one for number, one in {**nodes, "n9": result}.items()}
    catalog = Catalog({**small_catalog().raw, **TOOLS})
    return [key for key, _ in shown(build_form(parse_workflow("sample", prompt), catalog))]


def test_the_settings_of_an_image_tool_are_main() -> None:
    """The values of the only operation are why the graph exists."""
    photo, rotate = node("LoadImage", image="a.png"), node("Rotate", image=["1", 0], rotation="90")
    assert tool_form(n1=photo, n2=rotate) == ["1.image", "2.rotation"]
    paste = node("Paste", to=["1", 0], image=["3", 0], x=1, y=2)
    keys = ["1.image", "3.image", "2.x", "2.y"]
    assert tool_form(n1=photo, n2=paste, n3=photo) == keys
    matches = node("Matches", image=["1", 0], strict=True)
    assert "4.strict" not in tool_form(n1=photo, n2=rotate, n4=matches)


def test_a_form_with_a_model_keeps_the_methods_settings_away() -> None:
    """The values of a node with a model or of an unknown node are settings of a method."""
    photo = node("LoadImage", image="a.png")
    loader = node("CheckpointLoaderSimple", ckpt_name="tiny_sd15.safetensors")
    upscale = node("Upscale", image=["1", 0], model=["4", 0], tiles=4)
    assert tool_form(n1=photo, n2=upscale, n4=loader) == ["1.image"]
    unknown = node("Unheard", image=["1", 0], how=3)
    rotate = node("Rotate", image=["5", 0], rotation="90")
    assert "2.rotation" not in tool_form(n1=photo, n5=unknown, n2=rotate)


def test_a_folder_is_main_if_no_file_is() -> None:
    """It is then where the images come from."""
    folder, photo = node("LoadDir", directory="in", cap=0), node("LoadImage", image="a.png")
    rotate = node("Rotate", image=["1", 0], rotation="90")
    assert tool_form(n1=folder, n2=rotate) == ["1.directory", "2.rotation"]
    paste = node("Paste", to=["1", 0], image=["3", 0], x=1, y=2)
    assert "1.directory" not in tool_form(n1=folder, n2=paste, n3=photo)


@pytest.mark.parametrize(
    ("titles", "ordered"),
    [
        (["Frame 2", "Frame 3", "Frame 1"], ["Frame 1", "Frame 2", "Frame 3"]),
        (["Part 3-end", "Part 2-3", "Part 1-2"], ["Part 1-2", "Part 2-3", "Part 3-end"]),
        (["Turn 90°", "Turn 45°", "Turn 1°"], ["Turn 90°", "Turn 45°", "Turn 1°"]),
        (["Frame 2", "Sky", "Frame 1"], ["Frame 1", "Sky", "Frame 2"]),
    ],
)
def test_numbers_in_titles_order_fields(titles: list[str], ordered: list[str]) -> None:
    """Authors number their nodes. Numbers larger than the number of fields aren't positions."""
    texts = {
        f"n{20 + at}": node("CLIPTextEncode", title, text=f"text {at}", clip=["4", 1])
        for at, title in enumerate(titles)
    }
    prompt = text_to_image(**texts)
    joins = {
        f"{30 + at}": node(
            "ConditioningConcat", conditioning_to=[before, 0], conditioning_from=[f"{20 + at}", 0]
        )
        for at, before in enumerate(["6", *(f"{30 + at}" for at in range(len(titles) - 1))])
    }
    prompt = with_values({**prompt, **joins}, "3", positive=[f"{29 + len(titles)}", 0])
    join = spec(
        {"conditioning_to": ["CONDITIONING"], "conditioning_from": ["CONDITIONING"]}, "CONDITIONING"
    )
    catalog = Catalog({**small_catalog().raw, "ConditioningConcat": join})
    form = build_form(parse_workflow("sample", prompt), catalog)
    assert [label for label in main(form).values() if label in titles] == ordered


def test_the_titles_of_values_are_their_names() -> None:
    """They say more than an input called "value"."""
    prompt = text_to_image(
        n20=node("PrimitiveInt", "Width", value=512), n21=node("PrimitiveInt", "Height", value=640)
    )
    double = spec({"value": ["INT", {}], "factor": ["INT", {}]}, "INT")
    prompt |= {
        str(number + 2): node("Multiply", value=[str(number), 0], factor=2) for number in (20, 21)
    }
    prompt = with_values(prompt, "5", width=["22", 0], height=["23", 0])
    catalog = Catalog({**small_catalog().raw, "Multiply": double})
    labels = dict(shown(build_form(parse_workflow("sample", prompt), catalog)))
    assert (labels["20.value"], labels["21.value"]) == ("Width", "Height")


def test_the_steps_that_only_a_packs_sampler_has_are_main() -> None:
    """They are why the graph has this sampler. Its other settings are advanced."""
    own = {"LanPaint_NumSteps": 5, "LanPaint_Lambda": 5.0}
    sampler = node("LanPaint_KSampler", model=["4", 0], latent_image=["5", 0], steps=20, **own)
    form = form_with(text_to_image(n3=sampler))
    assert main(form)["3.LanPaint_NumSteps"] == "Thinking steps"
    assert main(form)["3.steps"] == "Steps"
    assert form.field("3.LanPaint_Lambda").group == "advanced"


FAULTS = "(nsfw:1.5), lowres, bad anatomy, bad hands, worst quality"
CHAIN = """{0}.0 MODEL > {4}.model
           {0}.1 CLIP > {1}.clip
           {0}.1 CLIP > {2}.clip
           {1}.0 CONDITIONING > {4}.positive
           {2}.0 CONDITIONING > {4}.negative
           {3}.0 LATENT > {4}.latent_image
           {4}.0 LATENT > {5}.samples
           {0}.2 VAE > {5}.vae
           {5}.0 IMAGE > {6}.images"""


def roles(form: Form) -> dict[str, str]:
    """Return the role of each text among the main fields."""
    return {one.key: one.role for one in form.fields if one.group == "main" and one.role}


def behind_missing(**inputs: Any) -> Prompt:
    """Return a prompt whose texts reach the sampler through an unknown node's second and third
    output."""
    prompt = text_to_image(n20=node("ApplyFace", "ApplyFace", model=["4", 0], **inputs))
    return with_values(prompt, "3", positive=["20", 1], negative=["20", 2])


def test_an_unknown_node_keeps_both_texts_apart() -> None:
    """Its inputs say which text is which. The positions of its outputs say nothing."""
    form = form_of(behind_missing(positive=["6", 0], negative=["7", 0]))
    assert roles(form)["6.text"] == "prompt"
    assert roles(form)["7.text"] == "negative"
    assert (form.field("7.text").label, form.field("7.text").tooltip) == (
        "Negative prompt",
        "What to avoid.",
    )


@pytest.mark.parametrize("pole", ["title", "color", "text"])
def test_something_else_tells_texts_apart(pole: str) -> None:
    """If no name says it, the title does, then the color, then the text itself."""
    texts = ("a fox", FAULTS if pole == "text" else "red")
    titles = ("Positive", "NEG") if pole == "title" else ("One", "Two")
    colors = ("#232", "#322") if pole == "color" else ("", "")
    encoders = [
        graph_node(number, "CLIPTextEncode", text, title=title, color=color)
        for number, text, title, color in zip((6, 7), texts, titles, colors, strict=True)
    ]
    saved = graph(
        *encoders,
        graph_node(8, "MixTexts"),
        graph_node(9, "PaintMixed"),
        graph_node(10, "PreviewImage"),
        links="""6.0 CONDITIONING > 8.a
                 7.0 CONDITIONING > 8.b
                 8.0 CONDITIONING > 9.mixed
                 9.0 IMAGE > 10.images""",
    )
    form = build_form(on_server(parse_workflow("x", saved), small_catalog()), small_catalog())
    assert roles(form)["6.text"] == "prompt"
    assert roles(form)["7.text"] == "negative"


@pytest.mark.parametrize(
    "text",
    [
        FAULTS,
        "low quality, blurry, malformed, distorted",
        "deformed pupils, deformed eyes, ugly eyes",
        "embedding:EasyNegative, embedding:bad-hands-5",
        "最差质量、低质量、畸形",
    ],
)
def test_lists_of_faults_look_negative(text: str) -> None:
    """Users never ask for them."""
    assert looks_negative(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        7,
        "a lighthouse at dusk, detailed eyes, masterpiece",
        "a low angle shot with a blurry foreground, a clear sky, a kick, sharp, vivid",
        "an old signature on a painting, a museum, soft light",
    ],
)
def test_descriptions_do_not_look_negative(text: object) -> None:
    """A fault may be part of a picture."""
    assert not looks_negative(text)


@pytest.mark.parametrize("missing", [{}, {"n20": node("SaveSomewhere", images=["8", 0])}])
@pytest.mark.parametrize("negative", ["6", "7"])
def test_links_count_more_than_words(negative: str, missing: dict[str, Any]) -> None:
    """A text that the sampler takes as positive is the prompt, also if it takes the same text as
    negative, as with a guidance of 1."""
    text = "grainy photo, overexposed, 1990s disposable camera, flash"
    assert looks_negative(text)
    prompt = with_values(text_to_image(**missing), "6", text=text)
    form = form_of(with_values(prompt, "3", negative=[negative, 0]))
    assert roles(form)["6.text"] == "prompt"
    assert form.field("6.text").label == "Prompt"


def test_the_form_names_the_missing_node_with_the_prompt() -> None:
    """A prompt without a field is announced."""
    prompt = text_to_image(n20=node("TextFromPack", "TextFromPack"))
    form = form_of(with_values(prompt, "6", text=["20", 0]))
    sentence = (
        "The prompt belongs to the missing node TextFromPack and appears once it is installed."
    )
    assert form.missing_prompt is not None
    assert form.missing_prompt.sentence == sentence
    assert sentence in form.problems
    assert form_of(text_to_image()).missing_prompt is None


def test_a_service_with_a_saved_text_has_the_prompt() -> None:
    """Its values have no names, so that they can't be fields."""
    saved = graph(
        graph_node(1, "PackImageService", "a dog on a sofa", "model-2"),
        graph_node(2, "PreviewImage"),
        links="1.0 IMAGE > 2.images",
    )
    form = build_form(on_server(parse_workflow("x", saved), small_catalog()), small_catalog())
    assert form.missing_prompt is not None
    assert form.missing_prompt.node.class_type == "PackImageService"


def test_a_packs_own_text_encoder_has_the_prompt() -> None:
    """Its texts have a type of their own. The settings of a missing node that saves the result
    aren't shown in the place of the prompt."""
    saved = graph(
        graph_node(1, "PackTextEncode", "a dog runs over a beach", "blurry"),
        graph_node(2, "PackSampler"),
        graph_node(3, "PackSave", widgets_values={"filename_prefix": "x", "loop_count": 0}),
        links="""1.0 PACKTEXTEMBEDS > 2.text_embeds
                 2.0 IMAGE > 3.images""",
    )
    form = build_form(on_server(parse_workflow("x", saved), small_catalog()), small_catalog())
    assert form.missing_prompt is not None
    assert form.missing_prompt.node.class_type == "PackTextEncode"
    assert [one.key for one in form.fields if one.group == "main"] == []


def test_a_node_that_shows_texts_has_no_prompt() -> None:
    """It was saved with the last run's text."""
    saved = graph(
        graph_node(1, "ShowText|pack", "a dog on a sofa"),
        graph_node(2, "PreviewAny"),
        links="1.0 STRING > 2.source",
    )
    form = build_form(on_server(parse_workflow("x", saved), small_catalog()), small_catalog())
    assert form.missing_prompt is None


def test_groups_name_equal_chains() -> None:
    """Four equal chains differ only in the groups that their author drew."""
    nodes, links, groups = [], [], []
    for number, title in enumerate(("Morning", "Noon", "Evening", "Night")):
        first = 10 * (number + 1)
        place = {"pos": [1000 * number, 100], "size": [200, 100]}
        nodes += [
            graph_node(first, "CheckpointLoaderSimple", "tiny_sd15.safetensors", **place),
            graph_node(first + 1, "CLIPTextEncode", f"text {number}", **place),
            graph_node(first + 2, "CLIPTextEncode", "", **place),
            graph_node(first + 3, "EmptyLatentImage", 512, 512, 1, **place),
            graph_node(
                first + 4, "KSampler", number, "fixed", 20, 8, "euler", "normal", 1, **place
            ),
            graph_node(first + 5, "VAEDecode", **place),
            graph_node(first + 6, "SaveImage", "x", **place),
        ]
        groups.append({"title": title, "bounding": [1000 * number - 50, 0, 900, 900]})
        links.append(CHAIN.format(*range(first, first + 7)))
    saved = graph(*nodes, links="\n".join(links), groups=groups)
    form = build_form(on_server(parse_workflow("x", saved), small_catalog()), small_catalog())
    assert [main(form)[one.key] for one in form.fields if one.role == "prompt"] == [
        "Prompt (Morning)",
        "Prompt (Noon)",
        "Prompt (Evening)",
        "Prompt (Night)",
    ]


def guided(guider: dict[str, Any], **more: Any) -> Prompt:
    """Return a prompt whose only text, a list of faults, reaches this guider."""
    return {
        "2": node("CLIPTextEncode", text=FAULTS, clip=["9", 0]),
        "4": guider,
        "5": node("SamplerCustomAdvanced", guider=["4", 0]),
        "6": node("SaveImage", images=["5", 0], filename_prefix="x"),
        **more,
    }


def test_the_only_text_of_a_guider_is_the_prompt() -> None:
    """A guider with one conditioning has no place for a negative text, even for a list of faults.
    Only a title counts more."""
    only = node("BasicGuider", model=["9", 0], conditioning=["2", 0])
    assert roles(form_of(guided(only)))["2.text"] == "prompt"
    strong = node("FluxGuidance", conditioning=["2", 0], guidance=3.5)
    behind = node("BasicGuider", model=["9", 0], conditioning=["3", 0])
    assert roles(form_of(guided(behind, **{"3": strong})))["2.text"] == "prompt"
    titled = guided(only)
    titled["2"]["_meta"] = {"title": "Negative"}
    assert roles(form_of(titled))["2.text"] == "negative"


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
