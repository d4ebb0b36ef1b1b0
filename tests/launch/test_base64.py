"""A run whose prompt contains a user's image as base64 text."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from PIL import Image

from comfy.comfyui.client.client import Client
from comfy.comfyui.protocol.run_state import Phase
from comfy.comfyui.servers.pool import ServerPool
from comfy.demo import DemoServer
from comfy.demo.nodes.base import Inputs, NodeClass, NodeResult, NodeRun, fixed, node_info, spec
from comfy.demo.nodes.registry import NODES
from comfy.launch.start import Starter
from comfy.launch.uploads import Upload
from comfy.library.catalog import CatalogCache
from comfy.library.folder import WorkflowFolder
from comfy.library.forms import Forms
from comfy.library.permissions import Permissions
from comfy.records.serialization import to_text
from comfy.runs.interface import UNWATCHED, Origin, Run
from comfy.runs.registry import LocalRunRegistry
from tests.support.samples.forms import node
from tests.support.serving import open_history
from tests.support.waiting import LONGEST_WAIT

ME = Origin("user:ann")
NAME = "ETN_LoadImageBase64"
WORKFLOW = {
    "1": node(NAME, image=""),
    "2": node("SaveImage", images=["1", 0], filename_prefix="given"),
}


def decoded(run: NodeRun, inputs: Inputs) -> NodeResult:
    data = base64.b64decode(inputs["image"], validate=True)
    with Image.open(io.BytesIO(data)) as image:
        return NodeResult(((image.convert("RGB"),), (Image.new("L", image.size, 0),)))


@pytest.fixture
def demo() -> Iterator[DemoServer]:
    info = node_info(
        NAME, "Load", "x", required={"image": spec("STRING")}, outputs=["IMAGE", "MASK"]
    )
    loader = NodeClass(fixed(info), decoded)
    with DemoServer(step_seconds=0.01, nodes={**NODES, NAME: loader}) as server:
        yield server


@pytest.fixture
def starter(demo: DemoServer, tmp_path: Path) -> Iterator[Starter]:
    (tmp_path / "workflows").mkdir()
    (tmp_path / "workflows" / "given.json").write_text(json.dumps(WORKFLOW))
    with Client(demo.url) as client, closing(open_history(tmp_path / "data")) as history:
        servers = ServerPool(client)
        runs = LocalRunRegistry(servers, files=history.files, history=history)
        with closing(runs):
            folder = WorkflowFolder(tmp_path / "workflows")
            forms = Forms(folder.get, CatalogCache(client.object_info), Permissions())
            yield Starter(runs, forms, history.files, servers)


def size_of_result(starter: Starter, run: Run) -> tuple[int, int]:
    *_, state = run.watch(timeout=LONGEST_WAIT)
    assert state.phase is Phase.DONE
    path = starter.blobs.path(state.files[0].digest or "")
    assert path is not None
    with Image.open(path) as image:
        return image.size


def test_the_server_gets_the_text_and_the_record_the_name(
    demo: DemoServer, starter: Starter
) -> None:
    """The app uploads nothing. A repeated run sends the same image."""
    file = io.BytesIO()
    Image.effect_noise((160, 120), 90).save(file, "PNG")
    run = starter.start("given", {"1.image": Upload("photo.png", file.getvalue())}, ME, UNWATCHED)
    assert size_of_result(starter, run) == (160, 120)
    assert run.job.values["1.image"] == "photo.png"
    assert len(to_text(run.record)) < len(file.getvalue())
    assert demo.requests["POST /upload/image"] == 0
    assert size_of_result(starter, starter.again(run.id, ME)) == (160, 120)
