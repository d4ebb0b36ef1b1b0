"""Running prompts: the order of events, previews, caching, errors, interrupts, the queue."""

from __future__ import annotations

import json
import struct
import uuid
from typing import Any

import pytest

from tests.support.speaking import (
    ENDS,
    Listener,
    ServerUnderTest,
    fresh_prompt,
    listening,
    message_kind,
    picked,
    submit,
)


def entry_of(server: ServerUnderTest, prompt_id: str) -> dict[str, Any]:
    """Return the history entry of a finished prompt."""
    return server.get(f"/history/{prompt_id}")[prompt_id]


def test_greeting(server: ServerUnderTest) -> None:
    """The server's first message is the status with the client's own id. The server answers the
    client's feature flags."""
    with listening(server) as listener:
        flags = listener.wait_for("feature_flags")
        status = listener.messages[0]
        assert isinstance(status, dict)
        assert status["type"] == "status"
        assert status["data"]["sid"] == listener.client_id
        assert isinstance(status["data"]["status"]["exec_info"]["queue_remaining"], int)
        assert flags["supports_preview_metadata"] is True
        assert flags == server.get("/features")


def test_greeting_without_an_id(server: ServerUnderTest) -> None:
    """The server assigns an id to a client without one."""
    with listening(server, "") as listener:
        assert len(listener.wait_for("status")["sid"]) >= 32


def test_order_of_a_run(server: ServerUnderTest, listener: Listener) -> None:
    """The order is: start, cached, each node's executing, progress by step, executed for the
    output, success, status, null."""
    prompt_id = submit(server, listener, fresh_prompt(server, steps=3))
    listener.wait_end(prompt_id)
    told = listener.of(prompt_id)
    kinds = [message["type"] for message in told]
    assert kinds[:2] == ["execution_start", "execution_cached"]
    assert kinds[-2:] == ["execution_success", "executing"]
    nodes = [message["data"]["node"] for message in told if message["type"] == "executing"]
    assert nodes[-4:] == ["3", "8", "9", None]
    steps = [message["data"] for message in told if message["type"] == "progress"]
    assert [(step["value"], step["max"], step["node"]) for step in steps] == [
        (1, 3, "3"),
        (2, 3, "3"),
        (3, 3, "3"),
    ]
    states = [message["data"]["nodes"] for message in told if message["type"] == "progress_state"]
    assert states[-1]["9"]["state"] == "finished"
    assert {
        "value",
        "max",
        "state",
        "node_id",
        "prompt_id",
        "display_node_id",
        "real_node_id",
    } <= states[-1]["9"].keys()
    (executed,) = [message["data"] for message in told if message["type"] == "executed"]
    assert executed["node"] == executed["display_node"] == "9"
    assert set(executed["output"]["images"][0]) == {"filename", "subfolder", "type"}


def test_history_of_a_success(server: ServerUnderTest, listener: Listener) -> None:
    """After the last event, the history has the run's outputs, status and messages."""
    prompt_id = submit(server, listener, fresh_prompt(server, batch=2))
    listener.wait_end(prompt_id)
    entry = entry_of(server, prompt_id)
    assert entry["prompt"][1] == prompt_id
    assert entry["prompt"][3]["client_id"] == listener.client_id
    assert entry["prompt"][4] == ["9"]
    assert len(entry["outputs"]["9"]["images"]) == 2
    assert entry["meta"]["9"]["real_node_id"] == "9"
    assert entry["status"]["status_str"] == "success"
    assert entry["status"]["completed"] is True
    assert [name for name, _ in entry["status"]["messages"]] == [
        "execution_start",
        "execution_cached",
        "execution_success",
    ]


def test_previews_with_metadata(server: ServerUnderTest, listener: Listener) -> None:
    """A client that set the flag gets frames of type 4, with the prompt and node of the preview."""
    prompt_id = submit(server, listener, fresh_prompt(server, steps=3))
    listener.wait_end(prompt_id)
    frames = picked(listener.messages, "preview")
    assert len(frames) == 3
    for frame in frames:
        kind, length = struct.unpack(">II", frame[:8])
        metadata = json.loads(frame[8 : 8 + length])
        assert kind == 4
        assert (metadata["prompt_id"], metadata["node_id"]) == (prompt_id, "3")
        assert metadata["image_type"] == "image/jpeg"
        assert frame[8 + length :].startswith(b"\xff\xd8\xff")


