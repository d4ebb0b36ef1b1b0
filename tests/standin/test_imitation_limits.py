"""Limits of imitated nodes: memory, files and time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from weakref import ref

import pytest
from PIL import Image

from comfyui_standin import DemoServer
from comfyui_standin.nodes.base import (
    Inputs,
    NodeClass,
    NodeResult,
    NodeRun,
    Work,
    fixed,
    node_info,
    spec,
)
from comfyui_standin.nodes.registry import NODES
from comfyui_standin.server.executor import Cache
from tests.standin.calls import entry_of, picture, ran


@pytest.fixture(scope="module")
def demo() -> Iterator[DemoServer]:
    """Yield a stand-in that runs anything, without delays."""
    with DemoServer(step_seconds=0, painted=128, anything=True) as server:
        yield server


def test_hostile_sizes_stay_within_the_limits(demo: DemoServer) -> None:
    huge = {"width": 16384, "height": 16384}
    grown = {"image": ["5", 0], "upscale_method": "lanczos", "scale_by": 8.0}
    outputs = ran(
        demo,
        {
            "1": ("EmptyLatentImage", {**huge, "batch_size": 4096}),
            "2": ("RepeatLatentBatch", {"samples": ["1", 0], "amount": 64}),
            "3": ("VAEDecode", {"samples": ["2", 0], "vae": ["4", 0]}),
            "4": ("VAELoader", {"vae_name": "any.safetensors"}),
            "5": ("EmptyImage", {**huge, "batch_size": 4096, "color": 0}),
            "6": ("ImageScaleBy", grown),
            "7": ("ImageScaleBy", {**grown, "image": ["6", 0]}),
            "8": ("PreviewImage", {"images": ["7", 0]}),
            "9": ("PreviewImage", {"images": ["3", 0]}),
        },
    )

    for node in ("8", "9"):
        shown = outputs[node]["images"]
        assert len(shown) <= 16
        width, height = picture(demo, shown[0]).size
        assert width * height <= 2048 * 2048


def test_the_cache_of_results_is_limited_in_bytes() -> None:
    """An image counts once, however many nodes pass it on."""
    cache = Cache(most_bytes=4 * 100 * 100 + 1000)
    result = NodeResult(((Image.new("RGB", (100, 100)),),))
    cache.put("first", NodeResult(((Image.new("RGB", (100, 100)),),)))
    for name in ("second", "third"):
        cache.put(name, result)

    assert [cache.get(name) for name in ("first", "second", "third")] == [None, result, result]


def test_the_history_of_a_demo_is_limited_in_bytes(demo: DemoServer) -> None:
    """The graphs that clients send with their prompts don't fill the memory."""
    sent = {"extra_data": {"extra_pnginfo": {"workflow": {"extra": {"note": "x" * 1_000_000}}}}}
    demo.queue.forget()

    entries = [
        entry_of(demo, {"1": ("PreviewAny", {"source": str(number)})}, **sent)
        for number in range(10)
    ]

    newest = [entry["prompt"][1] for entry in entries[2:]]
    assert list(demo.queue.history()) == newest


def making(work: Work) -> NodeClass:
    """Return a class that makes images, from others or from nothing."""
    image = {"image": spec("IMAGE")}
    entry = node_info("Make", "", "", required={}, optional=image, outputs=["IMAGE"])
    return NodeClass(fixed(entry), work)


def test_a_value_is_dropped_after_its_last_use() -> None:
    made: list[ref[Image.Image]] = []
    held: list[int] = []

    def make(_run: NodeRun, _inputs: Inputs) -> NodeResult:
        held.append(sum(one() is not None for one in made))
        image = Image.new("L", (5200, 5200))  # too large for the cache
        made.append(ref(image))
        return NodeResult(((image,),))

    with DemoServer(step_seconds=0, nodes={**NODES, "Make": making(make)}) as server:
        chain = {str(at): ("Make", {"image": [str(at - 1), 0]}) for at in range(2, 6)}
        ran(server, {"1": ("Make", {}), **chain, "6": ("PreviewAny", {"source": ["5", 0]})})

    assert held == [0, 1, 1, 1, 1]


