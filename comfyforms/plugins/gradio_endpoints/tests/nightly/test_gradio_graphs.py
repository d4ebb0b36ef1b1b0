"""Graphs of two workflows in Gradio's own tools: a daggr graph and a `gr.Workflow` canvas."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import huggingface_hub
import pytest
from gradio import workflow
from gradio.workflow_api import WorkflowExecutor, WorkflowGraph
from gradio_client import Client
from huggingface_hub import constants
from PIL import Image

from tests.support.gradio_calls import script_client
from tests.support.serving import RunningApp, Served, running_demo_app
from tests.support.waiting import in_own_thread

SMALL = {"prompt": "a lighthouse", "steps": 1, "width": 256, "height": 256}
PORTS = {"Image": "image", "Textbox": "text", "Slider": "number", "Number": "number"}


@pytest.fixture(scope="module")
def running(own_temporary_folder: Path) -> Iterator[Served]:
    """Run an app on a fast server."""
    with running_demo_app(step_seconds=0.005) as served:
        yield served


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the only folder where the tools leave files."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HOME", str(tmp_path))
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    return tmp_path


def test_a_daggr_graph_hands_an_image_on(app: RunningApp, folder: Path) -> None:
    """The second node's input is the first one's `image`."""
    daggr = pytest.importorskip("daggr")
    from daggr import _client_cache, executor

    with closing(script_client(app.url, download_files=False)) as client:
        _client_cache.set_client(app.url, client)
        first = daggr.GradioNode(
            app.url, "/text_to_image", "first", inputs=SMALL, outputs={"image": None}
        )
        second = daggr.GradioNode(
            app.url,
            "/upscale",
            "second",
            inputs={"your_image": first.image, "steps": 1},
            outputs={"image": None, "files": None, "texts": None, "run": None},
        )
        graph = daggr.Graph("Two workflows", nodes=[first, second], persist_key=False)
        runner = executor.SequentialExecutor(graph)
        made = in_own_thread(partial(runner.execute_all, {}))["second"]
    assert made["run"]["phase"] == "done"
    assert made["image"] == made["files"][0]
    assert made["image"]["url"].startswith(app.url)


def test_a_workflow_canvas_hands_an_image_on(
    app: RunningApp, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The canvas knows apps by the name of their Space, and a node's ports by the types that the
    app lists."""
    space = SimpleNamespace(host=app.url, private=False, stage="RUNNING")
    for name in ("space_info", "get_space_runtime"):  # as Hugging Face answers
        monkeypatch.setattr(huggingface_hub, name, lambda *_, **__: space)
    monkeypatch.setattr(Client, "_telemetry_thread", lambda _: None)
    monkeypatch.setitem(Client.__init__.__kwdefaults__, "download_files", str(folder))
    with closing(Client("owner/forms", verbose=False)) as client:
        told = client.view_api(return_format="dict", print_info=False)["named_endpoints"]
        first = node(told, "/text_to_image", SMALL)
        second = node(told, "/upscale", {"steps": 1})
        image = port(second["inputs"], "Your image")
        shown = {"id": "shown", "inputs": [{"id": "in", "type": "image"}]}
        ends = [(first, "out_0", second, image), (second, "out_0", shown, "in")]
        edges = [
            {"from_node_id": a["id"], "from_port_id": b, "to_node_id": c["id"], "to_port_id": d}
            for a, b, c, d in ends
        ]
        graph = WorkflowGraph({"operators": [first, second], "subjects": [shown], "edges": edges})
        callers = {"space": lambda data, request, token: workflow.call_space(data, request, token)}
        made = WorkflowExecutor(graph, callers).run("shown", {})
    assert Image.open(made).size == (512, 512)


def node(told: dict[str, Any], name: str, values: dict[str, Any]) -> dict[str, Any]:
    """Return an endpoint as the canvas keeps it, with these values by parameter name."""
    takes, returns = told[name]["parameters"], told[name]["returns"]
    names = [one["parameter_name"] for one in takes]
    return {
        "id": name,
        "space_id": "owner/forms",
        "endpoint": name,
        "inputs": [
            {
                "id": f"in_{n}",
                "label": one["label"],
                "type": PORTS.get(one["component"], "text"),
                "required": not one["parameter_has_default"],
            }
            for n, one in enumerate(takes)
        ],
        "outputs": [
            {
                "id": f"out_{n}",
                "label": one["label"],
                "type": PORTS.get(one["component"], "json"),
                "output_index": n,
            }
            for n, one in enumerate(returns)
        ],
        "data": {f"in_{names.index(key)}": value for key, value in values.items()},
    }


def port(ports: list[dict[str, Any]], label: str) -> str:
    return next(str(one["id"]) for one in ports if one["label"] == label)
