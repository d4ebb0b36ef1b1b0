"""Fixtures for the tested server: the stand-in, or the one that COMFYUI_URL names."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

import pytest
import requests

from comfy.demo import DemoServer
from tests.support.speaking import Listener, ServerUnderTest, listening
from tests.support.waiting import LONGEST_WAIT

STEP_SECONDS = 0.02


@pytest.fixture(scope="session")
def server() -> Iterator[ServerUnderTest]:
    """Return the server for all conformance tests. A real server needs a checkpoint that it can
    load."""
    url = os.environ.get("COMFYUI_URL")
    if url:
        yield _describe(url.rstrip("/"), stand_in=False)
    else:
        with DemoServer(step_seconds=STEP_SECONDS, load_seconds=0) as demo:
            yield _describe(demo.url, stand_in=True)


@pytest.fixture
def listener(server: ServerUnderTest) -> Iterator[Listener]:
    """Open a socket with its own client id."""
    with listening(server) as one:
        yield one


def _describe(url: str, *, stand_in: bool) -> ServerUnderTest:
    stats = requests.get(f"{url}/system_stats", timeout=LONGEST_WAIT).json()
    version = tuple(
        int(part) for part in re.findall(r"\d+", stats["system"]["comfyui_version"])[:3]
    )
    loader = requests.get(f"{url}/object_info/CheckpointLoaderSimple", timeout=LONGEST_WAIT).json()[
        "CheckpointLoaderSimple"
    ]
    checkpoints = loader["input"]["required"]["ckpt_name"][0]
    usable = [name for name in checkpoints if "broken" not in name]
    if not usable:
        pytest.skip("the server has no checkpoint")
    return ServerUnderTest(url, usable[0], version, stand_in)