def test_previews_without_metadata(server: ServerUnderTest) -> None:
    """A client that set no flag gets frames of type 1, after the progress of their step."""
    with listening(server, flags=False) as listener:
        prompt_id = submit(server, listener, fresh_prompt(server, steps=2))
        listener.wait_end(prompt_id)
        frames = picked(listener.messages, "preview")
        assert len(frames) == 2
        assert all(
            frame[:8] == struct.pack(">II", 1, 1) and frame[8:11] == b"\xff\xd8\xff"
            for frame in frames
        )
        kinds = [message_kind(message) for message in listener.messages]
        assert "feature_flags" not in kinds
        if server.is_new:
            assert kinds[kinds.index("preview") - 1] == "progress"


def test_previews_only_when_asked(server: ServerUnderTest, listener: Listener) -> None:
    """Without preview_method, the server sends progress messages and no previews."""
    if not server.stand_in:
        pytest.skip("a real server may have been started with previews on")
    prompt_id = submit(server, listener, fresh_prompt(server), extra_data={})
    listener.wait_end(prompt_id)
    assert picked(listener.messages, "progress")
    assert not picked(listener.messages, "preview")


def test_a_cached_run(server: ServerUnderTest, listener: Listener) -> None:
    """The second run of a prompt executes no node. Its history names the same files."""
    prompt = fresh_prompt(server)
    first = submit(server, listener, prompt)
    listener.wait_end(first)
    second = submit(server, listener, prompt)
    listener.wait_end(second)
    told = listener.of(second)
    (cached,) = [message["data"] for message in told if message["type"] == "execution_cached"]
    assert set(cached["nodes"]) == set(prompt)
    assert [message["data"]["node"] for message in told if message["type"] == "executing"] == [None]
    if server.is_new:
        assert [message["data"]["node"] for message in told if message["type"] == "executed"] == [
            "9"
        ]
    assert entry_of(server, second)["outputs"] == entry_of(server, first)["outputs"]


def test_only_changed_nodes_run_again(server: ServerUnderTest, listener: Listener) -> None:
    """A new text runs its encoder, the sampler and the nodes after it. The server doesn't load the
    model again."""
    prompt = fresh_prompt(server, seed=11)
    prompt["6"]["inputs"]["text"] = f"a bridge {uuid.uuid4()}"
    listener.wait_end(submit(server, listener, prompt))
    prompt["6"]["inputs"]["text"] = f"a tower {uuid.uuid4()}"
    prompt_id = submit(server, listener, prompt)
    listener.wait_end(prompt_id)
    nodes = [
        message["data"]["node"]
        for message in listener.of(prompt_id)
        if message["type"] == "executing"
    ]
    assert nodes == ["6", "3", "8", "9", None]


def test_an_own_prompt_id(server: ServerUnderTest, listener: Listener) -> None:
    """A client may choose the id of its prompt."""
    chosen = str(uuid.uuid4())
    assert submit(server, listener, fresh_prompt(server, steps=1), prompt_id=chosen) == chosen
    listener.wait_end(chosen)


def test_preview_image_output(server: ServerUnderTest, listener: Listener) -> None:
    """PreviewImage writes to the temp folder."""
    prompt = fresh_prompt(server)
    prompt["9"] = {"class_type": "PreviewImage", "inputs": {"images": ["8", 0]}}
    prompt_id = submit(server, listener, prompt)
    listener.wait_end(prompt_id)
    (file,) = entry_of(server, prompt_id)["outputs"]["9"]["images"]
    assert file["type"] == "temp"
    assert server.request("GET", "/view", params=file).headers["content-type"] == "image/png"


def test_an_error_while_executing(server: ServerUnderTest, listener: Listener) -> None:
    """A failing node ends the run with execution_error, including node, type, message, traceback
    and inputs. The history agrees."""
    prompt = fresh_prompt(server)
    broken = [name for name in server.get("/models/checkpoints") if "broken" in name]
    if not broken:
        pytest.skip("the server has no broken checkpoint")
    prompt["4"]["inputs"]["ckpt_name"] = broken[0]
    prompt_id = submit(server, listener, prompt)
    listener.wait_end(prompt_id)
    (error,) = picked(listener.messages, "execution_error")
    assert (error["node_id"], error["node_type"]) == ("4", "CheckpointLoaderSimple")
    assert error["exception_message"]
    assert error["exception_type"]
    assert error["traceback"]
    assert error["current_inputs"] == {"ckpt_name": [broken[0]]}
    status = entry_of(server, prompt_id)["status"]
    assert (status["status_str"], status["completed"]) == ("error", False)
    assert status["messages"][-1][0] == "execution_error"