def test_a_demo_refuses_to_hold_many_values() -> None:
    made = making(lambda *_: NodeResult((bytes(800 * 1024**2),)))
    with DemoServer(step_seconds=0, nodes={"Make": made}, anything=True) as server:
        nodes = {"1": ("Make", {}), "2": ("PreviewImage", {"images": ["1", 0]})}
        entry = entry_of(server, nodes)

    event, data = entry["status"]["messages"][-1]
    assert event == "execution_error"
    assert "memory" in data["exception_message"]


@pytest.mark.parametrize("number", [-1, 1e308])
def test_any_number_gives_a_picture(demo: DemoServer, number: float) -> None:
    saved = {"images": ["1", 0], "filename_prefix": "n"}
    values = dict.fromkeys(("width", "height", "megapixels", "steps"), number)
    scaled = {"image": ["1", 0], "megapixels": number}

    outputs = ran(
        demo,
        {
            "1": ("Unknown", values),
            "2": ("SaveImage", saved),
            "3": ("PackImageScale", scaled),
            "4": ("SaveImage", {**saved, "images": ["3", 0]}),
        },
    )

    assert outputs["2"]["images"]
    assert outputs["4"]["images"]


def test_the_samplers_of_a_run_share_its_time() -> None:
    with DemoServer(step_seconds=1, painted=64, anything=True) as server:
        server.speed.longest = 1
        chain = {
            str(at): ("PackSampler", {"latent": [str(at - 1), 0], "steps": 20, "seed": at})
            for at in range(2, 82)
        }
        begun = time.monotonic()
        ran(
            server,
            {
                "1": ("EmptyLatentImage", {"width": 64, "height": 64, "batch_size": 1}),
                **chain,
                "82": ("PreviewImage", {"images": ["83", 0]}),
                "83": ("VAEDecode", {"samples": ["81", 0], "vae": ["84", 0]}),
                "84": ("VAELoader", {"vae_name": "any.safetensors"}),
            },
        )
        assert time.monotonic() - begun < len(chain) / 4


def test_a_loop_counted_by_a_link_runs_in_a_demo(demo: DemoServer) -> None:
    outputs = ran(
        demo,
        {
            "1": ("PrimitiveInt", {"value": 3}),
            "2": (
                "StartLoop",
                {
                    "mode": "simple",
                    "mode.num_iterations": ["1", 0],
                    "cache_iterations": False,
                },
            ),
            "3": ("EmptyImage", {"width": 64, "height": 64, "batch_size": 1, "color": ["2", 0]}),
            "4": ("EndLoop", {"accumulate": True, "output_value": ["3", 0]}),
            "5": ("PreviewImage", {"images": ["4", 0]}),
        },
    )

    assert len(outputs["5"]["images"]) == 3


def test_videos_joined_with_pictures_keep_the_memory(demo: DemoServer) -> None:
    """The frames of a moving view are never kept one by one."""
    size = {"width": 1024, "height": 1024, "length": 240, "batch_size": 1}
    outputs = ran(
        demo,
        {
            "1": ("EmptyHunyuanLatentVideo", size),
            "2": ("VAEDecode", {"samples": ["1", 0], "vae": ["3", 0]}),
            "3": ("VAELoader", {"vae_name": "any.safetensors"}),
            "4": ("ImageBatch", {"image1": ["2", 0], "image2": ["2", 0]}),
            "5": ("VAEEncode", {"pixels": ["4", 0], "vae": ["3", 0]}),
            "6": ("VAEDecode", {"samples": ["5", 0], "vae": ["3", 0]}),
            "7": ("PreviewImage", {"images": ["6", 0]}),
        },
    )

    assert len(outputs["7"]["images"]) == 8
