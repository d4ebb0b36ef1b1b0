"""Negative prompts, which are never shown as prompts, also where nodes are missing."""

from __future__ import annotations

from typing import Any

import pytest

from comfy.form.build import build_form
from comfy.form.model import Form
from comfy.prompt.model import Prompt
from comfy.prompt.texts import looks_negative
from comfy.workflow.resolve import on_server
from tests.support.samples.forms import (
    form_of,
    node,
    parse_workflow,
    small_catalog,
    text_to_image,
    with_values,
)
from tests.support.samples.graphs import graph, graph_node

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
    labels = [one.label for one in form.fields if one.role == "prompt" and one.group == "main"]
    assert labels == [
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
