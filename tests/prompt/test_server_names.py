"""Names that differ from the server's only in slashes or case."""

from __future__ import annotations

import pytest

from comfy.comfyui.object_info import Catalog
from comfy.prompt.server_names import with_server_names
from comfy.workflow.model import Workflow
from comfy.workflow.resolve import on_server
from tests.support.samples.graphs import graph, graph_node

OFFERED = ["sub/tiny lora.safetensors", "Other.safetensors", "a/TWIN.pt", "a/twin.pt"]
CATALOG = Catalog(
    {
        "LoadLora": {"input": {"required": {"lora_name": [OFFERED, {}]}}, "output": ["MODEL"]},
        "LoadImage": {
            "input": {"required": {"image": [["sub/a.png"], {"image_upload": True}]}},
            "output": ["IMAGE"],
        },
    }
)


@pytest.mark.parametrize(
    ("saved", "sent"),
    [
        ("sub\\tiny lora.safetensors", "sub/tiny lora.safetensors"),
        ("SUB/Tiny LoRA.safetensors", "sub/tiny lora.safetensors"),
        ("Sub\\tiny lora.safetensors", "sub/tiny lora.safetensors"),
        ("other.safetensors", "Other.safetensors"),
        ("a\\twin.pt", "a/twin.pt"),
        ("A/Twin.pt", "A/Twin.pt"),
        ("tiny lora.safetensors", "tiny lora.safetensors"),
        (7, 7),
    ],
)
def test_a_choice_gets_the_servers_spelling(saved: object, sent: object) -> None:
    """Slashes never matter. Case doesn't either, unless two choices differ only in it."""
    prompt = {"1": {"class_type": "LoadLora", "inputs": {"lora_name": saved, "strength": 1}}}
    renamed = with_server_names(prompt, CATALOG)
    assert renamed["1"]["inputs"] == {"lora_name": sent, "strength": 1}
    assert prompt["1"]["inputs"]["lora_name"] == saved


def test_uploads_and_unknown_classes_keep_their_names() -> None:
    """Only choices of known classes have a server's spelling."""
    prompt = {
        "1": {"class_type": "LoadImage", "inputs": {"image": "sub\\a.png"}},
        "2": {"class_type": "Unknown", "inputs": {"lora_name": "other.safetensors"}},
    }
    assert with_server_names(prompt, CATALOG) == prompt


def test_graphs_and_prompts_get_the_servers_names() -> None:
    """Both kinds of files run on a server with other slashes."""
    saved = graph(graph_node(1, "LoadLora", "sub\\tiny lora.safetensors"))
    prompt = {
        "1": {"class_type": "LoadLora", "inputs": {"lora_name": "sub\\tiny lora.safetensors"}}
    }
    for workflow in (Workflow("a", {}, graph=saved), Workflow("a", prompt)):
        inputs = on_server(workflow, CATALOG).prompt["1"]["inputs"]
        assert inputs["lora_name"] == "sub/tiny lora.safetensors"
