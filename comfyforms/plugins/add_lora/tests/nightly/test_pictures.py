"""Pictures of runs with rows equal, bit for bit, the pictures of a graph with LoRAs wired by hand.

On the stand-in, or with COMFYUI_URL and COMFYUI_FOLDER, the base directory of a real server on this
machine. There, two tiny LoRAs for its checkpoint are added for the test.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import random
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from comfy.prompt.model import Prompt
from comfyui_standin import DemoServer
from tests.support.samples.forms import node
from tests.support.serving import RunningApp, running_app
from tests.ui.api.api_calls import call, run_of

_RANK, _LAYERS = 2, "attn1.to_q.weight"


@dataclass(frozen=True, slots=True)
class Site:
    """An app before a server. `loras`: the names of two LoRAs that change a picture."""

    app: RunningApp
    checkpoint: str
    loras: tuple[str, str]
    is_real: bool


@pytest.fixture
def site(nothing_left_behind: None) -> Iterator[Site]:
    url, folder = os.environ.get("COMFYUI_URL"), os.environ.get("COMFYUI_FOLDER")
    if not url:
        with DemoServer(step_seconds=0, load_seconds=0) as demo, running_app(demo.url) as app:
            names = ("demo-ink-lines.safetensors", "demo-evening-light.safetensors")
            yield Site(app, "demo-landscapes.safetensors", names, is_real=False)
        return
    if not folder:
        pytest.skip("needs the server's folder")
    models = Path(folder) / "models"
    checkpoint = min(
        (models / "checkpoints").glob("*.safetensors"), key=lambda one: one.stat().st_size
    )
    files = [models / "loras" / f"add_lora_{seed}.safetensors" for seed in (1, 2)]
    for seed, file in enumerate(files):
        file.write_bytes(tiny_lora(checkpoint, seed))
    with running_app(url, demo=False) as app:
        yield Site(app, checkpoint.name, (files[0].name, files[1].name), is_real=True)
    for file in files:
        file.unlink()


def tiny_lora(checkpoint: Path, seed: int) -> bytes:
    """Return a LoRA for the attention of a checkpoint's UNet, always the same for the same seed."""
    with checkpoint.open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
    numbers, data, tensors = random.Random(seed), bytearray(), {}
    for name, told in header.items():
        if not (name.startswith("model.diffusion_model.") and name.endswith(_LAYERS)):
            continue
        rows, columns = told["shape"]
        layer = name.removeprefix("model.").removesuffix(".weight")
        for part, shape in (("lora_up", (rows, _RANK)), ("lora_down", (_RANK, columns))):
            values = [numbers.gauss(0, 0.5) for _ in range(shape[0] * shape[1])]
            start = len(data)
            data += struct.pack(f"<{len(values)}f", *values)
            place = {"dtype": "F32", "shape": shape, "data_offsets": [start, len(data)]}
            tensors[f"{layer}.{part}.weight"] = place
    told = json.dumps({"__metadata__": {"ss_base_model_version": "sd_v1"}, **tensors}).encode()
    return struct.pack("<Q", len(told)) + told + bytes(data)


def prompt_of(site: Site, **nodes: Any) -> Prompt:
    """Return a text-to-image prompt. `nodes`: more of them, or others, as `n5`."""
    prompt: Prompt = {
        "1": node("CheckpointLoaderSimple", ckpt_name=site.checkpoint),
        "2": node("CLIPTextEncode", text="a lake", clip=["1", 1]),
        "3": node("CLIPTextEncode", text="", clip=["1", 1]),
        "4": node("EmptyLatentImage", width=64, height=64, batch_size=1),
        "5": sampler("1"),
        "6": node("VAEDecode", samples=["5", 0], vae=["1", 2]),
        "7": node("SaveImage", images=["6", 0], filename_prefix="lora"),
    }
    return prompt | {key.removeprefix("n"): one for key, one in nodes.items()}


def sampler(model: str, latent: str = "4", **more: Any) -> Any:
    settings = {"seed": 7, "steps": 2, "cfg": 5.0, "sampler_name": "euler", "scheduler": "normal"}
    links = {"positive": ["2", 0], "negative": ["3", 0], "latent_image": [latent, 0]}
    return node("KSampler", model=[model, 0], **({"denoise": 1.0} | settings | links | more))


def by_hand(file: str, strength: float, source: str) -> Any:
    return node(
        "LoraLoader",
        lora_name=file,
        strength_model=strength,
        strength_clip=strength,
        model=[source, 0],
        clip=[source, 1],
    )


