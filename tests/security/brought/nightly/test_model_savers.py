"""An opened workflow can't fill the ComfyUI server's disk with models or latents."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from comfy.base.errors import WorkflowError
from comfy.library.permissions import Permissions
from comfy.runs.interface import Origin, RunPolicy
from comfyui_standin import DemoServer
from comfyui_standin.nodes.base import NodeClass, NodeResult, node_info, spec
from comfyui_standin.nodes.registry import NODES
from tests.security.brought.calls import BOBS, bring, drawn
from tests.support.http_client import finished
from tests.support.samples.forms import node
from tests.support.serving import WORKFLOWS, RunningApp, running_app
from tests.support.waiting import LONGEST_WAIT

SAVE = node_info(
    "PackSave",
    "Save checkpoint (pack)",
    "pack",
    required={"model": spec("MODEL"), "filename_prefix": spec("STRING", default="x")},
    output_node=True,
)
PROMPT = json.loads((WORKFLOWS / "text-to-image.json").read_text("utf-8")) | {
    "99": node("PackSave", model=["1", 0], filename_prefix="big")
}
CLASSES = frozenset(one["class_type"] for one in PROMPT.values())


@pytest.fixture(scope="module")
def demo() -> Iterator[DemoServer]:
    saver = NodeClass(lambda _: SAVE, lambda *_: NodeResult(()))
    with DemoServer(step_seconds=0, nodes={**NODES, "PackSave": saver}) as server:
        yield server


def test_finding_s23_an_untrusted_user_saves_no_model(demo: DemoServer) -> None:
    """The form and the error for scripts name the node that saves models."""
    with running_app(demo.url) as app:
        name = bring(app, PROMPT).json()["name"]
        said = json.dumps(drawn(app, name).components, ensure_ascii=False)
        assert "use “Save checkpoint (pack)”" in said
        with pytest.raises(WorkflowError, match="can't use “Save checkpoint"):
            app.services.starter.start(name, {}, Origin(BOBS))
        assert not app.services.runs.line_of(BOBS)


def test_finding_s23_a_rerun_is_judged_by_the_rules_of_now(demo: DemoServer) -> None:
    """The app doesn't repeat a run that it would refuse today."""
    trusting = [True]
    permissions = Permissions(trusts=lambda _: trusting[0], keep=lambda _: True)
    with running_app(demo.url, permissions=permissions) as app:
        run = run_it(app)
        trusting[0] = False
        with pytest.raises(WorkflowError, match="can't use “Save checkpoint"):
            app.services.starter.again(run, Origin(BOBS))


@pytest.mark.parametrize(
    "permissions", [Permissions(nodes=CLASSES), Permissions(trusts=lambda _: True)]
)
def test_finding_s23_listed_nodes_and_trusted_users_save_models(
    demo: DemoServer, permissions: Permissions
) -> None:
    with running_app(demo.url, permissions=permissions) as app:
        run_it(app)


def run_it(app: RunningApp) -> str:
    """Open the workflow, run it to its end and return the run's id."""
    name = bring(app, PROMPT).json()["name"]
    values = {"5.steps": 1}
    run = app.services.starter.start(
        name, values, Origin(BOBS), RunPolicy(deadline=LONGEST_WAIT, watched=False)
    )
    finished(run)
    return run.id
