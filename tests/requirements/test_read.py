"""Requirements that graphs, prompts and template indexes name."""

from __future__ import annotations

from typing import Any

import pytest

from comfy.requirements.model import Declared, ModelFile, NodePack, safe_path
from comfy.requirements.read import declared_by, models_of, packs_of
from tests.support.samples.graphs import graph, graph_node

HOST = "https://huggingface.co/someone/model/resolve/main"
CHECKSUM = "0a" * 32


def loader(*models: Any) -> Any:
    return graph_node(1, "Load", "a.safetensors", properties={"models": list(models)})


def note(text: str, kind: str = "MarkdownNote") -> Any:
    return {"id": 9, "type": kind, "widgets_values": [text]}


def listed(**more: Any) -> dict[str, Any]:
    return {"name": "a.safetensors", "directory": "vae", "url": f"{HOST}/a.safetensors", **more}


def test_nodes_list_their_model_files() -> None:
    """Each file counts once, with its checksum."""
    data = graph(
        loader(listed(hash=CHECKSUM.upper(), hash_type="SHA256"), listed(), "junk", {"name": 3})
    )
    model = ModelFile("a.safetensors", "vae", f"{HOST}/a.safetensors", CHECKSUM)
    assert models_of(data) == (model,)


def test_subgraphs_and_group_nodes_list_theirs() -> None:
    """Files of nodes inside others count as well."""
    data = graph()
    data["definitions"] = {"subgraphs": [graph(loader(listed(name="b.safetensors")))]}
    data["extra"] = {"groupNodes": {"x": {"nodes": [loader(listed(name="c.safetensors"))]}}}
    assert [one.name for one in models_of(data)] == ["b.safetensors", "c.safetensors"]


@pytest.mark.parametrize(
    "unsafe",
    ["../a.safetensors", "/etc/a.safetensors", "C:\\a.safetensors", "x/../a.ckpt", " ", "a\n.ckpt"],
)
def test_unsafe_names_are_dropped(unsafe: str) -> None:
    """A file whose path could lead out of its folder isn't listed."""
    assert models_of(graph(loader(listed(name=unsafe)))) == ()
    assert safe_path(unsafe) == ""


@pytest.mark.parametrize("url", ["file:///etc/passwd", "javascript:1", "https://", 3, "ftp://x/a"])
def test_only_web_addresses_count(url: object) -> None:
    """A file keeps its name and folder without its address."""
    assert models_of(graph(loader(listed(url=url)))) == (ModelFile("a.safetensors", "vae"),)


@pytest.mark.parametrize(
    ("text", "folder"),
    [
        (f"**text_encoders**\n\n- [a.safetensors]({HOST}/a.safetensors)", "text_encoders"),
        (f"diffusion model\n- 8 steps: [x]({HOST}/a.safetensors?download=true).", "diffusion_models"),
        (f"Get {HOST}/split_files/vae/a.safetensors, then start.", "vae"),
        (f"{HOST}/a.safetensors\n\U0001f4c2 models/\n│   └── \U0001f4c2 loras/\n│       └── a.safetensors", "loras"),
        (f"{HOST}/a.safetensors\nmodels/checkpoints\n  - a.safetensors", "checkpoints"),
        (f"See {HOST}/a.safetensors", ""),
    ],
)  # fmt: skip
def test_notes_link_to_model_files(text: str, folder: str) -> None:
    """The folder comes from a drawn tree, the address or the heading above the link."""
    (model,) = models_of({"nodes": [note(text)]})
    assert (model.name, model.folder) == ("a.safetensors", folder)
    assert model.url.startswith(HOST)


def test_a_page_at_hugging_face_becomes_the_address_of_its_file() -> None:
    """Authors copy the page's address from their browser."""
    text = "[vae](https://huggingface.co/someone/model/blob/main/a.safetensors)"
    (model,) = models_of({"nodes": [note(text, "Note")]})
    assert model.url == f"{HOST}/a.safetensors"


def test_notes_complete_what_nodes_list() -> None:
    """A listed file without an address or folder takes them from a note."""
    link = f"**vae**\n- [a]({HOST}/A.safetensors)"
    data = graph(loader({"name": "a.safetensors"}))
    data["nodes"].append(note(link))
    assert models_of(data) == (ModelFile("a.safetensors", "vae", f"{HOST}/A.safetensors"),)


def test_other_links_of_notes_name_no_models() -> None:
    """Pages and images aren't models."""
    text = f"[guide](https://docs.example.org/a) ![x]({HOST}/a.png) ({HOST}/..%2Fa.safetensors)"
    assert models_of({"nodes": [note(text)]}) == ()


def test_prompts_name_the_packs_of_their_classes() -> None:
    """`_meta` has the registry's id or the repository, and a version."""
    node = {"inputs": {}}
    prompt: Any = {
        "1": {**node, "class_type": "A", "_meta": {"cnr_id": "some-pack", "ver": "1.2.0"}},
        "2": {**node, "class_type": "B", "_meta": {"aux_id": "me/pack", "ver": "unknown"}},
        "3": {**node, "class_type": "C", "_meta": {"cnr_id": "../x"}},
        "4": {**node, "class_type": "D"},
    }
    packs = packs_of(prompt)
    assert packs == {"A": NodePack("some-pack", "1.2.0"), "B": NodePack("me/pack")}
    assert packs["A"].url == "https://registry.comfy.org/nodes/some-pack"
    assert packs["B"].url == "https://github.com/me/pack"


def test_an_index_declares_size_packs_and_version() -> None:
    """Invalid declarations are ignored."""
    entry = {
        "size": 5e9,
        "requiresCustomNodes": ["a-pack", "a-pack", "-odd-", 3],
        "minComfyUIVersion": "0.41.0",
    }
    assert declared_by(entry) == Declared(5_000_000_000, (NodePack("a-pack"),), "0.41.0")
    assert declared_by({"size": -1, "minComfyUIVersion": 3}) == Declared()
