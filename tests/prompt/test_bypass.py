"""Running a prompt without one of its images."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from comfy.comfyui.input_spec import compatible
from comfy.prompt.bypass import expendable, take_out
from comfy.prompt.model import Prompt, links
from tests.support.distribution import examples
from tests.support.samples.extra_nodes import wide_catalog
from tests.support.samples.forms import node, text_to_image, with_values

CATALOG = wide_catalog()
PHOTO = node("LoadImage", image="photo.png")


def without(prompt: Prompt, *nodes: str) -> Prompt:
    """Return the prompt without these nodes. Fail if that isn't possible."""
    left = take_out(prompt, CATALOG, nodes or ("20",))
    assert left is not None
    return left


def with_controlnet() -> Prompt:
    """Return a text-to-image prompt with a ControlNet that uses a photo."""
    prompt = text_to_image(
        n20=PHOTO,
        n21=node("ControlNetLoader", control_net_name="canny.safetensors"),
        n22=node(
            "ControlNetApplyAdvanced",
            positive=["6", 0],
            negative=["7", 0],
            control_net=["21", 0],
            image=["20", 0],
            strength=1.0,
            start_percent=0.0,
            end_percent=1.0,
        ),
    )
    return with_values(prompt, "3", positive=["22", 0], negative=["22", 1])


def test_a_controlnet_without_its_image_passes_the_texts_through() -> None:
    """Each output is replaced by the input at the same position. The ControlNet model is removed
    too, because nothing else uses it."""
    assert without(with_controlnet()) == text_to_image()


def test_an_adapter_without_its_image_passes_the_model_through() -> None:
    """The output is replaced by the input of the same type."""
    adapter = node("StyleAdapter", model=["4", 0], image=["20", 0], weight=1.0)
    prompt = with_values(text_to_image(n20=PHOTO, n21=adapter), "3", model=["21", 0])
    assert without(prompt) == text_to_image()


def test_a_chain_of_bypassed_adapters_passes_the_model_through() -> None:
    """A series of bypassed nodes leads to the first node that remains."""
    prompt = text_to_image(
        n20=PHOTO,
        n21=node("StyleAdapter", model=["4", 0], image=["20", 0], weight=1.0),
        n22=node("StyleAdapter", model=["21", 0], image=["20", 0], weight=0.5),
    )
    assert without(with_values(prompt, "3", model=["22", 0])) == text_to_image()


def test_a_second_reference_is_simply_left_out() -> None:
    """The optional input is removed. Its node and the first reference remain."""
    editor = node("EditText", prompt="swap them", clip=["4", 1], image1=["20", 0], image2=["23", 0])
    prompt = with_values(
        text_to_image(n20=PHOTO, n22=PHOTO, n23=node("ImageScale", image=["22", 0]), n24=editor),
        "3",
    )
    prompt = with_values(prompt, "3", positive=["24", 0])
    left = without(prompt, "22")
    assert left["24"]["inputs"] == {"prompt": "swap them", "clip": ["4", 1], "image1": ["20", 0]}
    assert "23" not in left
    assert "20" in left


def test_a_sampler_that_starts_from_an_image_needs_it() -> None:
    """Without the image, no output would remain: encoder, sampler, decoder and saver would all be
    removed."""
    prompt = text_to_image(n20=PHOTO, n21=node("VAEEncode", pixels=["20", 0], vae=["4", 2]))
    prompt = with_values(prompt, "3", latent_image=["21", 0])
    assert not expendable(prompt, CATALOG, ["20"])
    assert take_out(prompt, CATALOG, ["20"]) is None


def test_a_sampler_is_never_bypassed() -> None:
    """If the sampler were bypassed because its text lacks the image, it would pass an empty latent
    on as a result."""
    prompt = with_values(
        text_to_image(n20=PHOTO, n21=node("Caption", image=["20", 0])), "6", text=["21", 0]
    )
    assert not expendable(prompt, CATALOG, ["20"])


def test_a_mask_may_be_left_unpainted() -> None:
    """The latent bypasses the node that would apply the mask."""
    prompt = text_to_image(
        n20=PHOTO, n21=node("SetLatentNoiseMask", samples=["5", 0], mask=["20", 1])
    )
    assert without(with_values(prompt, "3", latent_image=["21", 0])) == text_to_image()


def test_numbers_from_a_missing_image_become_the_servers_default() -> None:
    """The editor's widgets do the same when their link is gone."""
    prompt = text_to_image(n20=PHOTO, n21=node("ImageSize", image=["20", 0]))
    prompt = with_values(prompt, "5", width=["21", 0], height=["21", 1])
    left = without(prompt)
    assert (left["5"]["inputs"]["width"], left["5"]["inputs"]["height"]) == (512, 512)


