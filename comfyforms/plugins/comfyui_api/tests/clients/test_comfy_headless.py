"""`comfy-headless` from PyPI, unmodified, with a token in the address."""

from __future__ import annotations

from pathlib import Path

from comfy_headless.client import ComfyClient

from comfyforms.plugins.comfyui_api.tests.clients.conftest import Team
from comfyforms.plugins.comfyui_api.tests.clients.test_comfy_api_simplified import PNG, workflow
from comfyforms.plugins.comfyui_api.tests.files import copying
from tests.support.waiting import eventually


def test_it_runs_a_workflow_that_it_has_checked(team: Team) -> None:
    with ComfyClient(team.address(team.ann)) as client:
        assert client.is_online()
        assert client.get_vram_gb() > 1
        assert "demo-landscapes.safetensors" in client.get_checkpoints()
        assert "euler" in client.get_samplers()
        nodes = dict(workflow(seed=11))
        assert client.check_workflow_dependencies(nodes)["all_installed"]
        prompt_id = client.queue_prompt(nodes)
        assert prompt_id
        ended = client.wait_for_completion(prompt_id)
        assert ended["status"]["completed"]
        (file,) = client.get_history(prompt_id)[prompt_id]["outputs"]["7"]["images"]
        content = client.get_image(file["filename"], file["subfolder"], file["type"])
        assert content is not None
        assert content.startswith(PNG)
        assert prompt_id in client.get_history()
    with ComfyClient(team.address(team.bob)) as other:
        assert prompt_id not in str(other.get_history())


def test_it_uploads_images_and_masks(team: Team, image: Path) -> None:
    with ComfyClient(team.address(team.ann)) as client:
        stored = client.upload_image(image)
        assert stored["ref"] == image.name
        masked = client.upload_mask(
            image, original_ref={"filename": image.name, "subfolder": "", "type": "input"}
        )
        prompt_id = client.queue_prompt(copying(masked["ref"]))
        assert client.wait_for_completion(prompt_id)["status"]["completed"]


def test_it_cancels_its_own_prompts(team: Team) -> None:
    with ComfyClient(team.address(team.ann)) as client:
        ids = [client.queue_prompt(dict(workflow(500, seed))) for seed in (12, 13)]
        # A prompt that is removed before its turn never enters the history.
        eventually(lambda: ids[0] in str(team.get("/queue", team.ann)["queue_running"]))
        assert client.clear_queue()
        assert client.cancel_current()
        ended = client.wait_for_completion(ids[0])
        assert not ended["status"]["completed"]
