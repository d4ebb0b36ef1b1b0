"""A plain client for the conformance tests: requests, a WebSocket, and all messages received."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import requests
import websocket

from comfyui_standin.nodes.base import RawPrompt
from tests.support.waiting import LONGEST_WAIT

PATIENCE = 120.0
FLAGS = {"type": "feature_flags", "data": {"supports_preview_metadata": True}}
ENDS = ("execution_success", "execution_error", "execution_interrupted")

_Message = dict[str, Any] | bytes


@dataclass(frozen=True, slots=True)
class ServerUnderTest:
    """The ComfyUI server under test. `url`: may contain a user name and a password."""

    url: str
    checkpoint: str
    version: tuple[int, ...]
    stand_in: bool

    def request(self, method: str, path: str, **more: Any) -> requests.Response:
        """Send one request on its own connection."""
        return requests.request(method, self.url + path, timeout=LONGEST_WAIT, **more)

    def get(self, path: str) -> Any:
        """Return the JSON at a path."""
        return self.request("GET", path).json()

    def post(self, path: str, body: Any = None) -> requests.Response:
        """Send a POST request with a JSON body."""
        return self.request("POST", path, json=body)

    @property
    def origin(self) -> str:
        """Return the address without a password, as a browser sends it."""
        return re.sub("//.*@", "//", self.url)

    @property
    def is_new(self) -> bool:
        """Return whether the server is 0.33 or later. Such servers check prompt ids, can cancel
        jobs, and send previews on request."""
        return self.version >= (0, 33)


@dataclass
class Listener:
    """One socket and all the messages it has received."""

    client_id: str
    socket: websocket.WebSocket
    messages: list[_Message] = field(default_factory=list)
    close_code: int | None = None
    _news: threading.Condition = field(default_factory=threading.Condition)
    _ended: bool = False

    def read(self) -> None:
        """Receive messages until the socket closes. Runs in its own thread."""
        try:
            while True:
                opcode, data = self.socket.recv_data()
                if opcode == websocket.ABNF.OPCODE_CLOSE:
                    self.close_code = int.from_bytes(data[:2], "big") if len(data) >= 2 else None
                    break
                with self._news:
                    self.messages.append(
                        json.loads(data) if opcode == websocket.ABNF.OPCODE_TEXT else data
                    )
                    self._news.notify_all()
        except (websocket.WebSocketException, OSError):
            pass
        with self._news:
            self._ended = True
            self._news.notify_all()

    def wait(self, wanted: Callable[[list[_Message]], Any], seconds: float = PATIENCE) -> Any:
        """Wait until `wanted` returns a true value for all messages so far, and return this
        value."""
        end = time.monotonic() + seconds
        with self._news:
            while not (found := wanted(self.messages)):
                left = end - time.monotonic()
                if self._ended or left <= 0:
                    raise AssertionError(
                        f"it did not come; received were {[message_kind(one) for one in self.messages]}"
                    )
                self._news.wait(left)
            return found

    def wait_for(self, kind: str, count: int = 1, **data: Any) -> dict[str, Any]:
        """Wait for the count-th message of this type with these data, and return its data."""
        message: dict[str, Any] = self.wait(
            lambda messages: (
                (found := picked(messages, kind, **data))[count - 1 :] and found[count - 1]
            )
        )
        return message

    def wait_end(self, prompt_id: str) -> dict[str, Any]:
        """Wait for `executing null`, after which the history is complete, and return the data of
        this message."""
        return self.wait_for("executing", node=None, prompt_id=prompt_id)

    def vanish(self) -> None:
        """Close the connection without a close frame."""
        assert self.socket.sock is not None
        self.socket.sock.shutdown(socket.SHUT_RDWR)

    def of(self, prompt_id: str) -> list[dict[str, Any]]:
        """Return the text messages about one prompt."""
        return [
            m
            for m in self.messages
            if isinstance(m, dict) and m["data"].get("prompt_id") == prompt_id
        ]


def message_kind(message: _Message) -> str:
    """Return the type of a text message, or `preview` for a binary message."""
    return message["type"] if isinstance(message, dict) else "preview"


def picked(messages: list[_Message], kind: str, **data: Any) -> list[Any]:
    """Return the data of the messages of a type whose data contain these. For `preview`, return
    whole frames."""
    if kind == "preview":
        return [message for message in messages if isinstance(message, bytes)]
    return [
        message["data"]
        for message in messages
        if isinstance(message, dict)
        and message["type"] == kind
        and all(
            key in message["data"] and message["data"][key] == value for key, value in data.items()
        )
    ]


@contextlib.contextmanager
def listening(
    server: ServerUnderTest, client_id: str | None = None, *, flags: bool = True, path: str = "/ws"
) -> Iterator[Listener]:
    """Open a socket with its own client id and wait for the server's greeting. On exit, close it
    with 1000."""
    client_id = str(uuid.uuid4()) if client_id is None else client_id
    url = f"{server.url.replace('http', 'ws', 1)}{path}?clientId={client_id}"
    sign_in = requests.Request("GET", server.url).prepare().headers
    connection = websocket.create_connection(url, timeout=PATIENCE, header=dict(sign_in))
    listener = Listener(client_id, connection)
    if flags:
        listener.socket.send(json.dumps(FLAGS))
    thread = threading.Thread(target=listener.read)
    thread.start()
    try:
        listener.wait_for("status")
        yield listener
    finally:
        with contextlib.suppress(websocket.WebSocketException, OSError):
            listener.socket.send_close(1000)
        thread.join(timeout=LONGEST_WAIT)
        listener.socket.shutdown()  # type: ignore[no-untyped-call]
        thread.join()


def submit(server: ServerUnderTest, listener: Listener, prompt: RawPrompt, **more: Any) -> str:
    """Queue a prompt with previews and return its id."""
    body = {
        "prompt": prompt,
        "client_id": listener.client_id,
        "extra_data": {"preview_method": "auto"},
        **more,
    }
    answer = server.post("/prompt", body)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["prompt_id"])


def fresh_prompt(
    server: ServerUnderTest, *, steps: int = 3, size: int = 128, batch: int = 1, **sampler: Any
) -> RawPrompt:
    """Return a text-to-image prompt. Unless the caller gives a seed, no other test uses the same
    prompt."""
    seed = sampler.pop("seed", uuid.uuid4().int >> 80)
    own = {
        "seed": seed,
        "steps": steps,
        "cfg": 7.0,
        "sampler_name": "euler",
        "scheduler": "normal",
        "denoise": 1.0,
    }
    links = {
        "model": ["4", 0],
        "positive": ["6", 0],
        "negative": ["7", 0],
        "latent_image": ["5", 0],
    }
    return {
        "3": {"class_type": "KSampler", "inputs": {**own, **links, **sampler}},
        "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": server.checkpoint}},
        "5": {
            "class_type": "EmptyLatentImage",
            "inputs": {"width": size, "height": size, "batch_size": batch},
        },
        "6": {
            "class_type": "CLIPTextEncode",
            "inputs": {"text": "a lighthouse at dusk", "clip": ["4", 1]},
        },
        "7": {"class_type": "CLIPTextEncode", "inputs": {"text": "blurry", "clip": ["4", 1]}},
        "8": {"class_type": "VAEDecode", "inputs": {"samples": ["3", 0], "vae": ["4", 2]}},
        "9": {
            "class_type": "SaveImage",
            "inputs": {"filename_prefix": "conformance/image", "images": ["8", 0]},
        },
    }