def test_a_formula_does_not_lose_a_term() -> None:
    """A formula's inputs are optional for the node, but the formula's text needs them."""
    formula = node("Formula", formula="a + b", **{"values.a": ["22", 0], "values.b": ["21", 0]})
    prompt = text_to_image(
        n20=PHOTO,
        n21=node("ImageSize", image=["20", 0]),
        n22=node("PrimitiveInt", value=1),
        n23=formula,
    )
    left = without(with_values(prompt, "5", width=["23", 0]))
    assert left["5"]["inputs"]["width"] == ["22", 0]  # a, which comes in as the same type
    assert not {"21", "23"} & left.keys()


def batch_of(*loaders: str) -> Prompt:
    """Return a prompt that makes a video from loaded images."""
    members = {f"images.image{number}": [loader, 0] for number, loader in enumerate(loaders)}
    return dict.fromkeys(loaders, PHOTO) | {
        "8": node("BatchImagesNode", **members),
        "9": node("CreateVideo", images=["8", 0], fps=8.0),
        "10": node(
            "SaveVideo",
            video=["9", 0],
            filename_prefix="v",
            format="auto",
            **{"format.codec": "auto"},
        ),
    }


def test_a_growing_group_renumbers_its_inputs() -> None:
    """The server requires the first inputs of a group, so the other inputs move up."""
    left = without(batch_of("1", "2", "3"), "1")
    assert left["8"]["inputs"] == {"images.image0": ["2", 0], "images.image1": ["3", 0]}


def test_a_growing_group_keeps_its_minimum() -> None:
    """The user can leave out one of two images, but not both."""
    prompt = batch_of("1", "2")
    assert expendable(prompt, CATALOG, ["1"])
    assert expendable(prompt, CATALOG, ["2"])
    assert take_out(prompt, CATALOG, ["1", "2"]) is None


def test_the_remaining_result_is_still_saved() -> None:
    """An output that depends on the missing image is dropped if another output remains."""
    prompt = text_to_image(
        n20=PHOTO,
        n21=node("ImageScaleBy", image=["20", 0]),
        n22=node("SaveImage", images=["21", 0]),
    )
    assert without(prompt) == text_to_image()


def test_an_image_is_required_if_only_previews_would_remain() -> None:
    """The bypass removes the only saved result. The remaining preview would only show a word."""
    prompt = {
        "1": PHOTO,
        "2": node("ImageScaleBy", image=["1", 0], scale_by=2.0),
        "3": node("SaveImage", images=["2", 0], filename_prefix="x"),
        "4": node("PrimitiveString", value="hello"),
        "5": node("PreviewAny", source=["4", 0]),
    }
    assert not expendable(prompt, CATALOG, ["1"])


def test_a_blend_needs_both_of_its_images() -> None:
    """Without one of two blended images, the result would be the other image unchanged."""
    prompt = {
        "1": PHOTO,
        "2": PHOTO,
        "3": node("Blend", image1=["1", 0], image2=["2", 0], factor=0.5),
        "4": node("SaveImage", images=["3", 0], filename_prefix="x"),
    }
    assert not expendable(prompt, CATALOG, ["1"])
    assert not expendable(prompt, CATALOG, ["2"])


def test_a_blend_passes_the_generated_image_through() -> None:
    """The input at the output's position is missing, so the next input of the same type replaces
    it."""
    prompt = text_to_image(
        n20=PHOTO, n21=node("Blend", image1=["20", 0], image2=["8", 0], factor=0.5)
    )
    assert without(with_values(prompt, "9", images=["21", 0])) == text_to_image()


def test_an_input_of_an_unknown_node_is_required() -> None:
    """The app can't bypass a class that the server doesn't have."""
    prompt = text_to_image(n20=PHOTO, n21=node("Mystery", model=["4", 0], image=["20", 0]))
    assert not expendable(with_values(prompt, "3", model=["21", 0]), CATALOG, ["20"])


def test_an_author_may_name_the_result_that_counts() -> None:
    """If that result would be lost, the image is needed, even if other results would stay."""
    prompt = text_to_image(n20=PHOTO, n21=node("SaveImage", images=["20", 0], filename_prefix="x"))
    assert expendable(prompt, CATALOG, ["20"], {"9"})
    assert not expendable(prompt, CATALOG, ["20"], {"21"})


def test_cycles_of_links_do_not_loop_forever() -> None:
    """A damaged prompt with a cycle of links gets an answer instead of an endless loop."""
    ring = node("StyleAdapter", model=["22", 0], image=["20", 0], weight=1.0)
    prompt = text_to_image(
        n20=PHOTO, n21=ring, n22=with_values({"x": ring}, "x", model=["21", 0])["x"]
    )
    assert take_out(with_values(prompt, "3", model=["21", 0]), CATALOG, ["20"]) is None


@pytest.mark.parametrize(
    ("one", "other", "fit"),
    [
        ("IMAGE", "IMAGE", True),
        ("IMAGE", "MASK", False),
        ("*", "MASK", True),
        ("INT,FLOAT", "FLOAT", True),
    ],
)
def test_compatible_types_match(one: str, other: str, fit: bool) -> None:
    """Two types meet if they are equal, if one is a wildcard, or if one lists the other among
    several."""
    assert compatible(one, other) is fit


