"""Tests of a stand-in that runs anything: imitated classes, their outputs and their results."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from PIL import Image

from comfyui_standin import DemoServer
from tests.support.waiting import LONGEST_WAIT, eventually

FLUX: dict[str, Any] = {
    "1": {"class_type": "UNETLoader", "inputs": {"unet_name": "", "weight_dtype": "default"}},
    "2": {
        "class_type": "DualCLIPLoader",
        "inputs": {"clip_name1": "", "clip_name2": "", "type": "flux"},
    },
    "3": {"class_type": "VAELoader", "inputs": {"vae_name": "pixel_space"}},
    "4": {
        "class_type": "CLIPTextEncode",
        "inputs": {"text": "a lighthouse at night", "clip": ["2", 0]},
    },
    "5": {
        "class_type": "EmptySD3LatentImage",
        "inputs": {"width": 320, "height": 192, "batch_size": 1},
    },
    "6": {"class_type": "BasicGuider", "inputs": {"model": ["1", 0], "conditioning": ["4", 0]}},
    "7": {"class_type": "RandomNoise", "inputs": {"noise_seed": 7}},
    "8": {"class_type": "KSamplerSelect", "inputs": {"sampler_name": "euler"}},
    "9": {
        "class_type": "BasicScheduler",
        "inputs": {"model": ["1", 0], "scheduler": "simple", "steps": 3, "denoise": 1.0},
    },
    "10": {
        "class_type": "SamplerCustomAdvanced",
        "inputs": {
            "noise": ["7", 0],
            "guider": ["6", 0],
            "sampler": ["8", 0],
            "sigmas": ["9", 0],
            "latent_image": ["5", 0],
        },
    },
    "11": {"class_type": "VAEDecode", "inputs": {"samples": ["10", 0], "vae": ["3", 0]}},
    "12": {"class_type": "SaveImage", "inputs": {"images": ["11", 0], "filename_prefix": "x"}},
}


@pytest.fixture(scope="module")
def open_demo() -> Iterator[DemoServer]:
    """Yield a stand-in that runs anything, without delays."""
    with DemoServer(step_seconds=0, painted=256, anything=True) as server:
        yield server


def entry_of(demo: DemoServer, prompt: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Run a prompt and return its history entry."""
    answer = requests.post(
        f"{demo.url}/prompt", json={"prompt": prompt, **more}, timeout=LONGEST_WAIT
    )
    assert answer.status_code == 200, answer.text
    prompt_id = answer.json()["prompt_id"]
    eventually(lambda: demo.queue.history_of(prompt_id))
    return dict(demo.queue.history_of(prompt_id)[prompt_id])


def image_of(demo: DemoServer, entry: dict[str, Any], node: str) -> Image.Image:
    """Return the first image that a node of a finished prompt shows."""
    (file, *_) = entry["outputs"][node]["images"]
    data = requests.get(f"{demo.url}/view", params=file, timeout=LONGEST_WAIT).content
    return Image.open(io.BytesIO(data))


def test_classes_without_own_code_sample_a_picture_of_the_prompt(open_demo: DemoServer) -> None:
    entry = entry_of(open_demo, FLUX)

    assert entry["status"]["status_str"] == "success", entry["status"]
    assert image_of(open_demo, entry, "12").size == (320, 192)


def test_a_strict_server_lacks_the_imitated_classes(demo: DemoServer) -> None:
    answer = requests.post(f"{demo.url}/prompt", json={"prompt": FLUX}, timeout=LONGEST_WAIT)

    assert answer.json()["error"]["type"] == "missing_node_type"


MYSTERY: dict[str, Any] = {
    "1": {"class_type": "MysteryLoader", "inputs": {"name": "mystery.safetensors"}},
    "2": {"class_type": "LoadImage", "inputs": {"image": "a red house.png"}},
    "3": {"class_type": "Mystery", "inputs": {"model": ["1", 0], "image": ["2", 0], "steps": 4}},
    "4": {"class_type": "SaveImage", "inputs": {"images": ["3", 0], "filename_prefix": "x"}},
}


def test_a_prompt_defines_its_own_classes(open_demo: DemoServer) -> None:
    """A prompt may use unknown classes and files. The server doesn't keep them."""
    before = requests.get(f"{open_demo.url}/object_info", timeout=LONGEST_WAIT).json()

    entry = entry_of(open_demo, MYSTERY)

    assert entry["status"]["status_str"] == "success"
    assert image_of(open_demo, entry, "4").size == (768, 512)
    after = requests.get(f"{open_demo.url}/object_info", timeout=LONGEST_WAIT).json()
    assert after == before
    assert "Mystery" not in after


