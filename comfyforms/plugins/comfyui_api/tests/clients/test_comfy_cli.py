"""`comfy run --wait` of comfy-cli 1.23, replayed from its source (comfy_cli/command/run): the real
one has 50 packages. It takes a host and a port only, so it needs an app without accounts."""

from __future__ import annotations

import json
import uuid
from urllib.request import Request, urlopen

import websocket

from comfyforms.plugins.comfyui_api.tests.clients.test_comfy_api_simplified import PNG, workflow
from tests.support.serving import RunningApp
from tests.support.waiting import LONGEST_WAIT


def test_it_waits_for_its_outputs_on_the_socket(app: RunningApp) -> None:
    """It reads outputs from `executed`, and ends with `executing` without a node. It ignores
    messages without its prompt's id, and sends no content type of JSON."""
    client = str(uuid.uuid4())
    with urlopen(f"{app.url}/object_info", timeout=LONGEST_WAIT) as answer:
        assert json.load(answer).keys() > {"KSampler", "SaveImage"}
    address = f"{app.url.replace('http', 'ws')}/ws?clientId={client}"
    socket = websocket.create_connection(address, timeout=LONGEST_WAIT)
    try:
        body = {"prompt": workflow(seed=41), "client_id": client}
        body["extra_data"] = {"comfy_usage_source": "comfy-cli"}
        request = Request(f"{app.url}/prompt", json.dumps(body).encode())
        with urlopen(request, timeout=LONGEST_WAIT) as answer:
            prompt_id = json.load(answer)["prompt_id"]
        outputs, is_over = [], False
        while not is_over:
            match json.loads(socket.recv()):
                case {"type": "executed", "data": {"prompt_id": one, "output": output}}:
                    assert one == prompt_id
                    outputs += output["images"]
                case {"type": "executing", "data": {"node": None, "prompt_id": one}}:
                    is_over = one == prompt_id
    finally:
        socket.shutdown()
    (file,) = outputs
    path = f"/view?filename={file['filename']}&subfolder={file['subfolder']}&type={file['type']}"
    with urlopen(app.url + path, timeout=LONGEST_WAIT) as answer:
        assert answer.read(4) == PNG
