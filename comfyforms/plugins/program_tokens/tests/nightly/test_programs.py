"""Programs at the address that carries their token: each row of the table in `docs.md` whose package
installs beside the app. The others use the same libraries."""

from __future__ import annotations

import json
import subprocess
import sys
import uuid
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.request import Request, urlopen

import aiohttp
import httpx
import pytest
import websocket
import websockets
from comfy_api_simplified import ComfyApiWrapper, ComfyWorkflowWrapper
from comfy_headless.client import ComfyClient

from comfyforms.plugins.program_tokens.tests.conftest import Team
from tests.support.environments import plain_environment
from tests.support.programs import needs
from tests.support.serving import WORKFLOWS
from tests.support.waiting import LONGEST_WAIT, awaited, in_own_thread

PNG = b"\x89PNG"
SCRIPT = """
import sys
from comfy_script.runtime import Workflow, load
load(sys.argv[1])
from comfy_script.runtime.nodes import (
    CheckpointLoaderSimple, CLIPTextEncode, EmptyLatentImage, KSampler, SaveImage, VAEDecode
)
with Workflow(wait=True):
    model, clip, vae = CheckpointLoaderSimple("demo-landscapes.safetensors")
    texts = CLIPTextEncode("a", clip), CLIPTextEncode("", clip)
    empty = EmptyLatentImage(256, 256, 1)
    latent = KSampler(model, 11, 4, 7, "euler", "normal", *texts, empty, 1)
    images = SaveImage(VAEDecode(latent, vae), "a")
print("sizes", [image.size for image in images.wait()])
"""
FETCH = """
const [address, body] = process.argv.slice(1);
const sent = await fetch(`${address}/prompt`, { method: "POST", body });
const { prompt_id } = await sent.json();
for (;;) {
  const told = await (await fetch(`${address}/history/${prompt_id}`)).json();
  if (!told[prompt_id]) continue;
  const [image] = told[prompt_id].outputs["7"].images;
  const file = await fetch(`${address}/view?${new URLSearchParams(image)}`);
  console.log((await file.arrayBuffer()).byteLength);
  break;
}
"""


def prompt(seed: int) -> ComfyWorkflowWrapper:
    nodes = ComfyWorkflowWrapper(WORKFLOWS / "text-to-image.json")
    nodes.set_node_param("Model", "ckpt_name", "demo-landscapes.safetensors")
    nodes.set_node_param("Sampler", "steps", 3)
    nodes.set_node_param("Sampler", "seed", seed)
    return nodes


def body(client: str) -> dict[str, Any]:
    return {"prompt": prompt(1), "client_id": client}


def is_last(message: str | bytes, prompt_id: str) -> bool:
    if isinstance(message, bytes):
        return False
    data = json.loads(message)["data"]
    return data.get("prompt_id") == prompt_id and data.get("node", "") is None


def urllib_and_websocket_client(address: str) -> None:
    """Send the requests of ComfyUI's example `websockets_api_example.py`."""
    client = str(uuid.uuid4())
    socket = websocket.WebSocket()
    socket.connect(f"{address.replace('http', 'ws')}/ws?clientId={client}")
    request = Request(f"{address}/prompt", json.dumps(body(client)).encode())
    with urlopen(request, timeout=LONGEST_WAIT) as answer:
        prompt_id = json.load(answer)["prompt_id"]
    while not is_last(socket.recv(), prompt_id):
        pass
    socket.shutdown()
    with urlopen(f"{address}/history/{prompt_id}", timeout=LONGEST_WAIT) as answer:
        assert json.load(answer)[prompt_id]["outputs"]["7"]["images"]


def of_aiohttp(address: str) -> None:
    async def run() -> None:
        client = str(uuid.uuid4())
        async with aiohttp.ClientSession() as session:
            async with session.post(f"{address}/prompt", json=body(client)) as answer:
                prompt_id = (await answer.json())["prompt_id"]
            async with session.ws_connect(f"{address}/ws?clientId={client}") as socket:
                assert (await socket.receive_json())["type"] == "status"
            async with session.get(f"{address}/history/{prompt_id}") as answer:
                assert answer.ok

    awaited(run())


