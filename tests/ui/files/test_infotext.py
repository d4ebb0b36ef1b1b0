"""Images with their settings as Automatic1111 writes them."""

from __future__ import annotations

import io
import json

import requests
from PIL import Image

from comfy.media.png import png_text
from tests.support.http_client import ANN, cookie_of
from tests.support.serving import RunningApp
from tests.support.waiting import LONGEST_WAIT
from tests.ui.api.api_calls import QUICK, run_of
from ui.documents.run_doc import Caption
from ui.files.infotext import UsedModel, infotext, used_models

PROMPT = {
    "1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "sd/base.safetensors"}},
    "2": {
        "class_type": "LoraLoader",
        "inputs": {"lora_name": "ink.safetensors", "strength_model": 0.8, "model": ["1", 0]},
    },
    "5": {
        "class_type": "KSampler",
        "inputs": {
            "seed": 41,
            "steps": 20,
            "cfg": 7.5,
            "sampler_name": "dpmpp_2m",
            "scheduler": "karras",
            "model": ["2", 0],
        },
    },
}


def test_the_text_has_the_settings_and_hashes() -> None:
    """Hashes come last, because their JSON has commas."""
    models = [
        UsedModel("ckpt_name", "sd/base.safetensors", "1", "0123456789"),
        UsedModel("lora_name", "ink.safetensors", "0.8", "aaaabbbbcccc"),
    ]
    text = infotext(PROMPT, Caption(prompt="a cat", negative="blurry"), models, "512x768")
    prompt, negative, settings = text.splitlines()
    assert prompt == "a cat <lora:ink:0.8>"
    assert negative == "Negative prompt: blurry"
    assert settings == (
        "Steps: 20, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 7.5, Seed: 41,"
        " Size: 512x768, Model hash: 0123456789, Model: base,"
        ' Lora hashes: "ink: aaaabbbbcccc", Version: ComfyUI,'
        ' Hashes: {"model": "0123456789", "lora:ink": "aaaabbbbcccc"}'
    )


def test_unknown_hashes_are_left_out() -> None:
    text = infotext(PROMPT, Caption(prompt="a cat"), used_models(PROMPT), "8x8")
    assert "ash" not in text.splitlines()[-1]
    assert "Model: base" in text


def test_a_text_beyond_ascii_stays_readable() -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (2, 2)).save(buffer, "PNG")
    data = buffer.getvalue()
    with Image.open(
        io.BytesIO(data[:33] + png_text("parameters", "ein Käse") + data[33:])
    ) as image:
        assert image.info["parameters"] == "ein Käse"


def test_a_result_is_downloaded_with_its_settings(app: RunningApp) -> None:
    """The image keeps the workflow that ComfyUI wrote into it."""
    run = run_of(app, values={"2.text": "a cat", "5.seed": 41, **QUICK})
    address = f"{app.url}/files/{run['id']}/0/a1111/x.png"
    answer = requests.get(address, cookies=cookie_of(ANN), timeout=LONGEST_WAIT)
    with Image.open(io.BytesIO(answer.content)) as image:
        image.load()
        text = image.info["parameters"]
        assert json.loads(image.info["prompt"])
    assert text.startswith("a cat\nNegative prompt: ")
    assert "Steps: 1, Sampler: " in text
    assert "Seed: 41, Size: 256x256" in text
