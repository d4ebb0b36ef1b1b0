"""`comfyforms connect`: the app at a port of this machine."""

from __future__ import annotations

import itertools
import json
import os
import socket
import socketserver
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread
from typing import Any, NamedTuple

import pytest
import requests
import websocket
from websockets.http11 import Request as WebSocketRequest
from websockets.http11 import Response as WebSocketResponse
from websockets.sync.server import ServerConnection, serve

from comfyforms.plugins.program_tokens.connect import VARIABLE, connect
from comfyforms.plugins.program_tokens.tests.conftest import Team
from tests.imports import ROOT
from tests.support.app_process import free_port as app_port
from tests.support.app_process import started
from tests.support.samples.media import saved
from tests.support.samples.shipped import prompt
from tests.support.waiting import LONGEST_WAIT, eventually

STARTS = ("execution_start", "execution_cached")


class Connected(NamedTuple):
    """Running command: its address, and the file that has its output."""

    url: str
    output: Path

    def said(self, sentence: str) -> bool:
        return sentence in self.output.read_text()


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextmanager
def connected(address: str, folder: Path, token: str = "") -> Iterator[Connected]:
    """Run the command until the end of the block."""
    port, output, file = free_port(), folder / "output", folder / "token"
    arguments = ["connect", address, "--port", str(port)]
    if token:
        file.write_text(f"{token}\n")
        file.chmod(0o644)
        arguments += ["--token-file", str(file)]
    with output.open("w") as lines:
        process = subprocess.Popen(
            [sys.executable, "-u", "-m", "comfyforms", *arguments],
            cwd=ROOT,
            stdout=lines,
            stderr=subprocess.STDOUT,
            env={**os.environ, VARIABLE: ""},
        )
    try:
        yield Connected(f"http://127.0.0.1:{port}", output)
    finally:
        process.terminate()
        process.wait(LONGEST_WAIT)


def listening(url: str) -> bool:
    with suppress(requests.ConnectionError):
        return requests.get(f"{url}/features", timeout=LONGEST_WAIT).status_code > 0
    return False


def test_a_program_uses_the_app_at_a_port(team: Team, tmp_path: Path) -> None:
    """Requests, uploads, results and sockets arrive as the token's owner, with the same statuses.
    The token may be in a copied address."""
    with connected(team.app.url, tmp_path, team.address) as here:
        eventually(lambda: listening(here.url))
        events = websocket.create_connection(
            f"{here.url.replace('http', 'ws')}/ws?clientId=0123456789abcdef", timeout=LONGEST_WAIT
        )
        files = {"image": ("red.png", saved("PNG"))}
        stored = requests.post(f"{here.url}/upload/image", files=files, timeout=LONGEST_WAIT).json()
        prompt = {
            "1": {"class_type": "LoadImage", "inputs": {"image": stored["name"]}},
            "2": {
                "class_type": "SaveImage",
                "inputs": {"images": ["1", 0], "filename_prefix": "a"},
            },
        }
        body = {"prompt": prompt, "client_id": "0123456789abcdef"}
        answer = requests.post(f"{here.url}/prompt", json=body, timeout=LONGEST_WAIT)
        assert answer.ok, answer.text
        sent = answer.json()
        kinds = []
        while "execution_success" not in kinds:
            kinds.append(json.loads(events.recv())["type"])
        events.shutdown()
        told = requests.get(f"{here.url}/history/{sent['prompt_id']}", timeout=LONGEST_WAIT).json()
        (image,) = told[sent["prompt_id"]]["outputs"]["2"]["images"]
        answer = requests.get(f"{here.url}/view", image, timeout=LONGEST_WAIT)
        assert answer.content.startswith(b"\x89PNG")
        assert requests.head(f"{here.url}/view", params=image, timeout=LONGEST_WAIT).ok
        for path in ("/free", "/api/v1/runs"):
            assert requests.get(here.url + path, timeout=LONGEST_WAIT).status_code == 404
        (run,) = team.app.runs.owned("user:ann")
        assert run.id == sent["prompt_id"]