def test_interrupting_one_prompt(server: ServerUnderTest, listener: Listener) -> None:
    """An interrupt with the prompt's id stops it, and the message names the current node."""
    prompt_id = submit(server, listener, fresh_prompt(server, steps=400))
    listener.wait_for("progress", prompt_id=prompt_id)
    assert server.post("/interrupt", {"prompt_id": prompt_id}).status_code == 200
    listener.wait_end(prompt_id)
    (stopped,) = picked(listener.messages, "execution_interrupted")
    assert (stopped["node_id"], stopped["node_type"]) == ("3", "KSampler")
    assert isinstance(stopped["executed"], list)
    entry = entry_of(server, prompt_id)
    assert entry["status"]["status_str"] == "error"
    assert entry["status"]["messages"][-1][0] == "execution_interrupted"
    assert entry["outputs"] == {}


def test_interrupting_another_prompt(server: ServerUnderTest, listener: Listener) -> None:
    """An interrupt for an id that isn't running changes nothing."""
    prompt_id = submit(server, listener, fresh_prompt(server, steps=4))
    listener.wait_for("progress", prompt_id=prompt_id)
    assert server.post("/interrupt", {"prompt_id": str(uuid.uuid4())}).status_code == 200
    listener.wait_end(prompt_id)
    assert picked(listener.messages, "execution_success")


def test_interrupting_the_current_run(server: ServerUnderTest, listener: Listener) -> None:
    """An interrupt without a body stops the running prompt."""
    prompt_id = submit(server, listener, fresh_prompt(server, steps=400))
    listener.wait_for("progress", prompt_id=prompt_id)
    assert server.request("POST", "/interrupt").status_code == 200
    listener.wait_end(prompt_id)
    assert picked(listener.messages, "execution_interrupted")


def test_the_queue(server: ServerUnderTest, listener: Listener) -> None:
    """One prompt runs while the others wait in the order of their numbers. A removed prompt leaves
    no trace."""
    with listening(server) as other:
        running = submit(server, listener, fresh_prompt(server, steps=400))
        waiting = submit(server, other, fresh_prompt(server, steps=1))
        removed = submit(server, other, fresh_prompt(server, steps=1))
        listener.wait_for("progress", prompt_id=running)
        queue = server.get("/queue")
        assert [item[1] for item in queue["queue_running"]] == [running]
        assert [item[1] for item in sorted(queue["queue_pending"])] == [waiting, removed]
        number, _, prompt, extra, outputs = queue["queue_pending"][0]
        assert isinstance(number, int | float)
        assert {"3", "9"} <= prompt.keys()
        assert extra["client_id"] == other.client_id
        assert outputs == ["9"]
        assert server.get("/prompt") == {"exec_info": {"queue_remaining": 3}}
        assert server.post("/queue", {"delete": [removed]}).status_code == 200
        assert len(server.get("/queue")["queue_pending"]) == 1
        server.post("/interrupt", {"prompt_id": running})
        other.wait_end(waiting)
        assert server.get(f"/history/{removed}") == {}
        assert not [
            message
            for message in other.messages
            if isinstance(message, dict) and message in other.of(removed)
        ]


def test_front_of_the_queue(server: ServerUnderTest, listener: Listener) -> None:
    """A prompt with `front` goes ahead of the waiting ones."""
    running = submit(server, listener, fresh_prompt(server, steps=400))
    listener.wait_for("progress", prompt_id=running)
    last = submit(server, listener, fresh_prompt(server, steps=1))
    first = submit(server, listener, fresh_prompt(server, steps=1), front=True)
    assert [item[1] for item in sorted(server.get("/queue")["queue_pending"])] == [first, last]
    server.post("/interrupt", {"prompt_id": running})
    listener.wait_end(last)
    started = [data["prompt_id"] for data in picked(listener.messages, "execution_start")]
    assert started == [running, first, last]


def test_clearing_the_queue(server: ServerUnderTest, listener: Listener) -> None:
    """`clear` removes all waiting prompts and leaves the running one."""
    running = submit(server, listener, fresh_prompt(server, steps=6))
    listener.wait_for("progress", prompt_id=running)
    waiting = submit(server, listener, fresh_prompt(server, steps=1))
    assert server.post("/queue", {"clear": True}).status_code == 200
    listener.wait_end(running)
    assert server.get("/queue") == {"queue_running": [], "queue_pending": []}
    assert server.get(f"/history/{waiting}") == {}


