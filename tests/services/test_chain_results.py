"""What one step of a chain has made, of any kind, in the next one: on the way from file to file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from comfy.demo import DemoServer
from comfy.prompt.model import Node
from comfy.records.record import Record
from comfy.services.open_chain import ChainStanding
from tests.support.samples.forms import node
from tests.support.serving import RunningApp, running_app
from tests.support.waiting import eventually

OWNER = "user:ann"
PAINT = {
    "1": node("CheckpointLoaderSimple", ckpt_name="demo-landscapes.safetensors"),
    "2": node("CLIPTextEncode", "Prompt", text="a boat", clip=["1", 1]),
    "3": node("CLIPTextEncode", text="", clip=["1", 1]),
    "4": node("EmptyLatentImage", width=64, height=64, batch_size=3),
    "5": node(
        "KSampler",
        model=["1", 0],
        positive=["2", 0],
        negative=["3", 0],
        latent_image=["4", 0],
        seed=5,
        steps=1,
        cfg=7.0,
        sampler_name="euler",
        scheduler="normal",
        denoise=1.0,
    ),
    "6": node("VAEDecode", samples=["5", 0], vae=["1", 2]),
}
SAVERS = {
    **PAINT,
    "7": node("ImageScaleBy", image=["6", 0], upscale_method="bilinear", scale_by=2.0),
    "8": node("SaveImage", "Small", images=["6", 0], filename_prefix="small"),
    "9": node("SaveImage", "Large", images=["7", 0], filename_prefix="large"),
}
TOGETHER = {
    "1": node("LoadImage", "Images", image="example.png"),
    "2": node("BatchImagesNode", **{"images.image0": ["1", 0]}),
    "3": node("SaveImage", images=["2", 0], filename_prefix="x"),
}


def chain_of(folder: Path, given: str, first: dict[str, Node], second: dict[str, Node]) -> None:
    """A chain of two workflows, of which the second is given this."""
    (folder / "first.json").write_text(json.dumps(first))
    (folder / "second.json").write_text(json.dumps(second))
    (folder / "two.chain.toml").write_text(
        '[[steps]]\nname = "first"\nworkflow = "first"\n'
        f'[[steps]]\nname = "second"\nworkflow = "second"\ninputs = {{ {given} }}\n'
    )


@pytest.fixture
def app(tmp_path: Path) -> Iterator[RunningApp]:
    """An app with no workflows yet."""
    with (
        DemoServer(step_seconds=0, painted=64) as demo,
        running_app(demo.url, workflows=tmp_path) as app,
    ):
        yield app


def made(app: RunningApp) -> list[Record]:
    """The runs of the chain, when it is done: those of each step one after another."""
    started = app.services.chains.start("two.chain", {}, OWNER)

    def standing() -> ChainStanding:
        return app.services.chains.get(started.id, OWNER)

    eventually(lambda: standing().state != "running")
    assert standing().state == "done", standing()
    return [app.runs.record(run, OWNER) for step in standing().steps for run in step.ended]


def test_all_images_go_into_one_batch(app: RunningApp, tmp_path: Path) -> None:
    """Of the saver that is meant, by its title; in one run, in their order."""
    chain_of(tmp_path, '"Images" = "first@Large[all]"', SAVERS, TOGETHER)
    first, second = made(app)
    large = [one for one in first.state.files if one.node == "9"]
    keys = ["1.image", "2.images.image1.image", "2.images.image2.image"]
    assert [second.job.inputs[key].digest for key in keys] == [one.digest for one in large]
    assert len(second.state.files) == 3
