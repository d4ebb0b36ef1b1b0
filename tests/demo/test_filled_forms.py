"""The stand-in accepts and runs the prompts of filled forms."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from comfy.comfyui.client.client import Client
from comfy.comfyui.object_info import Catalog
from comfy.comfyui.protocol.run_state import Phase, RunState
from comfy.comfyui.servers.pool import ServerPool
from comfy.demo import DemoServer
from comfy.form.build import build_form
from comfy.form.check import check
from comfy.form.fill import fill
from comfy.form.model import Form
from comfy.records.record import Job
from comfy.runs.interface import Origin
from comfy.runs.registry import LocalRunRegistry
from comfy.workflow.model import Workflow, read_workflow
from tests.support.samples.forms import WORKFLOWS, node, text_to_image, with_values, workflow_of

SHIPPED = sorted(WORKFLOWS.glob("*.json"))


def made(client: Client, workflow: Workflow, form: Form, values: dict[str, object]) -> RunState:
    clean, errors = check(form, values)
    assert errors == {}
    prompt, used = fill(workflow, form, clean, random.Random(1))
    runs = LocalRunRegistry(ServerPool(client))
    try:
        *_, last = runs.submit(Job(prompt, workflow.name, values=used), Origin("test")).watch(30)
    finally:
        runs.close()
    assert last.phase is Phase.DONE, last.error
    return last


def test_a_prompt_without_its_empty_image_still_runs() -> None:
    """An empty image removes its branch. The other result still arrives."""
    with DemoServer(step_seconds=0.0) as server, Client(server.url) as client:
        catalog = Catalog(client.object_info())
        ckpt = catalog["CheckpointLoaderSimple"].by_name["ckpt_name"].start
        prompt = with_values(
            text_to_image(n20=node("LoadImage", "Load Image", image="example.png")),
            "4",
            ckpt_name=ckpt,
        )
        prompt["21"] = node(
            "ImageScaleBy", image=["20", 0], upscale_method="bilinear", scale_by=2.0
        )
        prompt["22"] = node("SaveImage", images=["21", 0], filename_prefix="photo")
        prompt = with_values(with_values(prompt, "3", steps=1), "5", width=64, height=64)
        workflow = workflow_of(prompt)
        form = build_form(workflow, catalog)
        last = made(client, workflow, form, {"20.image": None})
        assert {file.node for file in last.files} == {"9"}


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.stem)
def test_it_runs_each_shipped_workflow(file: Path) -> None:
    """Each form produces its result files on the running stand-in, with its own values apart from
    sizes and steps."""
    with DemoServer(step_seconds=0.0) as server, Client(server.url) as client:
        workflow = read_workflow(file)
        form = build_form(workflow, Catalog(client.object_info()))
        assert form.problems == ()
        small = {"4.width": 256, "4.height": 256, "6.amount": 2}
        steps = {field.key: 2 for field in form.fields if field.input == "steps"}
        shown = {field.key for field in form.fields}
        last = made(client, workflow, form, steps | {key: small[key] for key in shown & set(small)})
        assert {output.node for output in form.outputs} == {file.node for file in last.files}