def test_cancelling_jobs(server: ServerUnderTest, listener: Listener) -> None:
    """/api/jobs/{id}/cancel removes a waiting job or interrupts a running one, and no other. The
    answer says if there was a job to cancel."""
    if not server.is_new:
        pytest.skip("came with a later version")
    running = submit(server, listener, fresh_prompt(server, steps=400))
    listener.wait_for("progress", prompt_id=running)
    waiting = submit(server, listener, fresh_prompt(server, steps=1))
    assert server.post(f"/api/jobs/{waiting}/cancel").json() == {"cancelled": True}
    assert server.get("/queue")["queue_pending"] == []
    assert server.post(f"/api/jobs/{running}/cancel").json() == {"cancelled": True}
    listener.wait_end(running)
    assert picked(listener.messages, "execution_interrupted")
    assert server.post(f"/api/jobs/{running}/cancel").json() == {"cancelled": False}
    assert server.post(f"/api/jobs/{uuid.uuid4()}/cancel").json() == {"cancelled": False}


def test_listing_jobs(server: ServerUnderTest, listener: Listener) -> None:
    """/api/jobs lists finished runs, newest first. /api/jobs/{id} shows one run in full."""
    if not server.is_new:
        pytest.skip("came with a later version")
    prompt_id = submit(server, listener, fresh_prompt(server, steps=1))
    listener.wait_end(prompt_id)
    listed = server.get("/api/jobs?status=completed&limit=1")
    assert listed["pagination"]["limit"] == 1
    (job,) = listed["jobs"]
    assert (job["id"], job["status"], job["outputs_count"]) == (prompt_id, "completed", 1)
    assert job["preview_output"]["nodeId"] == "9"
    assert job["execution_end_time"] >= job["execution_start_time"] >= job["create_time"]
    full = server.get(f"/api/jobs/{prompt_id}")
    assert full["outputs"] == entry_of(server, prompt_id)["outputs"]
    assert server.request("GET", f"/api/jobs/{uuid.uuid4()}").status_code == 404
    assert server.request("GET", "/api/jobs?status=lost").status_code == 400


def test_coming_back_in_the_middle(server: ServerUnderTest) -> None:
    """A socket with the same client id continues with the run. The server sends the status, then
    the node being executed, without a prompt id."""
    client_id = str(uuid.uuid4())
    with listening(server, client_id) as first:
        prompt_id = submit(server, first, fresh_prompt(server, steps=60))
        first.wait_for("progress", prompt_id=prompt_id)
        first.vanish()
    with listening(server, client_id) as second:
        second.wait_for("executing", node="3")
        assert "prompt_id" not in picked(second.messages, "executing")[0]
        second.wait_for("progress", prompt_id=prompt_id)
        server.post("/interrupt", {"prompt_id": prompt_id})
        second.wait_end(prompt_id)


def test_a_successor_goes_mute_when_its_forerunner_leaves(server: ServerUnderTest) -> None:
    """The server forgets a client by its id. When the old socket closes, the new one with the same
    id gets no more messages."""
    client_id = str(uuid.uuid4())
    with (
        listening(server) as witness,
        listening(server, client_id) as old,
        listening(server, client_id) as heir,
    ):
        witness.wait_end(submit(server, witness, fresh_prompt(server, steps=1)))
        heir.wait(lambda messages: len(picked(messages, "status")) >= 3)
        old.socket.send_close(1000)
        witness.wait_end(submit(server, witness, fresh_prompt(server, steps=1)))
        before = len(heir.messages)
        witness.wait_end(submit(server, witness, fresh_prompt(server, steps=1)))
        assert len(heir.messages) == before


def test_events_go_to_their_client_only(server: ServerUnderTest, listener: Listener) -> None:
    """Another client only gets the status messages of a run."""
    with listening(server) as other:
        prompt_id = submit(server, listener, fresh_prompt(server, steps=2))
        listener.wait_end(prompt_id)
        other.wait(lambda messages: len(picked(messages, "status")) >= 3)
        assert {message_kind(message) for message in other.messages} <= {"status", "feature_flags"}


def test_a_prompt_without_a_client_is_broadcast(
    server: ServerUnderTest, listener: Listener
) -> None:
    """Without a client id, the server sends progress to every client, and `executing` and
    `executed` to none."""
    answer = server.post("/prompt", {"prompt": fresh_prompt(server, steps=2)})
    prompt_id = answer.json()["prompt_id"]
    listener.wait_for("progress", prompt_id=prompt_id, count=2)
    listener.wait(lambda messages: prompt_id in server.get(f"/history/{prompt_id}"))
    kinds = {message["type"] for message in listener.of(prompt_id)}
    assert "progress_state" in kinds
    assert kinds.isdisjoint({"executing", "executed", *ENDS})
