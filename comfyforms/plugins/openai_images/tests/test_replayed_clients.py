"""Requests of other programs, replayed as their source code sends them.

- Open WebUI: backend/open_webui/routers/images.py, `image_generations` and `image_edits`
- LibreChat: api/app/clients/tools/structured/OpenAIImageTools.js and DALLE3.js
- Nextcloud's integration_openai: lib/Service/OpenAiAPIService.php, `requestImageCreation` and
  `isT2IAvailable`; lib/TaskProcessing/TextToImageProvider.php
- n8n: nodes/vendors/OpenAi/v2/actions/image/generate.operation.ts and edit.operation.ts
"""

from __future__ import annotations

import base64
import io
from typing import Any

import pytest
import requests
from PIL import Image

from comfyforms.plugins.openai_images.tests.conftest import mask, png
from tests.support.serving import RunningApp
from tests.support.waiting import LONGEST_WAIT

PROMPT = "a lighthouse at dusk"
GENERATIONS: dict[str, dict[str, Any]] = {
    "Open WebUI": {
        "model": "text_to_image",
        "prompt": PROMPT,
        "n": 1,
        "size": "512x512",
        "response_format": "b64_json",
        "steps": 1,  # a parameter that its administrator adds
    },
    "LibreChat, GPT Image": {
        "model": "gpt-image-1",
        "prompt": PROMPT,
        "n": 1,
        "background": "auto",
        "output_format": "png",
        "quality": "auto",
        "size": "auto",
    },
    "LibreChat, DALL-E 3": {
        "model": "dall-e-3",
        "quality": "standard",
        "style": "vivid",
        "size": "1024x1024",
        "prompt": PROMPT,
        "n": 1,
    },
    "Nextcloud": {"prompt": PROMPT, "size": "1024x1024", "n": 1, "model": "gpt-image-1-mini"},
    "n8n": {"prompt": PROMPT, "model": "gpt-image-1-mini", "size": "1024x1024"},
    "n8n, image addresses": {
        "prompt": PROMPT,
        "model": "text_to_image",
        "response_format": "url",
        "quality": "standard",
    },
}
EDITS: dict[str, tuple[dict[str, str], list[tuple[str, tuple[str, bytes]]]]] = {
    "Open WebUI": (
        {"model": "image_to_image", "prompt": PROMPT, "response_format": "b64_json"},
        [("image", png())],
    ),
    "Open WebUI, several images": (
        {"model": "blend", "prompt": PROMPT, "n": "1", "response_format": "b64_json"},
        [("image[]", png()), ("image[]", png("blue"))],
    ),
    "LibreChat": (
        {"model": "gpt-image-1", "prompt": PROMPT, "quality": "auto", "size": "auto"},
        [("image[]", png())],
    ),
    "n8n": (
        {
            "prompt": PROMPT,
            "model": "gpt-image-1",
            "n": "1",
            "size": "1024x1024",
            "background": "auto",
            "quality": "auto",
        },
        [("image[]", png())],
    ),
    "n8n, with a mask": (
        {
            "prompt": PROMPT,
            "model": "dall-e-2",
            "n": "1",
            "size": "auto",
            "response_format": "b64_json",
            "user": "user-12345",
        },
        [("image", png()), ("mask", mask())],
    ),
}
AUTHORIZED = {"authorization": "Bearer sk-any"}


def asked(app: RunningApp, path: str, **sent: Any) -> requests.Response:
    return requests.post(
        f"{app.url}/v1/images/{path}", headers=AUTHORIZED, timeout=LONGEST_WAIT, **sent
    )


def image_of(answer: requests.Response) -> Image.Image:
    """Return the first image as these programs read it: from its address, or in base64."""
    assert answer.status_code == 200, answer.text
    first = answer.json()["data"][0]
    if "url" in first:
        data = requests.get(first["url"], timeout=LONGEST_WAIT).content
    else:
        data = base64.b64decode(first["b64_json"])
    return Image.open(io.BytesIO(data))


@pytest.mark.parametrize("program", GENERATIONS)
def test_a_program_s_generation_is_answered(app: RunningApp, program: str) -> None:
    """DALL·E's names are answered with an address, as OpenAI did."""
    sent = GENERATIONS[program]
    answer = asked(app, "generations", json=sent)
    size = sent.get("size", "auto")
    expected = [512, 512] if size == "auto" else [*map(int, size.split("x"))]
    assert [*image_of(answer).size] == expected
    wants_url = sent.get("response_format") == "url" or sent["model"] == "dall-e-3"
    assert ("url" in answer.json()["data"][0]) == wants_url


@pytest.mark.parametrize("program", EDITS)
def test_a_program_s_edit_is_answered(app: RunningApp, program: str) -> None:
    data, files = EDITS[program]
    assert image_of(asked(app, "edits", data=data, files=files)).format == "PNG"


def test_nextcloud_finds_the_api(app: RunningApp) -> None:
    """It asks for an unknown model and takes 401 and 404 for an API without images."""
    answer = asked(app, "generations", json={"prompt": "a", "model": "invalid-model"})
    assert answer.status_code == 400