def test_attack_another_sites_page_uses_the_port(team: Team, tmp_path: Path) -> None:
    """A page in this machine's browser can address the port, also by a name of its own."""
    with connected(team.app.url, tmp_path, team.token) as here:
        eventually(lambda: listening(here.url))
        host = here.url.partition("//")[2]
        for headers in (
            {"Origin": "https://evil.example"},
            {"Origin": "null"},
            {"Sec-Fetch-Site": "cross-site"},
            {"Host": host.replace("127.0.0.1", "evil.example")},
        ):
            answer = requests.post(f"{here.url}/interrupt", headers=headers, timeout=LONGEST_WAIT)
            assert answer.status_code in (400, 403), headers
        with pytest.raises(websocket.WebSocketBadStatusException):
            websocket.create_connection(
                f"ws://{host}/ws", origin="https://evil.example", timeout=LONGEST_WAIT
            )
        own = requests.post(
            f"{here.url}/interrupt", headers={"Origin": here.url}, timeout=LONGEST_WAIT
        )
        assert own.ok


def test_it_says_once_that_the_app_is_away(tmp_path: Path) -> None:
    away = f"http://127.0.0.1:{free_port()}"
    with connected(away, tmp_path) as here:
        eventually(lambda: listening(here.url))
        answer = requests.get(f"{here.url}/queue", timeout=LONGEST_WAIT)
        assert answer.status_code == 502
        assert answer.text == f"Can't reach the app at {away}. Check the address and the network."
        with pytest.raises(websocket.WebSocketBadStatusException) as refused:
            websocket.create_connection(
                f"{here.url.replace('http', 'ws')}/ws", timeout=LONGEST_WAIT
            )
        assert refused.value.status_code == 502
    assert here.output.read_text().count("Can't reach") == 1


def test_it_says_before_any_request_that_the_app_is_away(tmp_path: Path) -> None:
    away = f"http://127.0.0.1:{free_port()}"
    with connected(away, tmp_path) as here:
        eventually(lambda: here.said(f"Can't reach the app at {away}."))


def test_it_says_that_the_app_left_amid_an_answer(tmp_path: Path) -> None:
    """The program gets an incomplete answer; the terminal shows no traceback."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Leaving) as app:
        Thread(target=app.serve_forever).start()
        try:
            with connected(f"http://127.0.0.1:{app.server_address[1]}", tmp_path) as here:
                eventually(lambda: here.said("Can't reach the app"))
                with pytest.raises(requests.exceptions.ChunkedEncodingError):
                    eventually(lambda: listening(here.url))
                eventually(lambda: here.output.read_text().count("Can't reach the app") == 2)
            assert not here.said("Traceback")
        finally:
            app.shutdown()


class _Leaving(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        self.request.recv(10_000)
        self.request.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nbegin")


def test_a_socket_is_back_soon_after_the_app(tmp_path: Path) -> None:
    """It tries again each second: ComfyUI's programs wait for messages without an end."""
    handshakes = itertools.count()

    def refused(app: ServerConnection, request: WebSocketRequest) -> WebSocketResponse | None:
        number = next(handshakes) if request.path == "/ws" else 1
        return None if number in (0, 7) else app.respond(502, "")

    def restart(app: ServerConnection) -> None:
        app.send("hello")
        app.close(1012)

    with serve(restart, "127.0.0.1", 0, process_request=refused) as app:
        Thread(target=app.serve_forever).start()
        url = f"http://127.0.0.1:{app.socket.getsockname()[1]}"
        with connected(url, tmp_path) as here:
            eventually(lambda: listening(here.url))
            address = f"{here.url.replace('http', 'ws')}/ws"
            events = websocket.create_connection(address, timeout=LONGEST_WAIT)
            since = time.monotonic()
            assert [events.recv(), events.recv()] == ["hello", "hello"]
            assert time.monotonic() - since < 40, "a growing back-off needs 50"
            events.shutdown()


