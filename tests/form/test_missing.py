"""Missing nodes and models are reported before a run."""

from __future__ import annotations

from dataclasses import replace

import pytest

from comfy.comfyui.object_info import Catalog
from comfy.form.build import build_form
from comfy.form.missing import missing_classes
from comfy.form.missing_items import MAY_BE_OFF, MissingClass
from comfy.prompt.model import MissingNode
from comfy.requirements.model import ModelFile
from comfy.workflow.config import parse_config
from tests.support.samples.extra_nodes import wide_catalog
from tests.support.samples.forms import (
    form_of,
    node,
    small_catalog,
    text_to_image,
    with_values,
    workflow_of,
)

TO_UPDATE = "Update ComfyUI. If it is up to date, look at its start messages."


def said_about(*nodes: dict[str, object], listed: tuple[MissingNode, ...] = ()) -> list[str]:
    """Return the sentences about missing node classes."""
    prompt = {str(number): one for number, one in enumerate(nodes)}
    return [one.sentence for one in missing_classes(prompt, small_catalog(), listed)]


def test_a_missing_class_lists_the_most_similar_one() -> None:
    """The app matches by class or display name, and ignores the pack written behind it."""
    assert said_about(node("ImageScaler (pack)")) == [
        "Missing node: ImageScaler (pack). Similar: Upscale Image."
    ]


def test_a_missing_class_without_a_similar_one_lists_none() -> None:
    """A far-fetched name doesn't help the user."""
    assert said_about(node("Quux")) == ["Missing node: Quux."]


@pytest.mark.parametrize(
    ("meta", "pack"),
    [
        ({"cnr_id": "quux-pack", "aux_id": "me/quux", "ver": "1.2.3"}, "quux-pack"),
        ({"aux_id": "me/quux"}, "me/quux"),
        ({"cnr_id": 7}, ""),
        ({"ver": "1.2.3"}, ""),
        ({"aux_id": "quux/"}, ""),
    ],
)
def test_an_api_export_names_the_pack_of_a_missing_class(
    meta: dict[str, object], pack: str
) -> None:
    """The editor writes it into a node's metadata. ComfyUI's own nodes are named as such."""
    named = [node("Quux"), node("Quux") | {"_meta": meta}]
    origin = f" It comes with the node pack {pack}." if pack else ""
    assert said_about(*named) == [f"Missing node: Quux. It is used 2 times.{origin}"]
    own = node("Quux") | {"_meta": {"cnr_id": "comfy-core"}}
    (sentence,) = said_about(own)
    assert "It is part of ComfyUI." in sentence


def test_a_missing_class_lists_the_titles_of_its_nodes() -> None:
    """The sentence lists at most three titles, and only titles that say more than the class."""
    nodes = [node("Quux", title) for title in ("Quux", "Sky", "Sea", "Sand", "Sun", "Sun")]
    assert said_about(*nodes) == [
        "Missing node: Quux. It is used 6 times. The workflow calls it “Sky”, “Sea”, “Sand”, …."
    ]


def test_a_graph_knows_the_pack() -> None:
    """The sentence names the pack that has the missing class."""
    (said,) = said_about(node("Quux"), listed=(MissingNode("Quux", (), "quux-nodes"),))
    assert said == "Missing node: Quux. It comes with the node pack quux-nodes."


@pytest.mark.parametrize(
    ("class_type", "has_paid_nodes", "said"),
    [
        ("KlingVideoNode", False, f"It is a paid node. {MAY_BE_OFF}"),
        ("KlingVideoNode", True, f"It is a paid node. {TO_UPDATE}"),
        ("NewNode", False, f"It is part of ComfyUI. {MAY_BE_OFF}"),
        ("NewNode", True, f"It is part of ComfyUI. {TO_UPDATE}"),
        ("VoxelToMeshBasic", False, f"It is part of ComfyUI. {TO_UPDATE}"),
    ],
)
def test_the_reason_for_a_missing_core_node_is_given(
    class_type: str, has_paid_nodes: bool, said: str
) -> None:
    """A server without any paid API node may have been started without them. Otherwise its version
    differs."""
    raw = dict(small_catalog().raw)
    if has_paid_nodes:
        raw["IdeogramV3"] = {"python_module": "comfy_api_nodes.nodes_ideogram"}
    listed = (MissingNode(class_type, (), "comfy-core"),)
    (one,) = missing_classes({"1": node(class_type)}, Catalog(raw), listed)
    assert one.sentence == f"Missing node: {class_type}. {said}"


def test_one_message_names_the_pack_of_several_missing_nodes() -> None:
    """Old files name no pack. The shipped table knows the best-known ones, and the message says how
    to install the pack."""
    prompt = text_to_image(
        n20=node("ApplyInstantID"), n21=node("InstantIDModelLoader"), n22=node("WanVideoSampler")
    )
    assert [one for one in form_of(prompt).problems if "Missing" in one] == [
        "Missing node pack: ComfyUI InstantID (ApplyInstantID, InstantIDModelLoader). Install it"
        " with “comfy node install comfyui_instantid”"
        " (https://registry.comfy.org/nodes/comfyui_instantid), then restart ComfyUI.",
        "Missing node pack: ComfyUI-WanVideoWrapper (WanVideoSampler). Install it with “comfy node"
        " install ComfyUI-WanVideoWrapper”"
        " (https://registry.comfy.org/nodes/ComfyUI-WanVideoWrapper), then restart ComfyUI.",
    ]


