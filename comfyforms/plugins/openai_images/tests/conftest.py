"""Apps with workflows for OpenAI's API, and images for its clients."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from openai import OpenAI
from PIL import Image

from tests.support.http_client import ANN, cookie_of
from tests.support.serving import WORKFLOWS, RunningApp, Served, running_demo_app
from tests.support.waiting import LONGEST_WAIT
from tests.ui.conftest import app, served

__all__ = ["app", "served"]

Clients = Callable[..., OpenAI]


@pytest.fixture(scope="module")
def running(own_temporary_folder: Path) -> Iterator[Served]:
    """Serve an app with the shipped workflows and one that takes two images and a mask."""
    folder = own_temporary_folder / "workflows"
    shutil.copytree(WORKFLOWS, folder)
    prompt = json.loads((folder / "inpaint.json").read_text(encoding="utf-8"))
    prompt["5"]["inputs"]["pixels"] = ["12", 0]
    prompt["6"]["inputs"]["mask"] = ["11", 0]
    for node, kind, title, inputs in (
        ("10", "LoadImage", "Reference", {"image": "example.png"}),
        ("11", "LoadImageMask", "Area", {"image": "example.png", "channel": "red"}),
        ("12", "ImageBatch", "Both", {"image1": ["4", 0], "image2": ["10", 0]}),
    ):
        prompt[node] = {"class_type": kind, "inputs": inputs, "_meta": {"title": title}}
    (folder / "blend.json").write_text(json.dumps(prompt), encoding="utf-8")
    settings = '[fields."Model.ckpt_name"]\nclosest = true\n'
    (folder / "blend.toml").write_text(settings, encoding="utf-8")
    with running_demo_app(step_seconds=0.02, workflows=folder) as served:
        yield served
    shutil.rmtree(folder)


@pytest.fixture
def clients(app: RunningApp) -> Iterator[Clients]:
    """Return a function that opens a client of the package `openai` as a browser's user."""
    opened: list[OpenAI] = []

    def client(browser: str = ANN) -> OpenAI:
        cookies = "; ".join(f"{name}={value}" for name, value in cookie_of(browser).items())
        opened.append(client_of(app, "any", cookie=cookies))
        return opened[-1]

    yield client
    for one in opened:
        one.close()


def client_of(app: RunningApp, key: str, **headers: str) -> OpenAI:
    return OpenAI(
        base_url=f"{app.url}/v1",
        api_key=key,
        default_headers=headers,
        max_retries=0,
        timeout=LONGEST_WAIT,
    )


def png(color: str = "red", size: tuple[int, int] = (64, 64)) -> tuple[str, bytes]:
    """Return a file name and an image in one color."""
    return f"{color}.png", _bytes(Image.new("RGB", size, color))


def mask() -> tuple[str, bytes]:
    """Return a mask of OpenAI's API whose left half is edited."""
    image = Image.new("RGBA", (64, 64), "black")
    image.paste((0, 0, 0, 0), (0, 0, 32, 64))
    return "mask.png", _bytes(image)


def _bytes(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()