def test_it_ends_if_the_app_refuses_the_token(team: Team, tmp_path: Path) -> None:
    """A program would only say that it found no ComfyUI."""
    with connected(team.app.url, tmp_path, team.token[:-1]) as here:
        eventually(lambda: f"{team.app.url} doesn't accept the token." in here.output.read_text())
        assert not listening(here.url)
    assert team.token[:-1] not in here.output.read_text()


def test_a_socket_survives_a_lost_connection(team: Team, tmp_path: Path) -> None:
    """The program keeps its socket and hears of later runs. Its first message is repeated."""
    with connected(team.app.url, tmp_path, team.token) as here:
        eventually(lambda: listening(here.url))
        events = websocket.create_connection(
            f"{here.url.replace('http', 'ws')}/ws?clientId=0123456789abcdef", timeout=LONGEST_WAIT
        )
        flags = {"type": "feature_flags", "data": {"supports_preview_metadata": True}}
        events.send(json.dumps(flags))
        kinds = [json.loads(events.recv())["type"] for _ in range(2)]
        assert kinds == ["status", "feature_flags"]
        state = team.app.server.server_state
        for one in list(state.connections):
            one.loop.call_soon_threadsafe(one.transport.abort)
        kinds = [json.loads(events.recv())["type"] for _ in range(2)]
        assert kinds == ["status", "feature_flags"]
        events.shutdown()


def test_a_program_hears_that_the_app_was_killed_in_its_run(tmp_path: Path) -> None:
    """The stand-in dies with the app, so the run is lost. The program's socket closes, as ComfyUI's
    would, or has the end: the program doesn't wait forever."""
    client, options = "0123456789abcdef", ("--data", str(tmp_path / "data"))
    options = (*options, "--port", str(app_port()))
    body = {"prompt": prompt(n5_steps=10_000), "client_id": client}
    with started(*options, COMFYFORMS_SERVER="") as app, connected(app.url, tmp_path) as here:
        eventually(lambda: listening(here.url))
        address = f"{here.url.replace('http', 'ws')}/ws?clientId={client}"
        events = websocket.create_connection(address, timeout=LONGEST_WAIT)
        sent = requests.post(f"{here.url}/prompt", json=body, timeout=LONGEST_WAIT).json()
        assert any(one["type"] == "progress_state" for one in messages(events))
        app.kill()
        with started(*options, COMFYFORMS_SERVER=""):
            kinds = [one["type"] for one in messages(events)]
            assert "execution_success" not in kinds
            address = f"{here.url}/history/{sent['prompt_id']}"
            told = requests.get(address, timeout=LONGEST_WAIT).json()
            assert told[sent["prompt_id"]]["status"]["status_str"] == "error"


def messages(events: websocket.WebSocket) -> Iterator[dict[str, Any]]:
    """Yield the messages that are no previews, up to the end of a run or of the socket."""
    with suppress(websocket.WebSocketConnectionClosedException):
        while frame := events.recv():  # "" after a close frame
            if isinstance(frame, str):
                message = json.loads(frame)
                yield message
                if message["type"].startswith("execution_") and message["type"] not in STARTS:
                    return


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("forms.example.org", "isn't the address of an app"),
        ("https://forms.example.org/as/comfyforms_x", "can read the token in a command"),
    ],
)
def test_a_wrong_address_is_explained(
    address: str, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert connect([address]) == 2
    assert sentence in capsys.readouterr().err


def test_it_warns_that_others_can_read_the_token(team: Team, tmp_path: Path) -> None:
    """In the file, which has the default mode here, or on its way to another machine."""
    with connected("http://forms.invalid", tmp_path, team.token) as here:
        eventually(lambda: here.said("http://forms.invalid has no https."))
        assert here.said("All users of this machine can read the secrets in token.")
    with connected(team.app.url, tmp_path, team.token) as here:
        eventually(lambda: listening(here.url))
        assert not here.said("has no https")


def test_a_file_without_a_token_is_explained(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "token"
    for content, sentence in (("secret", "has no token"), (None, "can't be read")):
        if content is not None:
            file.write_text(content)
        else:
            file.unlink()
        assert connect(["https://forms.example.org", "--token-file", str(file)]) == 2
        assert sentence in capsys.readouterr().err