def test_a_long_chain_of_bypassed_nodes_is_handled() -> None:
    """Thousands of bypassed nodes in a row lead to the node before the first."""
    chain = {
        f"{n}": node(
            "StyleAdapter", model=[f"{n - 1}" if n > 1000 else "4", 0], image=["20", 0], weight=1.0
        )
        for n in range(1000, 4000)
    }
    prompt = with_values(text_to_image(n20=PHOTO) | chain, "3", model=["3999", 0])
    assert without(prompt) == text_to_image()


LINKED = {
    "ImageScale": {"image": "IMAGE"},
    "Blend": {"image1": "IMAGE", "image2": "IMAGE"},
    "VAEEncode": {"pixels": "IMAGE", "vae": "VAE"},
    "VAEDecode": {"samples": "LATENT", "vae": "VAE"},
    "StyleAdapter": {"model": "MODEL", "image": "IMAGE"},
    "EditText": {"clip": "CLIP", "image1": "IMAGE", "image2": "IMAGE"},
    "BatchImagesNode": {
        "images.image0": "IMAGE",
        "images.image1": "IMAGE",
        "images.image2": "IMAGE",
    },
    "KSampler": {
        "model": "MODEL",
        "positive": "CONDITIONING",
        "negative": "CONDITIONING",
        "latent_image": "LATENT",
    },
    "SaveImage": {"images": "IMAGE"},
    "PreviewImage": {"images": "IMAGE"},
}


def test_nodes_that_lead_to_no_result_are_kept() -> None:
    """A node that leads to no result stays, and so do the nodes it depends on."""
    prompt = {
        "c": node("CheckpointLoaderSimple", ckpt_name="x"),
        "a": PHOTO,
        "b": PHOTO,
        "v": node("VAEEncode", pixels=["a", 0], vae=["c", 2]),
        "d": node("VAEDecode", samples=["v", 0], vae=["c", 2]),
        "t": node("CLIPTextEncode", text="fox", clip=["c", 1]),
        "1": node("PreviewImage", images=["d", 0]),
        "2": node("PreviewImage", images=["b", 0]),
    }
    left = take_out(prompt, CATALOG, ["a"])
    assert left is not None
    assert left.keys() == {"c", "b", "t", "2"}


@st.composite
def prompts(draw: st.DrawFn) -> Prompt:
    """Draw prompts of any shape. Links have the right types and point to earlier nodes."""
    prompt: Prompt = {
        "c": node("CheckpointLoaderSimple", ckpt_name="x"),
        "a": PHOTO,
        "b": PHOTO,
        "t": node("CLIPTextEncode", text="fox", clip=["c", 1]),
        "e": node("EmptyLatentImage", width=64, height=64, batch_size=1),
    }
    made = {
        "MODEL": [["c", 0]],
        "CLIP": [["c", 1]],
        "VAE": [["c", 2]],
        "IMAGE": [["a", 0], ["b", 0]],
    }
    made |= {"CONDITIONING": [["t", 0]], "LATENT": [["e", 0]]}
    for number, kind in enumerate(
        draw(st.lists(st.sampled_from(sorted(LINKED)), min_size=1, max_size=12))
    ):
        inputs: dict[str, Any] = {
            name: draw(st.sampled_from(made[type_])) for name, type_ in LINKED[kind].items()
        }
        prompt[f"{number}"] = node(kind, **inputs)
        for slot, type_ in enumerate(CATALOG[kind].output_types):
            made[type_].append([f"{number}", slot])
    return prompt


@given(prompts(), st.sets(st.sampled_from(["a", "b"]), min_size=1))
@settings(max_examples=examples(200))
def test_the_remaining_prompt_is_complete(prompt: Prompt, gone: set[str]) -> None:
    """In the remaining prompt, each link has a target of the right type and no required input is
    missing. The original prompt doesn't change."""
    before = copy.deepcopy(prompt)
    left = take_out(prompt, CATALOG, gone)
    assert prompt == before
    if left is None:
        return
    assert not gone & left.keys()
    assert any(CATALOG[one["class_type"]].output_node for one in left.values())
    for one in left.values():
        active = CATALOG[one["class_type"]].active_inputs(one["inputs"])
        for name in LINKED.get(one["class_type"], {}):
            assert (
                name in one["inputs"]
                or not active[name if name in active else "images"].required
                or "." in name
            )
        for name, link in links(one):
            made = CATALOG[left[link.node]["class_type"]].output_types[link.slot]
            assert compatible(made, active[name].type)
        if one["class_type"] == "BatchImagesNode":
            assert (
                list(one["inputs"]) == [f"images.image{n}" for n in range(len(one["inputs"]))] != []
            )
