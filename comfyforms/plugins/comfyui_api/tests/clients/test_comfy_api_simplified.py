"""`comfy-api-simplified` from PyPI, unmodified: each of its calls, with a token as password."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from comfy_api_simplified import ComfyApiError, ComfyApiWrapper, ComfyWorkflowWrapper

from comfyforms.plugins.comfyui_api.tests.clients.conftest import Team
from comfyforms.plugins.comfyui_api.tests.files import copying
from tests.support.serving import WORKFLOWS
from tests.support.waiting import eventually, in_own_thread

PNG = b"\x89PNG"


def workflow(steps: int = 3, seed: int = 1) -> ComfyWorkflowWrapper:
    nodes = ComfyWorkflowWrapper(WORKFLOWS / "text-to-image.json")
    nodes.set_node_param("Model", "ckpt_name", "demo-landscapes.safetensors")
    nodes.set_node_param("Sampler", "steps", steps)
    nodes.set_node_param("Sampler", "seed", seed)
    return nodes


def images(client: ComfyApiWrapper, nodes: ComfyWorkflowWrapper, title: str) -> dict[str, bytes]:
    found: dict[str, bytes] = in_own_thread(partial(client.queue_and_wait_images, nodes, title))
    return found


def test_it_runs_a_workflow_and_gets_the_results(team: Team) -> None:
    """It waits on the socket, where each image would be a result for it, then asks the history."""
    client = ComfyApiWrapper(team.app.url, "any", team.ann)
    results = images(client, workflow(), "Save image")
    assert [content[:4] for content in results.values()] == [PNG]
    (run,) = team.app.runs.owned("user:ann")
    told = client.get_history(run.id)[run.id]["outputs"]["7"]["images"][0]
    assert told["subfolder"] == run.id
    assert client.get_image(told["filename"], told["subfolder"], told["type"])[:4] == PNG


def test_it_uploads_an_image_for_a_workflow(team: Team, image: Path) -> None:
    client = ComfyApiWrapper(team.app.url, "any", team.ann)
    stored = client.upload_image(image)
    assert stored == {"name": image.name, "subfolder": "default_upload_folder", "type": "input"}
    nodes = copying(f"{stored['subfolder']}/{stored['name']}")
    for node in nodes.values():
        node["_meta"] = {"title": node["class_type"]}
    (content,) = images(client, nodes, "SaveImage").values()
    assert content[:4] == PNG


def test_it_follows_and_interrupts_its_own_prompts(team: Team) -> None:
    """Another user's client sees no content of them, and can't stop them."""
    client, other = (ComfyApiWrapper(team.app.url, "any", one) for one in (team.ann, team.bob))
    first, second = (client.queue_prompt(workflow(500, seed))["prompt_id"] for seed in (2, 3))
    eventually(lambda: first in str(client.get_queue()["queue_running"]))
    assert [client.get_queue_size_before(one) for one in (first, second)] == [0, 1]
    with pytest.raises(ValueError, match="not in the queue"):
        other.get_queue_size_before(first)
    assert second not in str(other.get_queue())
    other.interrupt()
    assert other.get_history(first) == {}
    assert client.get_queue_size_before(first) == 0
    client.interrupt()
    eventually(lambda: client.get_history(first))
    assert client.get_history(first)[first]["status"]["status_str"] == "error"
    assert client.get_queue_size_before(second) in (0, 1)


def test_it_asks_what_the_servers_have(team: Team) -> None:
    client = ComfyApiWrapper(team.app.url, "any", team.ann)
    assert client.get_object_info("KSampler").keys() == {"KSampler"}
    nodes = client.get_object_info()
    models = nodes["CheckpointLoaderSimple"]["input"]["required"]["ckpt_name"][0]
    assert "demo-landscapes.safetensors" in models
    assert client.get_system_stats()["devices"]
    assert client.get_embeddings() == []


def test_it_gets_errors_for_what_comfyui_would_refuse(team: Team) -> None:
    client = ComfyApiWrapper(team.app.url, "any", team.ann)
    nodes = workflow()
    nodes.set_node_param("Model", "ckpt_name", "missing.safetensors")
    with pytest.raises(ComfyApiError, match="400"):
        client.queue_prompt(nodes)
    with pytest.raises(ComfyApiError, match="401"):
        ComfyApiWrapper(team.app.url).get_queue()
