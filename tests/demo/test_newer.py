"""Additions of the stand-in with `newer`: messages, results and nodes of servers after 0.33.0."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import websocket

from comfy.demo import DemoServer
from comfy.demo.nodes.registry import NODES
from tests.demo.calls import body_of, frames
from tests.support.samples.models import save_model, tetrahedron
from tests.support.waiting import LONGEST_WAIT

LOOP: dict[str, Any] = {
    "1": {"class_type": "LoadImage", "inputs": {"image": "example.png"}},
    "2": {
        "class_type": "StartLoop",
        "inputs": {"mode": "simple", "mode.num_iterations": 2, "cache_iterations": False},
    },
    "3": {
        "class_type": "ImageScaleBy",
        "inputs": {"image": ["1", 0], "upscale_method": "area", "scale_by": 0.1, "in": ["2", 0]},
    },
    "4": {"class_type": "PreviewImage", "inputs": {"images": ["3", 0]}},
    "5": {
        "class_type": "EndLoop",
        "inputs": {"output_value": ["3", 0], "accumulate": False, "termination0": ["4", 0]},
    },
    "6": {"class_type": "PreviewImage", "inputs": {"images": ["5", 0]}},
}


@pytest.fixture
def newer() -> Iterator[DemoServer]:
    with DemoServer(step_seconds=0, nodes={**NODES, "Model": MODEL}, newer=True) as server:
        yield server


MODEL = save_model(tetrahedron())


def run(demo: DemoServer, body: dict[str, Any]) -> tuple[list[dict[str, Any]], list[bytes], Any]:
    """Return the text messages of a prompt, its binary ones, and its entry in the history."""
    address = f"{demo.url.replace('http', 'ws')}/ws?clientId=me"
    connection = websocket.create_connection(address, timeout=LONGEST_WAIT)
    answer = requests.post(f"{demo.url}/prompt", json=body, timeout=LONGEST_WAIT).json()
    assert answer["node_errors"] == {}
    received = frames(connection)
    connection.shutdown()
    history = requests.get(f"{demo.url}/history/{answer['prompt_id']}", timeout=LONGEST_WAIT)
    texts = [json.loads(one) for one in received if isinstance(one, str)]
    binary = [one for one in received if isinstance(one, bytes)]
    return texts, binary, history.json()[answer["prompt_id"]]


def test_messages_repeat_the_requests_metadata(newer: DemoServer) -> None:
    """Every message about the prompt has them; the status, which is for all, doesn't."""
    body = body_of()
    body["extra_data"]["metadata"] = {"trace": "t7"}
    texts, _, _ = run(newer, body)
    about = [one for one in texts if one["type"] != "status"]
    assert {one["data"].get("trace") for one in about} == {"t7"}


def test_any_message_can_be_sent_to_all_clients(newer: DemoServer) -> None:
    """Tests announce what a newer server may tell."""
    address = f"{newer.url.replace('http', 'ws')}/ws"
    connection = websocket.create_connection(address, timeout=LONGEST_WAIT)
    newer.announce("asset_download", {"task_id": "t", "progress": 0.5})
    connection.recv()  # the status
    assert json.loads(connection.recv())["data"]["progress"] == 0.5
    connection.shutdown()


def test_a_loops_copies_name_their_originals(newer: DemoServer) -> None:
    """The copies have ids of their own, in messages and in the history."""
    texts, binary, entry = run(newer, {"prompt": LOOP, "client_id": "me"})
    begun = [one["data"] for one in texts if one["type"] == "executing" and one["data"]["node"]]
    shown = [one["display_node"] for one in begun if one["node"] != one["display_node"]]
    assert shown == ["2", "3", "4", "2", "2", "3", "4", "2"]
    assert "3" not in {one["node"] for one in begun}
    states = [one["data"]["nodes"] for one in texts if one["type"] == "progress_state"]
    assert {one["display_node_id"] for one in states[-1].values()} == set("123456")
    assert [entry["meta"][node]["display_node"] for node in entry["outputs"]] == ["4", "4", "6"]
    assert [one.rpartition(b"Iteration ")[2] for one in binary] == [b"0 / 2", b"1 / 2", b"2 / 2"]


def test_results_have_names_and_assets(newer: DemoServer) -> None:
    """An image is its own preview; a 3D model has another asset with an image."""
    prompt = {"1": {"class_type": "Model", "inputs": {"text": "a"}}, "2": LOOP["1"]}
    prompt["3"] = {"class_type": "PreviewImage", "inputs": {"images": ["2", 0]}}
    _, _, entry = run(newer, {"prompt": prompt, "client_id": "me"})
    (model,), (image,) = entry["outputs"]["1"]["3d"], entry["outputs"]["3"]["images"]
    assert model["display_name"].endswith(".glb")
    assert image["preview_id"] == image["id"]
    found = {key: content(newer, model[key]) for key in ("id", "preview_id")}
    assert found["id"].startswith(b"glTF")
    assert found["preview_id"].startswith(b"RIFF")
    unknown = requests.get(f"{newer.url}/api/assets/{uuid.uuid4()}/content", timeout=LONGEST_WAIT)
    assert unknown.status_code == 404


def content(demo: DemoServer, asset_id: str) -> bytes:
    return requests.get(f"{demo.url}/api/assets/{asset_id}/content", timeout=LONGEST_WAIT).content


def test_by_default_the_stand_in_is_as_old_as_its_version(demo: DemoServer) -> None:
    """It has no loops and no assets."""
    nodes = requests.get(f"{demo.url}/object_info", timeout=LONGEST_WAIT).json()
    assert "StartLoop" not in nodes
    _, _, entry = run(demo, body_of())
    assert all(set(one) == {"filename", "subfolder", "type"} for one in files_of(entry))
    assert requests.get(f"{demo.url}/api/assets/x/content", timeout=LONGEST_WAIT).status_code == 404


def files_of(entry: Any) -> list[dict[str, Any]]:
    outputs = entry["outputs"].values()
    return [file for output in outputs for file in output.get("images", ())]
