"""Main fields that a person would have chosen, and settings that stay advanced."""

from __future__ import annotations

from dataclasses import replace

from comfy.form.build import build_form
from comfy.form.model import Form
from comfy.prompt.model import InputRef, Prompt
from comfy.workflow.model import ShownInput
from tests.form.more_nodes import more_nodes
from tests.support.samples.forms import node, parse_workflow, text_to_image, with_values


def form_with(prompt: Prompt, *promoted: ShownInput) -> Form:
    """Return the form of a prompt with inputs that a subgraph's author promoted."""
    workflow = replace(parse_workflow("sample", prompt), promoted=promoted)
    return build_form(workflow, more_nodes())


def main(form: Form) -> dict[str, str]:
    """Return the label of each main field by its key."""
    return {field.key: field.label for field in form.fields if field.group == "main"}


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
    wanted = {"20.value": "Put a story idea here:", "21.value": "paste the lyrics"}
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


def test_the_steps_that_only_a_packs_sampler_has_are_main() -> None:
    """They are why the graph has this sampler. Its other settings are advanced."""
    own = {"LanPaint_NumSteps": 5, "LanPaint_Lambda": 5.0}
    sampler = node("LanPaint_KSampler", model=["4", 0], latent_image=["5", 0], steps=20, **own)
    form = form_with(text_to_image(n3=sampler))
    assert main(form)["3.LanPaint_NumSteps"] == "Thinking steps"
    assert main(form)["3.steps"] == "Steps"
    assert form.field("3.LanPaint_Lambda").group == "advanced"
