"""No text of a user, a workflow or ComfyUI blocks the app for other users."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from comfy.comfyui.protocol.run_state import Phase
from comfy.runs.interface import Origin
from comfyui_standin import DemoServer
from comfyui_standin.nodes.base import (
    Inputs,
    NodeClass,
    NodeFailure,
    NodeResult,
    NodeRun,
    node_info,
    spec,
)
from comfyui_standin.nodes.registry import NODES
from tests.security.brought.calls import BOBS, bring, drawn
from tests.support.http_client import finished, get
from tests.support.samples.forms import node
from tests.support.samples.graphs import graph, graph_node
from tests.support.serving import running_app
from tests.support.waiting import LONGEST_WAIT, eventually

REPEATS = node_info(
    "Repeats", "Repeats", "pack", required={"text": spec("STRING")}, output_node=True
)


def repeat(_: NodeRun, inputs: Inputs) -> NodeResult:
    raise NodeFailure(f"cannot read {inputs['text']!r}")


@pytest.fixture(scope="module")
def demo() -> Iterator[DemoServer]:
    repeats = NodeClass(lambda _: REPEATS, repeat)
    with DemoServer(step_seconds=0, nodes={**NODES, "Repeats": repeats}) as server:
        yield server


@pytest.mark.parametrize("text", ["ERROR: clip ", "Model checkpoint ", "expected input channels "])
def test_finding_s1_a_failed_run_with_a_long_text(
    demo: DemoServer, text: str, tmp_path: Path
) -> None:
    """The app answers other users. It also starts if it finds the failed run in ComfyUI's
    history."""
    crashed = tmp_path / "crashed"
    with running_app(demo.url, data=tmp_path / "data", may_keep=True) as app:
        name = bring(app, {"1": node("Repeats", text="")}).json()["name"]
        with demo.hold("execution_start") as held:
            values = {"1.text": text * (30_000 // len(text))}
            run = app.services.starter.start(name, values, Origin(BOBS))
            assert held.reached.wait(LONGEST_WAIT)
            shutil.copytree(app.data, crashed)  # as it would be found after a crash
        assert finished(run).state.phase is Phase.FAILED
        assert get(app, "/").status_code == 200
        with running_app(demo.url, data=crashed) as other:
            eventually(lambda: other.server.has_taken_up, "the run is taken up")
            eventually(lambda: other.runs.record(run.id, BOBS).state.phase is Phase.FAILED)
            assert get(other, "/").status_code == 200


@pytest.mark.parametrize("pattern", ["(?:a|a)?" * 22 + "b", "a?" * 33 + "a" * 33 + "b", "(a+)+$"])
def test_finding_s2_a_pattern_in_an_opened_workflow(demo: DemoServer, pattern: str) -> None:
    """The app draws the form. The node with the pattern matches nothing."""
    sender = graph_node(
        2, "Anything Everywhere", properties={"ue_properties": {"title_regex": pattern}}
    )
    workflow = graph(
        graph_node(1, "CheckpointLoaderSimple", "demo-painterly.safetensors"),
        sender,
        graph_node(3, "CLIPTextEncode", "a boat", title="a" * 200),
        links="1.1 CLIP > 2.anything",
    )
    with running_app(demo.url, may_keep=True) as app:
        assert "a boat" in json.dumps(drawn(app, bring(app, workflow).json()["name"]).components)
        assert get(app, "/").status_code == 200


@pytest.mark.parametrize("word", ["save", "combine", "saveimage"])
def test_finding_s3_a_long_class_name(demo: DemoServer, word: str) -> None:
    """The app refuses the workflow with an error before it processes the name."""
    with running_app(demo.url, may_keep=True) as app:
        answer = bring(app, {"1": node(word * 20_000)})
        assert answer.status_code == 422
        assert "200" in answer.text
        assert get(app, "/").status_code == 200
