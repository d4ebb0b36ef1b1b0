"""Images, uploads and prompts for tests of ComfyUI's API."""

from __future__ import annotations

import io
import json
from typing import Any

import requests
from PIL import Image

from tests.support.http_client import ANN, cookie_of, get
from tests.support.serving import RunningApp
from tests.support.waiting import LONGEST_WAIT, eventually

Json = dict[str, Any]


def png(color: str, mode: str = "RGB", size: tuple[int, int] = (8, 8)) -> bytes:
    buffer = io.BytesIO()
    Image.new(mode, size, color).save(buffer, "PNG")
    return buffer.getvalue()


def opened(answer: requests.Response) -> Image.Image:
    assert answer.status_code == 200, answer.text
    return Image.open(io.BytesIO(answer.content))


def upload(
    app: RunningApp,
    content: bytes,
    name: str = "a.png",
    cookie: str = ANN,
    path: str = "/upload/image",
    **fields: object,
) -> requests.Response:
    """Send a file as ComfyUI's clients do. `fields`: objects are sent as JSON."""
    data = {key: one if isinstance(one, str) else json.dumps(one) for key, one in fields.items()}
    return requests.post(
        app.url + path,
        data,
        files={"image": (name, content)},
        cookies=cookie_of(cookie),
        timeout=LONGEST_WAIT,
    )


def view(app: RunningApp, cookie: str = ANN, **query: str) -> requests.Response:
    return requests.get(f"{app.url}/view", query, cookies=cookie_of(cookie), timeout=LONGEST_WAIT)


def send(app: RunningApp, nodes: Json, cookie: str = ANN) -> requests.Response:
    return requests.post(
        f"{app.url}/prompt", json={"prompt": nodes}, cookies=cookie_of(cookie), timeout=LONGEST_WAIT
    )


def result(app: RunningApp, nodes: Json, cookie: str = ANN) -> dict[str, str]:
    """Run a prompt and return the first of its images."""
    prompt_id = send(app, nodes, cookie).json()["prompt_id"]

    def entry() -> Json:
        found: Json = get(app, f"/history/{prompt_id}", cookie).json()
        return found.get(prompt_id, {})

    eventually(entry)
    assert entry()["status"]["completed"], entry()
    image: dict[str, str] = next(iter(entry()["outputs"].values()))["images"][0]
    return image


def copying(image: str) -> Json:
    """Return a prompt that saves an input image."""
    return {
        "1": {"class_type": "LoadImage", "inputs": {"image": image}},
        "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "copy"}},
    }
