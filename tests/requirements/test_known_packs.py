"""The shipped table of the best-known node packs."""

from __future__ import annotations

from pathlib import Path

import pytest

from comfy.comfyui.protocol.node_lists import CORE_NODES, PAID_NODES
from comfy.requirements import known_packs
from comfy.requirements.known_packs import known_pack, pack_id, pack_name
from comfy.requirements.read import valid_pack
from tests.support.samples.forms import form_of, node, text_to_image

TABLE = Path(known_packs.__file__).with_suffix(".tsv")


@pytest.mark.parametrize(
    ("class_type", "pack"),
    [
        ("ApplyInstantID", "comfyui_instantid"),
        ("WanVideoBlockSwap", "ComfyUI-WanVideoWrapper"),
        ("VHS_VideoCombine", "comfyui-videohelpersuite"),
        ("GetImageSizeAndCount", "comfyui-kjnodes"),
        ("FaceDetailer", "comfyui-impact-pack"),
        ("IPAdapterUnifiedLoader", "comfyui_ipadapter_plus"),
        ("Power Lora Loader (rgthree)", "rgthree-comfy"),
        ("easy fullLoader", "comfyui-easy-use"),
        ("Text Concatenate", "was-node-suite-comfyui"),
        ("CR Prompt Text", "ComfyUI_Comfyroll_CustomNodes"),
        ("DWPreprocessor", "comfyui_controlnet_aux"),
        ("ImageResize+", "comfyui_essentials"),
        ("UnetLoaderGGUF", "ComfyUI-GGUF"),
        ("NoSuchClass", ""),
    ],
)
def test_knows_the_pack_of_a_class(class_type: str, pack: str) -> None:
    assert known_pack(class_type) == pack


def test_a_pack_has_one_id() -> None:
    """Workflows name a pack by its id in any case, or by its repository."""
    assert pack_id("kijai/ComfyUI-KJNodes") == pack_id("ComfyUI-KJNodes") == "comfyui-kjnodes"
    assert pack_name("kijai/comfyui-kjnodes") == "KJNodes for ComfyUI"
    assert pack_id("me/own") == pack_name("me/own") == "me/own"


def test_the_table_has_valid_packs_and_no_core_nodes() -> None:
    """It stays small, because it is in every wheel."""
    lines = [line.split("\t") for line in TABLE.read_text(encoding="utf-8").splitlines()]
    classes = [one for line in lines for one in line[4:]]
    assert len(lines) == 300
    assert TABLE.stat().st_size <= 150_000
    assert len(classes) == len(set(classes))
    assert not set(classes) & (CORE_NODES | PAID_NODES)
    assert all(valid_pack(line[0]) and (not line[1] or valid_pack(line[1])) for line in lines)


def test_the_table_is_read_at_the_first_missing_node() -> None:
    """A form without missing nodes doesn't need it."""
    known_packs._known.cache_clear()
    assert form_of(text_to_image()).problems == ()
    assert known_packs._known.cache_info().currsize == 0
    form_of(text_to_image(n20=node("ApplyInstantID")))
    assert known_packs._known.cache_info().currsize == 1
