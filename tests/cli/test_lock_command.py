"""`comfyforms lock` and `comfyforms check`."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from comfy.__main__ import main
from comfyui_standin import DemoServer
from tests.downloads.file_server import FileServer, file_server, safetensors
from tests.support.sampler import prompt

CHECKPOINT = "demo-watercolour.safetensors"  # the stand-in has it
LORA = safetensors(5000, "lora")


@pytest.fixture
def hub() -> Iterator[FileServer]:
    """Yield a file server that describes its files as Hugging Face does."""
    with file_server() as server:
        linked = {"X-Linked-Size": str(len(LORA)), "X-Linked-ETag": f'"{_sha256(LORA)}"'}
        server.host("new.safetensors", LORA, headers=linked)
        yield server


@pytest.fixture
def demo() -> Iterator[DemoServer]:
    with DemoServer(manager="4") as server:
        yield server


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def workflow(tmp_path: Path) -> Path:
    """Write a workflow with two models, a node of a pack, and one of an unknown pack."""
    nodes: dict[str, Any] = dict(prompt(5))
    for node in nodes.values():
        if "ckpt_name" in node["inputs"]:
            node["inputs"]["ckpt_name"] = CHECKPOINT
    loras = {"lora_1": {"on": True, "lora": "styles/new.safetensors"}}
    named = {"cnr_id": "lora-stack", "ver": "1.2.0"}
    nodes["90"] = {"class_type": "LoraStack", "inputs": loras, "_meta": named}
    nodes["91"] = {"class_type": "Xyz", "inputs": {}}
    file = tmp_path / "mine.json"
    file.write_text(json.dumps(nodes), encoding="utf-8")
    return file


def completed(file: Path, **values: str) -> None:
    """Fill in empty values of a lock, in order, as an author does."""
    text = file.read_text("utf-8")
    for key, value in values.items():
        assert f'{key} = ""' in text
        text = text.replace(f'{key} = ""', f'{key} = "{value}"', 1)
    file.write_text(text, encoding="utf-8")


def test_an_author_completes_a_lock(
    workflow: Path, demo: DemoServer, hub: FileServer, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first lock names the unknown values. Entered values stay, and the download host completes
    them. The server tells its version and the size of its files."""
    out = workflow.with_name("lock.toml")
    words = ["lock", str(workflow), "--server", demo.url, "--out", str(out)]
    assert main(words) == 1
    said = capsys.readouterr().out
    assert "styles/new.safetensors: No download link in this workflow." in said
    assert "Enter the id or the GitHub repository of the node pack with Xyz." in said
    text = out.read_text("utf-8")
    text = text.replace(
        'name = "styles/new.safetensors"\nfolder = ""\nurl = ""',
        f'name = "styles/new.safetensors"\nfolder = "loras"\nurl = "{hub.url("new.safetensors")}"',
    )
    out.write_text(text.replace('id = ""', 'id = "ann/xyz"'), encoding="utf-8")
    assert main(words) == 1
    said = capsys.readouterr().out
    assert "Add it to --download-hosts if you trust it." in said
    assert "ann/xyz: Enter the version of this node pack, or a commit." in said
    text = out.read_text("utf-8")
    assert 'repository = "https://github.com/ann/xyz"' in text
    out.write_text(text.replace('version = ""', 'version = "abc1234"'), encoding="utf-8")
    completed(out, url="https://huggingface.co/ann/x/resolve/main/a.safetensors")
    completed(out, sha256="0" * 64)
    assert main([*words, "--download-hosts", hub.origin]) == 0
    lock = tomllib.loads(out.read_text("utf-8"))
    models = {one["name"]: one for one in lock["model"]}
    assert lock["hosts"] == [hub.origin]
    assert lock["comfyui"] == "0.33.0"
    assert models[CHECKPOINT]["size"] == 2_000_000_000
    assert models["styles/new.safetensors"] == {
        "name": "styles/new.safetensors",
        "folder": "loras",
        "url": hub.url("new.safetensors"),
        "sha256": _sha256(LORA),
        "size": len(LORA),
    }
    assert [(one["id"], one["version"], one["nodes"]) for one in lock["pack"]] == [
        ("lora-stack", "1.2.0", ["LoraStack"]),
        ("ann/xyz", "abc1234", ["Xyz"]),
    ]


