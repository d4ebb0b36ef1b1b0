"""Workflows as tools of assistants, called by the client in the package `mcp`."""

from __future__ import annotations

import base64
import io
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import anyio
import pytest
import requests
from mcp.types import ImageContent
from PIL import Image
from starlette.requests import Request

from comfy.comfyui.protocol.run_state import Phase
from comfyforms.plugins.mcp.results import finished_call
from comfyforms.plugins.mcp.tests.test_mcp import ERAS, QUICK, assistant, text_of
from tests.support.http_client import ANN, cookie_of
from tests.support.serving import RunningApp, Served, running_demo_app
from tests.support.waiting import LONGEST_WAIT, awaited, eventually
from tests.ui.api.api_calls import run_of
from ui.documents.run_doc import RunJson
from ui.files.result_files import ResultFiles


@pytest.fixture(scope="module")
def running(own_temporary_folder: Path) -> Iterator[Served]:
    """Serve an app on a server that takes some time."""
    with running_demo_app(step_seconds=0.02) as served:
        yield served


LASTING = QUICK | {"steps": 60}


@pytest.mark.parametrize("era", ERAS)
def test_images_that_are_too_large_for_an_answer_come_smaller(app: RunningApp, era: str) -> None:
    """A client with default settings gets the answer. Several images, or a chain's large image,
    come as visible smaller images. The URIs lead to the full ones."""
    size = {"width": 768, "height": 768}
    calls = (
        ("text_to_image", {"steps": 2, "width": 1024, "height": 1024}, 1, False),
        ("text_to_image", {"steps": 2, "images": 5, **size}, 5, True),
        ("create_upscale_detail_chain", {"run_refine": False, **size}, 1, True),
    )

    async def ask() -> None:
        async with assistant(app, era) as client:

            async def hear(*_: object) -> None:
                pass

            for tool, values, count, is_too_large in calls:
                result = await client.call_tool(tool, values, progress_callback=hear)
                assert not result.is_error, result.content
                images = [one for one in result.content if isinstance(one, ImageContent)]
                assert len(images) == count
                assert any(one.mime_type == "image/webp" for one in images) == is_too_large
                for image in images:
                    with Image.open(io.BytesIO(base64.b64decode(image.data))) as shown:
                        assert min(shown.size) >= 256
                for file in json.loads(text_of(result))["files"]:
                    uri = file["uri"]
                    with requests.get(uri, cookies=cookie_of(ANN), timeout=LONGEST_WAIT) as whole:
                        assert whole.headers["content-type"] == "image/png"

    awaited(ask())


def test_an_answer_with_many_images_names_the_last_ones(app: RunningApp) -> None:
    """An answer embeds as many images as an assistant can view, shortens long texts, and never gets
    too long."""
    services = app.services
    record = services.runs.record(run_of(app)["id"], f"browser:{ANN}")
    told = replace(RunJson().document(record), texts=("a" * 100_000,))
    files = ResultFiles(services.runs, services.copies.blobs, services.server_files)
    request = Request({"type": "http", "path": "/mcp", "headers": [(b"host", b"app.test")]})
    for count in (1, 200, 2000):
        result = finished_call([(record, told)] * count, files, request)
        assert len(json.dumps(result)) < 1_000_000
        kinds = Counter(block["type"] for block in result["content"])
        assert kinds["image"] >= min(count, 10)
        assert kinds["text"] == 2
        assert len(result["structuredContent"]["files"]) == min(count, 500)


@pytest.mark.parametrize("era", ERAS)
def test_a_canceled_call_stops_its_run(app: RunningApp, era: str) -> None:
    """The run stops as soon as the client cancels the call."""

    async def ask() -> None:
        async with assistant(app, era) as client, anyio.create_task_group() as group:

            async def hear(*_: object) -> None:
                group.cancel_scope.cancel()

            await client.call_tool("text_to_image", LASTING, progress_callback=hear)
            raise AssertionError("the call came to its end")

    known = set(app.runs.known())
    awaited(ask())
    (run,) = set(app.runs.known()) - known
    eventually(lambda: run.state.phase is Phase.STOPPED, "the end of the run")