def test_the_graph_sent_with_a_prompt_types_its_classes(open_demo: DemoServer) -> None:
    """The graph names an output that nothing uses."""
    outputs = [{"name": one, "type": one} for one in ("IMAGE", "MASK")]
    graph = {"nodes": [{"type": "Mystery", "outputs": outputs}]}
    prompt = {**MYSTERY, "5": {"class_type": "PreviewAny", "inputs": {"source": ["3", 1]}}}

    entry = entry_of(open_demo, prompt, extra_data={"extra_pnginfo": {"workflow": graph}})

    assert entry["outputs"]["5"]["text"]


def test_definitions_belong_to_one_request(open_demo: DemoServer) -> None:
    address = f"{open_demo.url}/standin/definitions"

    told = requests.post(address, json={"workflow": MYSTERY}, timeout=LONGEST_WAIT).json()

    assert told["guessed"] == ["MysteryLoader", "Mystery"]
    assert told["definitions"]["Mystery"]["output"] == ["IMAGE"]
    for body in ({"workflow": {"4": MYSTERY["4"]}}, {"workflow": 7}, []):
        told = requests.post(address, json=body, timeout=LONGEST_WAIT).json()
        assert told == {"definitions": {}, "guessed": []}


def test_missing_input_files_are_painted(open_demo: DemoServer) -> None:
    query = {"type": "input", "filename": "a red house.png"}

    first, again = (
        requests.get(f"{open_demo.url}/view", params=query, timeout=LONGEST_WAIT) for _ in range(2)
    )

    assert first.headers["content-type"] == "image/png"
    assert first.content == again.content
    missing = requests.get(
        f"{open_demo.url}/view", params={**query, "type": "output"}, timeout=LONGEST_WAIT
    )
    assert missing.status_code == 404
    masked = requests.get(
        f"{open_demo.url}/view", params={**query, "channel": "rgba"}, timeout=LONGEST_WAIT
    )
    alpha = Image.open(io.BytesIO(masked.content)).getchannel("A")
    assert [alpha.getpixel(at) for at in ((5, 5), (384, 256))] == [255, 0]


def test_a_strict_server_defines_nothing() -> None:
    with DemoServer(step_seconds=0) as strict:
        for path, body in (("/prompt", {"prompt": MYSTERY}), ("/standin/definitions", {})):
            answer = requests.post(f"{strict.url}{path}", json=body, timeout=LONGEST_WAIT)
            assert answer.status_code in (400, 404)
        query = {"type": "input", "filename": "a red house.png"}
        answer = requests.get(f"{strict.url}/view", params=query, timeout=LONGEST_WAIT)
        assert answer.status_code == 404


@pytest.mark.parametrize("key", ["text", "file_path"])
def test_only_uploads_are_read(open_demo: DemoServer, key: str) -> None:
    """A text may name another user's result. The server paints its words instead."""
    folder = open_demo.storage.folder("output")
    assert folder is not None
    Image.new("RGB", (32, 32)).save(folder / "secret.png")
    prompt = {
        "1": {"class_type": "Words", "inputs": {key: "secret.png [output]", "more": "a\nb"}},
        "2": {"class_type": "Mystery", "inputs": {key: ["1", 0]}},
        "3": {"class_type": "Mystery", "inputs": {"text": "secret.png [output]\n"}},
        "4": {"class_type": "SaveImage", "inputs": {"images": ["2", 0], "filename_prefix": "x"}},
        "5": {"class_type": "SaveImage", "inputs": {"images": ["3", 0], "filename_prefix": "x"}},
    }

    entry = entry_of(open_demo, prompt)

    for node in ("4", "5"):
        assert image_of(open_demo, entry, node).size != (32, 32)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("{", 400),
        ('{"workflow":' + "[" * 200_000 + "]" * 200_000 + "}", 400),
        ("[" + "[]," * 4_000_000 + "1]", 413),
    ],
)
def test_definitions_need_a_small_workflow(open_demo: DemoServer, body: str, status: int) -> None:
    answer = requests.post(f"{open_demo.url}/standin/definitions", data=body, timeout=LONGEST_WAIT)
    assert answer.status_code == status


def test_a_prompt_too_deep_to_be_checked_is_refused(open_demo: DemoServer) -> None:
    chain = {
        str(at): {"class_type": "X", "inputs": {"image": [str(at - 1), 0]}} for at in range(2, 3000)
    }
    first = {"class_type": "X", "inputs": {"prompt": "a hill"}}
    last = {"class_type": "SaveImage", "inputs": {"images": ["2999", 0], "filename_prefix": "x"}}
    answer = requests.post(
        f"{open_demo.url}/prompt",
        json={"prompt": {"1": first, **chain, "3000": last}},
        timeout=LONGEST_WAIT,
    )
    assert answer.status_code == 400
    (found,) = answer.json()["node_errors"]["3000"]["errors"]
    assert found["type"] == "exception_during_validation"