def test_a_link_in_the_workflow_needs_no_author(tmp_path: Path, hub: FileServer) -> None:
    """Folder, address and checksum come from the graph. Without a server, the version of ComfyUI
    comes from the graph, too."""
    named = {"name": "new.safetensors", "url": hub.url("new.safetensors"), "directory": "loras"}
    node = {
        "id": 1,
        "type": "LoraLoaderModelOnly",
        "widgets_values": ["new.safetensors", 1.0],
        "properties": {"cnr_id": "comfy-core", "ver": "0.31.0", "models": [named]},
    }
    file, out = tmp_path / "a.json", tmp_path / "lock.toml"
    file.write_text(json.dumps({"nodes": [node], "links": [], "version": 0.4}))
    words = ["lock", str(file), "--out", str(out), "--download-hosts", hub.origin]
    assert main(words) == 0
    lock = tomllib.loads(out.read_text("utf-8"))
    assert lock["comfyui"] == "0.31.0"
    assert [(one["url"], one["sha256"]) for one in lock["model"]] == [
        (hub.url("new.safetensors"), _sha256(LORA))
    ]


LOCK = """
comfyui = "{comfyui}"
[[model]]
name = "{name}"
folder = "checkpoints"
url = "https://huggingface.co/ann/x/resolve/main/a.safetensors"
size = {size}
[[pack]]
id = "demo-pack"
version = "{version}"
nodes = ["{node}"]
"""
SAME = {
    "comfyui": "0.33.0",
    "name": CHECKPOINT,
    "size": "2000000000",
    "version": "1.0.0",
    "node": "KSampler",
}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "has everything in"),
        ({"comfyui": "0.32.1"}, "ComfyUI is 0.33.0, not 0.32.1. Install that version."),
        ({"name": "none.safetensors"}, "checkpoints/none.safetensors is missing. Download it"),
        ({"size": "1000000000"}, f"checkpoints/{CHECKPOINT} has 2\xa0GB, not 1\xa0GB. Replace it"),
        ({"version": "1.1.0"}, "demo-pack is 1.0.0, not 1.1.0. Install that version: comfy node"),
        ({"node": "Xyz"}, "demo-pack is missing with its nodes Xyz. Install it: comfy node"),
    ],
)
def test_check_names_each_difference(
    changes: dict[str, str],
    said: str,
    demo: DemoServer,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The exit status is 1 if the server lacks something or has another version or size."""
    assert demo.manager
    demo.manager.installed = {"DemoPack": ("demo-pack", "1.0.0")}
    file = tmp_path / "lock.toml"
    file.write_text(LOCK.format(**SAME | changes), encoding="utf-8")
    assert main(["check", str(file), "--server", demo.url]) == bool(changes)
    lines = capsys.readouterr().out.splitlines()
    assert said in lines[-1]
    assert len(lines) == 1 + bool(changes)


@pytest.mark.parametrize(
    "text",
    [
        "[",
        "\udcff",
        "comfyui = '0.33.0; id'",
        "hosts = ['ftp://x']",
        "[[model]]\nname = '../x.safetensors'",
        "[[model]]\nname = 'x.safetensors'\nurl = 'file:///etc/passwd'",
        "[[pack]]\nid = 'a b'",
        "[[pack]]\nid = 'a/b'\nversion = '$(id)'",
        "[[pack]]\nid = 'a/b'\nrepository = 'https://x/$(id)'",
    ],
)
def test_a_hostile_lock_is_refused(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its values become shell commands and addresses, so each has to have its form."""
    file = tmp_path / "lock.toml"
    file.write_bytes(text.encode("utf-8", "surrogateescape"))
    assert main(["check", str(file), "--server", "http://127.0.0.1:1"]) == 2
    assert "The lock " in capsys.readouterr().err