def encoders(source: str) -> dict[str, Any]:
    """Return the two text encoders with another CLIP."""
    return {
        "n2": node("CLIPTextEncode", text="a lake", clip=[source, 1]),
        "n3": node("CLIPTextEncode", text="", clip=[source, 1]),
    }


def picture(site: Site, prompt: Prompt, *rows: dict[str, Any]) -> str:
    """Return the digest of the pixels that a run draws."""
    name = call(site.app, "POST", "/workflows", json=prompt).json()["name"]
    values: dict[str, Any] = {"loras.rows": [*rows]} if rows else {}
    seeds = {key: one["inputs"]["seed"] for key, one in prompt.items() if "seed" in one["inputs"]}
    values |= {f"{key}.seed": seed for key, seed in seeds.items()}  # otherwise the form draws one
    run = run_of(site.app, name, values)
    assert run["phase"] == "done", run
    return pixels_of(call(site.app, "GET", run["files"][0]["url"]).content)


def pixels_of(data: bytes) -> str:
    with Image.open(io.BytesIO(data)) as image:
        return hashlib.sha256(image.tobytes()).hexdigest()


def test_rows_draw_what_hand_wired_loras_draw(site: Site) -> None:
    """One, and two in their order. Each changes the picture, also by its strength."""
    first, second = site.loras
    rows = [{"lora": first, "strength": 0.8}, {"lora": second, "strength": 0.5}]
    plain = picture(site, prompt_of(site))
    one = picture(site, prompt_of(site), rows[0])
    hand = {"n10": by_hand(first, 0.8, "1")}
    assert one == picture(site, prompt_of(site, **hand, **encoders("10"), n5=sampler("10")))
    both = picture(site, prompt_of(site), *rows)
    hand |= {"n11": by_hand(second, 0.5, "10")}
    assert both == picture(site, prompt_of(site, **hand, **encoders("11"), n5=sampler("11")))
    weaker = picture(site, prompt_of(site), {**rows[0], "strength": 0.2})
    assert len({plain, one, both, weaker}) == 4
    assert picture(site, prompt_of(site), {**rows[0], "on": False}) == plain


def test_after_the_authors_lora(site: Site) -> None:
    first, second = site.loras
    own = {"n10": by_hand(first, 1.0, "1")}
    drawn = picture(
        site,
        prompt_of(site, **own, **encoders("10"), n5=sampler("10")),
        {"lora": second, "strength": 0.5},
    )
    hand = own | {"n11": by_hand(second, 0.5, "10")}
    assert drawn == picture(site, prompt_of(site, **hand, **encoders("11"), n5=sampler("11")))


def test_for_one_of_two_models(site: Site) -> None:
    """The second model refines the picture of the first. Its CLIP has no use."""
    first = site.loras[0]
    second = node("CheckpointLoaderSimple", "Refiner", ckpt_name=site.checkpoint)
    refined = {"n20": second, "n6": node("VAEDecode", samples=["21", 0], vae=["1", 2])}
    refine = {"denoise": 0.5, "seed": 8}
    base = prompt_of(site, **refined, n21=sampler("20", "5", **refine))
    base["1"] = {**base["1"], "_meta": {"title": "Base"}}
    row = {"lora": first, "strength": 0.8}
    hand = {**refined, "n10": by_hand(first, 0.8, "20")}
    wired = prompt_of(site, **hand, n21=sampler("10", "5", **refine))
    drawn = picture(site, base, {**row, "model": "Refiner"})
    assert drawn == picture(site, wired)
    assert drawn != picture(site, base, {**row, "model": "Base"})


def test_before_a_patch_of_the_model(site: Site) -> None:
    """ModelSampling is one, which only a real server has."""
    if not site.is_real:
        pytest.skip("the stand-in has no ModelSampling")
    first = site.loras[0]
    patch = {"sampling": "v_prediction", "zsnr": False}
    base = prompt_of(
        site, n12=node("ModelSamplingDiscrete", model=["1", 0], **patch), n5=sampler("12")
    )
    wired = prompt_of(
        site,
        n10=by_hand(first, 0.8, "1"),
        n12=node("ModelSamplingDiscrete", model=["10", 0], **patch),
        **encoders("10"),
        n5=sampler("12"),
    )
    assert picture(site, base, {"lora": first, "strength": 0.8}) == picture(site, wired)