def httpx_and_websockets(address: str) -> None:
    async def run() -> None:
        client = str(uuid.uuid4())
        socket = websockets.connect(f"{address.replace('http', 'ws')}/ws?clientId={client}")
        async with socket as messages, httpx.AsyncClient(base_url=address) as calls:
            prompt_id = (await calls.post("/prompt", json=body(client))).json()["prompt_id"]
            while not is_last(await messages.recv(), prompt_id):
                pass

    awaited(run())


def fetch_of_node(address: str) -> None:
    needs("node")
    arguments = ["node", "--input-type=module", "-e", FETCH, address, json.dumps(body("a" * 16))]
    assert int(output(arguments)) > 100


def plugin_of_dify(address: str) -> None:
    """Send the requests of Dify's ComfyUI plugin, with the token as its API key."""
    app, token = address.split("/as/")
    headers, client = {"Authorization": f"Bearer {token}"}, str(uuid.uuid4())
    socket = websocket.WebSocket()
    ws = f"{app.replace('http', 'ws')}/ws?clientId={client}"
    socket.connect(ws, header=[f"Authorization: Bearer {token}"])
    with httpx.Client(base_url=app, headers=headers, timeout=LONGEST_WAIT) as calls:
        sent = {**body(client), "extra_data": {"api_key_comfy_org": ""}}
        prompt_id = calls.post("/prompt", content=json.dumps(sent)).json()["prompt_id"]
        while not is_last(socket.recv(), prompt_id):
            pass
        socket.shutdown()
        history = calls.get("/history", params={"prompt_id": prompt_id}).json()[prompt_id]
        [image] = history["outputs"]["7"]["images"]
        assert calls.get("/view", params=image).content[:4] == PNG


def comfy_api_simplified(address: str) -> None:
    """It drops the path of an address, so the token is its password."""
    app, token = address.split("/as/")
    client = ComfyApiWrapper(app, "any", token)
    found = in_own_thread(partial(client.queue_and_wait_images, prompt(2), "Save image"))
    assert [content[:4] for content in found.values()] == [PNG]


def comfy_headless(address: str) -> None:
    with ComfyClient(address) as client:
        assert client.is_online()
        prompt_id = client.queue_prompt(dict(prompt(3)))
        assert prompt_id
        assert client.wait_for_completion(prompt_id)["status"]["completed"]


def comfy_script(address: str) -> None:
    """It stores what it made of the nodes in the current folder, and reads its own script."""
    with TemporaryDirectory() as folder:
        script = Path(folder) / "script.py"
        script.write_text(SCRIPT)
        assert "sizes [(256, 256)]" in output([sys.executable, str(script), address], folder)


def output(arguments: list[str], folder: str | None = None) -> str:
    ended = subprocess.run(
        arguments,
        cwd=folder,
        env=plain_environment(),
        capture_output=True,
        text=True,
        timeout=LONGEST_WAIT,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


@pytest.mark.parametrize(
    "program",
    [
        *(urllib_and_websocket_client, of_aiohttp, httpx_and_websockets, fetch_of_node),
        *(comfy_api_simplified, comfy_headless, comfy_script, plugin_of_dify),
    ],
    ids=lambda program: program.__name__,
)
def test_a_program_works_at_its_address(team: Team, program: Callable[[str], None]) -> None:
    program(team.address)


def test_a_program_that_asks_for_none_gets_previews(team: Team) -> None:
    """A token with previews makes the app send them, as a ComfyUI with `--preview-method` does."""
    login = team.app.asgi.state.identity.login
    ann = login.by_token(team.whole)
    assert ann is not None
    for scope, least, most in (("programs", 0, 0), ("programs previews", 1, 3)):
        address = f"{team.app.url}/as/{login.new_token(ann, 'mobile', scope)}"
        client = str(uuid.uuid4())
        socket = websocket.create_connection(
            f"{address.replace('http', 'ws')}/ws?clientId={client}", timeout=LONGEST_WAIT
        )
        sent = {"prompt": prompt(len(scope)), "client_id": client}
        answer = httpx.post(f"{address}/prompt", json=sent, timeout=LONGEST_WAIT)
        previews = 0
        while not is_last(message := socket.recv(), answer.json()["prompt_id"]):
            previews += isinstance(message, bytes)
        socket.shutdown()
        assert least <= previews <= most, scope