@pytest.mark.parametrize(
    ("class_type", "saved", "server", "reason"),
    [
        ("VoxelToMeshBasic", "0.17.0", "0.33.0", "new enough, so loading has probably failed"),
        ("VoxelToMeshBasic", "", "0.34.1", "new enough, so loading has probably failed"),
        ("VoxelToMeshBasic", "0.41.0", "0.35.0", "new enough, so loading has probably failed"),
        ("VoxelToMeshBasic", "", "0.3.70", "from 0.3.70 to 0.33.0 or newer"),
        ("NewNode", "0.41.0", "0.33.0", "from 0.33.0 to 0.41.0 or newer"),
        ("NewNode", "", "0.33.0", "off on this server, or it is too old"),
        ("NewNode", "0.41.0", "main-1a2b", "off on this server, or it is too old"),
        ("KlingVideoNode", "", "0.33.0", "Paid nodes are off on this server."),
        ("KlingVideoNode", "", "0.3.10", "ComfyUI 0.3.10 is too old for paid nodes."),
    ],
)
def test_the_servers_version_decides_what_to_do(
    class_type: str, saved: str, server: str, reason: str
) -> None:
    """A server that is new enough for a node failed to load it, and an update wouldn't help."""
    one = MissingClass(class_type, ("1",), (), "", "comfy-core", False, saved, server)
    assert reason in one.reason


def test_a_prompt_without_packs_names_core_nodes() -> None:
    """ComfyUI's own nodes are known by name, unless a pack claims them."""
    assert said_about(node("VoxelToMeshBasic")) == [
        f"Missing node: VoxelToMeshBasic. It is part of ComfyUI. {TO_UPDATE}"
    ]
    claimed = node("VoxelToMeshBasic") | {"_meta": {"cnr_id": "flux-pack"}}
    (said,) = said_about(claimed)
    assert "flux-pack" in said


def test_a_prompt_without_packs_names_paid_nodes() -> None:
    """Prompts in API format don't say where a node comes from. If a graph lists the node with a
    pack, the node belongs to that pack."""
    (paid,) = said_about(node("KlingVideoNode"))
    assert "paid node" in paid
    (other,) = said_about(
        node("KlingVideoNode"), listed=(MissingNode("KlingVideoNode", (), "kling-pack"),)
    )
    assert other == "Missing node: KlingVideoNode. It comes with the node pack kling-pack."


@pytest.mark.parametrize(
    ("listed", "end"),
    [
        (ModelFile("v1-5.safetensors"), ""),
        (
            ModelFile("v1-5.safetensors", "checkpoints"),
            " Put it in models/checkpoints.",
        ),
        (
            ModelFile("V1-5.safetensors", "checkpoints", "https://example.org/a?b=1"),
            " Put it in models/checkpoints. Download: https://example.org/a?b=1",
        ),
        (
            ModelFile("v1-5.safetensors", "", "https://example.org/a"),
            " Download: https://example.org/a",
        ),
        (ModelFile("other.safetensors", "checkpoints"), ""),
    ],
)
def test_a_graph_knows_where_a_model_comes_from(listed: ModelFile, end: str) -> None:
    """The source is plain text. The app finds it by the file's name, in any folder that the
    workflow gives."""
    prompt = with_values(text_to_image(), "4", ckpt_name="sd\\v1-5.safetensors")
    (problem,) = build_form(
        replace(workflow_of(prompt), models=(listed,)), small_catalog()
    ).problems
    closest = "Similar: “tiny_sd15.safetensors”."
    assert problem == f"Model: “sd\\v1-5.safetensors” isn't available. {closest}{end}"


def test_a_missing_model_in_a_hidden_field_is_reported() -> None:
    """The server would refuse the missing model even if its field is hidden."""
    config = parse_config("x.toml", {"fields": {"4.ckpt_name": {"hidden": True}}})
    prompt = with_values(text_to_image(), "4", ckpt_name="gone.safetensors")
    assert "gone.safetensors" in " ".join(form_of(prompt, config).problems)


def test_an_unused_loader_lacks_nothing() -> None:
    """The server doesn't check a node that reaches no output either."""
    prompt = text_to_image(
        n20=node("LoraLoader", lora_name="gone.safetensors", model=["4", 0], clip=["4", 1])
    )
    assert form_of(prompt).problems == ()


def test_addresses_stay_text_on_one_line() -> None:
    """The app shortens and cleans a file's text before it shows it."""
    listed = ModelFile("gone.safetensors", "a\nb", "https://x/" + "y" * 5000)
    prompt = with_values(text_to_image(), "4", ckpt_name="gone.safetensors")
    (problem,) = build_form(
        replace(workflow_of(prompt), models=(listed,)), small_catalog()
    ).problems
    assert "\n" not in problem
    assert len(problem) < 700


def test_only_another_file_replaces_a_missing_file() -> None:
    """A fresh ComfyUI without a VAE still offers words such as “pixel_space”."""
    prompt = text_to_image(n20=node("VAELoader", vae_name="wan_vae.safetensors"))
    prompt = with_values(prompt, "8", vae=["20", 0])
    required = {"vae_name": [["pixel_space"], {}]}
    loader = {"input": {"required": required}, "output": ["VAE"], "output_name": ["VAE"]}
    form = build_form(workflow_of(prompt), Catalog({**wide_catalog().raw, "VAELoader": loader}))
    (missing,) = form.missing
    assert missing.sentence == "VAE: “wan_vae.safetensors” isn't available."
