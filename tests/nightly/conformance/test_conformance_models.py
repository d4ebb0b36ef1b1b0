"""Lists, preview images and metadata of models, compared with the server's own lists.

With COMFYUI_URL and COMFYUI_FOLDER, the base directory of a real server on this machine, a tiny LoRA
with an image beside it is added for the test.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from PIL import Image

from comfy.comfyui.client.client import Client
from comfy.model_files.lists import details_in
from comfy.model_files.server import ServerModels, files_among, folder_of
from tests.model_files.model_server import picture
from tests.support.speaking import ServerUnderTest
from tests.support.waiting import LONGEST_WAIT

SUBFOLDER, NAME = "conformance", "ink lines.safetensors"
METADATA = {"modelspec.trigger_phrase": "ink drawing", "ss_base_model_version": "sd_v1"}


@pytest.fixture
def lora(server: ServerUnderTest) -> Iterator[str]:
    """Yield the name of a LoRA with an image and metadata."""
    if server.stand_in:
        yield "demo-ink-lines.safetensors"
        return
    if "COMFYUI_FOLDER" not in os.environ:
        pytest.skip("needs the server's folder")
    folder = Path(os.environ["COMFYUI_FOLDER"]) / "models" / "loras" / SUBFOLDER
    folder.mkdir(parents=True)
    header = json.dumps({"__metadata__": METADATA}).encode()
    file = folder / NAME
    file.write_bytes(len(header).to_bytes(8, "little") + header)
    image = file.with_suffix(".png")
    image.write_bytes(picture(kind="PNG"))
    yield os.path.join(SUBFOLDER, NAME)
    file.unlink()
    image.unlink()
    folder.rmdir()


@pytest.fixture
def models(server: ServerUnderTest) -> Iterator[ServerModels]:
    """Connect to the tested server."""
    with Client(server.url) as client:
        yield ServerModels(client)


def test_lists_match_the_servers_own(
    server: ServerUnderTest, models: ServerModels, lora: str
) -> None:
    """The two lists of a folder have the same names, and each file belongs to its folder."""
    names = requests.get(f"{server.url}/models/loras", timeout=LONGEST_WAIT).json()
    listed = models.files("loras", frozenset())
    assert sorted(listed) == sorted(names)
    assert lora in listed
    assert listed[lora].size > 0
    folders = {name: [*models.files(name, frozenset())] for name in models.folder_names()}
    assert folder_of(files_among(names), folders) == "loras"


def test_a_model_has_its_image_and_metadata(models: ServerModels, lora: str) -> None:
    """The server converts the image; a model without one is no error."""
    listed = models.files("loras", frozenset([lora]))
    data = models.preview("loras", listed[lora])
    assert data
    with Image.open(io.BytesIO(data)) as image:
        assert image.format == "WEBP"
    details = details_in(models.metadata("loras", listed[lora]))
    assert (details.base_model, details.trigger_words) == ("SD 1", ("ink drawing",))


def test_a_missing_model_has_neither(models: ServerModels, lora: str) -> None:
    """Also one outside the folder."""
    known = models.files("loras", frozenset())[lora]
    for name in ("gone.safetensors", "../../gone.safetensors"):
        other = type(known)(name, folder_number=known.folder_number)
        assert models.preview("loras", other) is None
        assert models.metadata("loras", other) is None
