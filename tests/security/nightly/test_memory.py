"""A single visitor can fill only part of a small machine's memory, with any request."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import requests
from PIL import Image

from comfy.comfyui.client.client import Client, FileForm
from comfy.comfyui.protocol.outputs import OutputFile
from comfy.library.private import PrivateWorkflows
from comfy.media.checks import MIB, FileLimits
from comfy.media.decoding import MOST_MEMORY, DecodingSlots, opened
from tests.support.http_client import ANN, cookie_of
from tests.support.serving import running_demo_app
from tests.support.waiting import LONGEST_WAIT
from ui.files.masks import IMAGE_NEEDS, put_together
from ui.web.limits import WebLimits

CAMERA = (5712, 4284)  # what a telephone calls 24 megapixels


def test_attack_painting_over_a_camera_image_fits_in_memory(tmp_path: Path) -> None:
    """Painting over all of a 24-megapixel image stays within the memory limit of one image."""
    DecodingSlots()
    image, layer, made = tmp_path / "photo.jpg", tmp_path / "paint.png", tmp_path / "made.png"
    Image.new("RGB", CAMERA, "teal").save(image)
    Image.new("LA", CAMERA, (255, 128)).save(layer, compress_level=1)
    put_together(image, [layer], FileLimits(), made)
    with opened(made, ("PNG",)) as whole:
        assert whole.size == CAMERA
    assert CAMERA[0] * CAMERA[1] * IMAGE_NEEDS <= MOST_MEMORY


def test_attack_an_upload_to_comfyui_is_never_fully_in_memory(tmp_path: Path) -> None:
    """The app holds only a piece of the file in memory, regardless of the file's size."""
    file = tmp_path / "sound.wav"
    file.write_bytes(b"RIFF\0\0\0\0WAVE" + bytes(40 * MIB))
    with (
        running_demo_app(step_seconds=0) as (demo, _),
        Client(demo.url) as client,
        file.open("rb") as sound,
    ):
        form = FileForm({"type": "input"}, "sound.wav", sound)
        tracemalloc.start()
        try:
            assert sum(map(len, form)) == len(form) > 40 * MIB
            assert tracemalloc.get_traced_memory()[1] < 8 * MIB
        finally:
            tracemalloc.stop()
        value = client.upload(sound, "sound.wav", subfolder="t")
        with client.view(OutputFile("sound.wav", "t", "input", "file", "1")) as answer:
            assert b"".join(answer.iter_bytes()) == file.read_bytes()
        assert value == "t/sound.wav"


def test_attack_new_identities_do_not_displace_other_workflows() -> None:
    """No matter how many identities a user makes up, the app removes only workflows from that
    user's own address."""
    opened = PrivateWorkflows(size=100_000)
    text = b'{"1": {"class_type": "A", "inputs": {"text": "a cat"}}}'
    bob = opened.put("bob", "a.json", text, address="192.0.2.1")
    for number in range(200):
        padded = text + b" " * number
        opened.put(f"rude {number}", "a.json", padded, address="192.0.2.2")
    assert opened.get("bob", bob.name)


def test_attack_waiting_calls_have_a_memory_limit_per_address() -> None:
    """The app keeps the bodies of scripts' calls in memory until the calls end. Each address has a
    limited share, and other addresses find room."""
    limits = WebLimits(address_call_bodies=50_000)
    body = {"data": ["text-to-image", {"2.text": "x" * 20_000, "5.steps": 60}]}
    with running_demo_app(step_seconds=0.1, limits=limits) as (_, app):
        answers = [
            requests.post(
                f"{app.url}/gradio_api/call/run",
                json=body,
                cookies=cookie_of(ANN),
                timeout=LONGEST_WAIT,
            )
            for _ in range(3)
        ]
        assert [one.status_code for one in answers] == [200, 200, 503]
