r"""Compare the stand-in with recordings of ComfyUI 0.33.0: same requests, same answers, same events
in the same order.

The test plays the recordings in their original order, because caching depends on it. Events with
varying timing are folded: any number of steps in one node becomes one `stepping`.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from comfyui_standin import DemoServer
from tests.support.speaking import Listener, ServerUnderTest, listening, message_kind

VERSION = "0.33.0"
MODELS = {
    "tiny_sd15.safetensors": "demo-landscapes.safetensors",
    "broken.safetensors": "demo-broken.safetensors",
}
# Silent for long on purpose; what it shows is
# test_a_successor_goes_mute_when_its_forerunner_leaves.
LEFT_OUT = {"old_socket_closed_after_takeover", "server_facts"}
# Which of several outputs is worked on first is a matter of luck on the real server (a set of ids).
SEVERAL_OUTPUTS = {"video_audio_text_outputs"}

Step = dict[str, Any]
Folded = list[tuple[Any, ...]]


def recordings(shared: Path) -> dict[str, list[Step]]:
    """Return the lines of each scenario, sorted by prompt number."""
    found = {}
    for path in (shared / "comfyui" / "recordings" / VERSION).glob("*.jsonl"):
        if path.stem not in LEFT_OUT:
            found[path.stem] = [json.loads(line) for line in path.read_text().splitlines()]
    return dict(sorted(found.items(), key=lambda item: first_number(item[1])))


def first_number(steps: list[Step]) -> float:
    """Return the number of a recording's first accepted prompt. A recording without one sorts
    first, because refusals change nothing."""
    numbers = [
        step["body"]["number"]
        for step in steps
        if _is_answer(step, "/prompt") and step["status"] == 200
    ]
    return min(numbers, default=-1)


def _is_answer(step: Step, path: str) -> bool:
    return step["kind"] == "http_response" and (step["method"], step["path"]) == ("POST", path)


def cached_nodes(messages: list[Any]) -> list[set[str]]:
    """Return, for each run, the nodes that the server skipped because it had cached their
    results."""
    return [
        set(one["data"]["nodes"]) for one in messages if message_kind(one) == "execution_cached"
    ]


def fold(messages: list[Any], left_out: frozenset[str] = frozenset()) -> Folded:
    """Fold messages into the parts that matter: types and nodes. All steps of a node become one
    entry."""
    folded: Folded = []
    for message in messages:
        kind = message_kind(message)
        data = message["data"] if isinstance(message, dict) else {}
        if kind == "progress_state":
            running = {
                node: state["value"]
                for node, state in data["nodes"].items()
                if state["state"] == "running"
            }
            one: tuple[Any, ...] = ("stepping",) if any(running.values()) else ("working", *running)
        elif kind in ("preview", "progress"):
            one = ("stepping",)
        else:
            one = (kind, data.get("node"), *sorted(data.get("output") or ()), *sorted(data))
        # Where a status or the flags fall among the others is a matter of luck.
        if (
            kind in ("feature_flags", "status")
            or one == ("working",)
            or left_out.intersection(one[1:2])
        ):
            continue
        if folded[-1:] != [one]:
            folded.append(one)
    return folded


def shape(value: Any, key: str = "") -> Any:
    """Return the types and keys of a JSON value. Keep the exact words that a client depends on."""
    if isinstance(value, dict):
        by_node = key in (
            "outputs",
            "node_errors",
            "meta",
            "prompt",
            "inputs",
            "current_inputs",
            "",
        )
        names = (
            sorted(value)
            if not by_node
            else [name if len(name) < 30 else "id" for name in sorted(value)]
        )
        return dict(zip(names, (shape(value[name], name) for name in sorted(value)), strict=True))
    if isinstance(value, list):
        if key in ("traceback", "input_config", "nodes", "executed", "current_outputs"):
            return key
        return (
            sorted((shape(one, key) for one in value), key=repr)
            if key == "errors"
            else [shape(x) for x in value]
        )
    if isinstance(value, str) and key in (
        "type",
        "status_str",
        "class_type",
        "input_name",
        "name",
        "subfolder",
    ):
        return value
    return (
        "number"
        if isinstance(value, int | float) and not isinstance(value, bool)
        else type(value).__name__
    )


@dataclass
class Replay:
    """Playback of one recording on the stand-in."""

    server: ServerUnderTest
    stack: contextlib.ExitStack
    any_order: bool = False
    listeners: dict[str, Listener] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)

    def play(self, steps: list[Step]) -> None:
        """Repeat the client's actions. Before each one, wait for the messages that the client had
        received by then."""
        heard: dict[str, list[Any]] = {}
        pending: Step = {}
        for step in steps:
            match step["kind"]:
                case "ws_open":
                    self._catch_up(heard)
                    flags = any(
                        one["kind"] == "ws_send" and one["client"] == step["client"]
                        for one in steps
                    )
                    opened = listening(self.server, step["client_id"], flags=flags)
                    self.listeners[step["client"]] = self.stack.enter_context(opened)
                    heard[step["client"]] = []
                case "ws_text":
                    heard[step["client"]].append(step["message"])
                case "ws_binary":
                    heard[step["client"]].append(b"")
                case "ws_dropped_without_close":
                    self._catch_up(heard)
                    self.listeners[step["client"]].vanish()
                    heard.pop(step["client"])
                case "ws_closed_by_client":
                    self._catch_up(heard)
                    self._check(step["client"], heard.pop(step["client"]))
                    self.listeners[step["client"]].socket.send_close(1000)
                    self._idle()
                case "http_request":
                    pending = step
                    self._catch_up(heard)
                case "http_response":
                    self._ask(pending, step)

    def _check(self, client: str, messages: list[Any]) -> None:
        wanted, got = self._folded(client, messages)
        got = got[: len(wanted)]
        if self.any_order:
            assert sorted(map(str, got)) == sorted(map(str, wanted))
        else:
            assert got == wanted, client

    def _catch_up(self, heard: dict[str, list[Any]]) -> None:
        for client, messages in heard.items():

            def as_far(_: list[Any], client: str = client, messages: list[Any] = messages) -> bool:
                wanted, got = self._folded(client, messages)
                return len(got) >= len(wanted)

            self.listeners[client].wait(as_far, 3)

    def _idle(self) -> None:
        for _ in range(300):
            if self.server.get("/prompt")["exec_info"]["queue_remaining"] == 0:
                return
            threading.Event().wait(0.01)
        raise AssertionError("it still runs")

    def _folded(self, client: str, theirs: list[Any]) -> tuple[Folded, Folded]:
        """Fold the recorded and the received messages. The two servers may cache different earlier
        runs: both results leave out a node that only one server had to execute."""
        ours = list(self.listeners[client].messages)
        pairs = zip(cached_nodes(theirs), cached_nodes(ours), strict=False)
        left_out = frozenset().union(*(one ^ other for one, other in pairs))
        return fold(theirs, left_out), fold(ours, left_out)

    def _ask(self, request: Step, response: Step) -> None:
        path = request["path"]
        body = json.dumps(request["json"]) if request["json"] is not None else None
        for theirs, ours in {**MODELS, **self.ids}.items():
            path = path.replace(theirs, ours)
            body = body.replace(theirs, ours) if body is not None else None
        more: dict[str, Any] = {"json": json.loads(body)} if body is not None else {}
        if request["files"]:
            more = {"files": {"image": (request["files"]["image"], _image(request), "image/png")}}
            more["data"] = request["form"]
        elif "json" in more and path == "/prompt":
            more["json"].setdefault("extra_data", {"preview_method": "auto"})
        answer = self.server.request(request["method"], path, **more)
        assert answer.status_code == response["status"], (path, answer.text[:300])
        if isinstance(response["body"], dict) and "sha256" not in response["body"]:
            ours = answer.json()
            if "prompt_id" in ours:
                self.ids[response["body"]["prompt_id"]] = ours["prompt_id"]
            self._learn_names(ours, response["body"])
            assert shape(_comparable(ours)) == shape(_comparable(response["body"])), path
        elif isinstance(response["body"], dict):
            assert answer.headers["content-type"] == response["content_type"]

    def _learn_names(self, ours: Any, theirs: Any) -> None:
        if isinstance(ours, dict) and isinstance(theirs, dict):
            if isinstance(ours.get("filename"), str):
                self.ids[str(theirs.get("filename"))] = ours["filename"]
            for mine, other in zip(ours.values(), theirs.values(), strict=False):
                self._learn_names(mine, other)
        elif isinstance(ours, list) and isinstance(theirs, list):
            for mine, other in zip(ours, theirs, strict=False):
                self._learn_names(mine, other)


def _comparable(body: Any) -> Any:
    text = json.dumps(body)
    return json.loads(text.replace('"preview_method": "auto", ', ""))


def _image(request: Step) -> bytes:
    """Return an image like the recorded upload: a different color each time, transparent for a
    mask."""
    import io
    import zlib

    from PIL import Image

    mask = request["path"].endswith("mask")
    shade = zlib.crc32(repr(request["t"]).encode())
    colour = (0, 0, 0, 0) if mask else (shade % 256, shade >> 8 & 255, shade >> 16 & 255)
    buffer = io.BytesIO()
    Image.new("RGBA" if mask else "RGB", (96, 64), colour).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture(scope="module")
def standing_in() -> Iterator[ServerUnderTest]:
    """Run a separate stand-in, because results cached by other tests would change the events."""
    with DemoServer(step_seconds=0.015, load_seconds=0) as demo:
        yield ServerUnderTest(demo.url, "demo-landscapes.safetensors", (0, 33, 0), True)


def test_recorded_scenarios(shared: Path, standing_in: ServerUnderTest) -> None:
    """The stand-in plays every recorded scenario as the real server did."""
    wrong = {}
    for name, steps in recordings(shared).items():
        try:
            with contextlib.ExitStack() as stack:
                Replay(standing_in, stack, any_order=name in SEVERAL_OUTPUTS).play(steps)
        except AssertionError as difference:
            wrong[name] = difference
    assert not wrong
