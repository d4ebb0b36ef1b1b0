"""The client of a ComfyUI server, its event stream, and the Manager."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import queue
import socket
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, HTTPServer, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from comfy.base.errors import (
    ComfyError,
    PromptRejected,
    ServerError,
    ServerUnreachable,
    UploadRejected,
)
from comfy.comfyui.client.address import ServerAddress
from comfy.comfyui.client.client import Client
from comfy.comfyui.client.event_stream import LONGEST_MESSAGE, EventStream
from comfy.comfyui.client.manager import ManagerClient, ManagerQueue
from comfy.comfyui.client.sessions import IdleSessions, Session
from comfy.comfyui.protocol.outputs import OutputFile
from comfy.media.checks import MIB
from comfyui_standin import DemoServer
from comfyui_standin.server.manager import Generation
from tests.support.leaks import open_sockets
from tests.support.link import FaultyLink
from tests.support.waiting import LONGEST_WAIT, eventually


def png(colour: tuple[int, int, int] = (200, 60, 30)) -> bytes:
    image = io.BytesIO()
    Image.new("RGB", (16, 8), colour).save(image, "PNG")
    return image.getvalue()


def load_and_save(image: str) -> dict[str, Any]:
    return {
        "1": {"class_type": "LoadImage", "inputs": {"image": image}},
        "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "test"}},
    }


@pytest.fixture(scope="module")
def demo() -> Iterator[DemoServer]:
    with DemoServer(step_seconds=0.01) as server:
        yield server


@pytest.fixture
def client(demo: DemoServer) -> Iterator[Client]:
    with Client(demo.url, timeout=LONGEST_WAIT) as one:
        yield one
    demo.behave()


def test_the_server_describes_itself(client: Client) -> None:
    """The client returns the server's catalog and system information unchanged."""
    assert "KSampler" in client.object_info()
    assert "system" in client.system_stats()


def test_a_prompt_runs_under_the_chosen_id(client: Client) -> None:
    """In the server's history, the prompt has the id that the client chose."""
    prompt_id = str(uuid.uuid4())
    name = client.upload(png(), "photo.png", subfolder="t")
    answer = client.submit(
        load_and_save(name), client_id=str(uuid.uuid4()), prompt_id=prompt_id, extra_data={}
    )
    assert answer.prompt_id == prompt_id
    while (entry := client.history(prompt_id)) is None:
        assert client.queue() is not None
    assert entry.outputs["2"]
    assert client.history(str(uuid.uuid4())) is None


def test_an_abandoned_prompt_is_not_delivered_later(demo: DemoServer) -> None:
    """If the answer to a prompt doesn't arrive in time, the client takes the prompt back. A
    connection that recovers doesn't deliver it."""
    prompt_id = str(uuid.uuid4())
    with FaultyLink(demo.url) as link, Client(link.url) as client:
        client.queue()
        link.freeze()
        client.timeout = 0.3
        with pytest.raises(ServerUnreachable):
            client.submit(
                load_and_save("example.png"), client_id="me", prompt_id=prompt_id, extra_data={}
            )
        client.timeout = LONGEST_WAIT
        link.heal()
        assert client.queue().pending == ()
        eventually(lambda: link.connections == 1)
    assert demo.journal.of(prompt_id) == ()


def test_uploads_keep_the_name_the_server_took(client: Client) -> None:
    """Another image with the same name gets a number, and the returned value has its subfolder."""
    folder = uuid.uuid4().hex
    assert client.upload(png(), "photo.png", subfolder=folder) == f"{folder}/photo.png"
    assert client.upload(png((1, 2, 3)), "photo.png", subfolder=folder) == f"{folder}/photo (1).png"


def test_an_upload_outside_the_folder_is_refused_with_a_hint(client: Client) -> None:
    """An upload that the server doesn't accept raises an error with a hint."""
    with pytest.raises(UploadRejected) as error:
        client.upload(png(), "x.png", subfolder="../../evil")
    assert error.value.hint


def test_a_file_above_the_servers_upload_limit_is_not_sent(tmp_path: Path) -> None:
    """The error gives both sizes and says what to do."""
    with DemoServer(max_upload=20 * MIB) as demo, Client(demo.url) as small:
        path = tmp_path / "video.mp4"
        with path.open("wb") as video:
            video.truncate(21 * MIB)
        with path.open("rb") as video, pytest.raises(UploadRejected) as error:
            small.upload(video, "video.mp4", subfolder="t")
        assert str(error.value) == "This file is 21\xa0MB. The maximum is 20\xa0MB."
        assert "--max-upload-size" in error.value.hint
        assert not demo.requests["POST /upload/image"]
        with path.open("r+b") as video:
            video.truncate(19 * MIB)
            assert small.upload(video, "video.mp4", subfolder="t") == "t/video.mp4"


def test_files_are_fetched_whole_or_by_range(client: Client) -> None:
    """The client can fetch a file with a range. A missing file is a 404 that names the file."""
    name = client.upload(png(), "photo.png", subfolder="ranges")
    file = OutputFile(name.rpartition("/")[2], "ranges", "input", "image", "1")
    with client.view(file) as view:
        whole = b"".join(view.iter_bytes())
    assert whole == png()
    with client.view(file, range_header="bytes=0-3") as view:
        assert view.status == 206
        assert b"".join(view.iter_bytes()) == whole[:4]
    with (
        pytest.raises(ServerError) as error,
        client.view(OutputFile("gone.png", "", "output", "image", "1")),
    ):
        pass
    assert error.value.status == 404
    assert "gone.png" in str(error.value)


def test_a_refused_prompt_names_its_inputs(client: Client) -> None:
    """A 400 answer becomes one exception with all of the server's objections."""
    prompt = {"1": {"class_type": "SaveImage", "inputs": {}}}
    with pytest.raises(PromptRejected) as error:
        client.submit(prompt, client_id="c", prompt_id=str(uuid.uuid4()), extra_data={})
    assert {(one.node, one.input, one.type) for one in error.value.node_errors} >= {
        ("1", "images", "required_input_missing")
    }


@pytest.mark.parametrize("prompt", [{}, {"1": {"class_type": "NoSuchNode", "inputs": {}}}])
def test_an_invalid_prompt_is_refused_with_a_sentence(
    client: Client, prompt: dict[str, Any]
) -> None:
    """For a prompt without outputs or with unknown nodes, the error is a sentence with a hint."""
    with pytest.raises(PromptRejected) as error:
        client.submit(prompt, client_id="c", prompt_id=str(uuid.uuid4()), extra_data={})
    assert str(error.value).endswith(".")
    assert error.value.hint


def test_numbers_json_does_not_have_are_not_sent(client: Client) -> None:
    """The client rejects Infinity in a prompt before it sends anything."""
    prompt = {"1": {"class_type": "SaveImage", "inputs": {"x": float("inf")}}}
    with pytest.raises(PromptRejected, match="number"):
        client.submit(prompt, client_id="c", prompt_id=str(uuid.uuid4()), extra_data={})


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("http_500", ServerError), ("http_502", ServerError), ("bad_json", ServerError)],
)
def test_invalid_answers_raise_the_clients_own_errors(
    client: Client, demo: DemoServer, kind: Any, expected: type[ComfyError]
) -> None:
    """For any answer of the server, the client raises only its own errors."""
    demo.script(kind, at="GET /queue")
    with pytest.raises(expected) as error:
        client.queue()
    assert error.value.hint


def test_an_interrupted_get_is_repeated_once(client: Client, demo: DemoServer) -> None:
    """If the answer to a GET breaks off, the client repeats the request once, then raises an
    error."""
    demo.script("cut", at="GET /queue")
    assert client.queue().running == ()
    demo.script("cut", at="GET /queue", count=5)
    with pytest.raises(ServerUnreachable):
        client.queue()


def test_a_slow_answer_times_out(demo: DemoServer) -> None:
    """Every request has a timeout, and its error is a sentence."""
    demo.script("slow", at="GET /queue", seconds=3)
    with (
        Client(demo.url, timeout=0.2) as client,
        pytest.raises(ServerUnreachable, match="too long"),
    ):
        client.queue()
    demo.behave()


def test_no_server_there(client: Client) -> None:
    """The error for a refused connection names the address."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    with (
        Client(f"http://127.0.0.1:{port}") as nobody,
        pytest.raises(ServerUnreachable, match=str(port)),
    ):
        nobody.queue()


@pytest.mark.parametrize("url", ["", "127.0.0.1:8188", "ftp://x", "http://"])
def test_an_invalid_address(url: str) -> None:
    """The client refuses a wrong address before it sends anything, and gives an example."""
    with pytest.raises(ComfyError) as error:
        Client(url)
    assert "http://" in error.value.hint


def test_calls_in_progress_can_be_aborted(demo: DemoServer) -> None:
    """Another thread can abort a call that waits for an unresponsive server. Other clients that
    take turns at the same connection keep working."""
    with (
        FaultyLink(demo.url) as link,
        Client(link.url, timeout=LONGEST_WAIT) as client,
        demo.hold("GET /queue") as held,
        ThreadPoolExecutor(1) as others,
    ):
        one, other = client.fork(), client.fork()
        for fork in (one, other, one):
            assert fork.system_stats()
        assert link.connections == 1
        call = others.submit(one.queue)
        assert held.reached.wait(LONGEST_WAIT)
        one.abort()
        with pytest.raises(ServerUnreachable):
            call.result(LONGEST_WAIT)
        with pytest.raises(ServerUnreachable):
            one.queue()
        assert other.system_stats()
    demo.behave()


def test_one_client_serves_many_threads(client: Client, demo: DemoServer) -> None:
    """Sixteen threads share one client, and each gets good answers to repeated calls."""
    answers: list[object] = []

    def ask() -> None:
        for _ in range(10):
            answers.append(client.queue())

    threads = [threading.Thread(target=ask) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 160


class OldRoutes(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send_response(206)
        self.send_header("Content-Length", "4")
        self.end_headers()
        self.wfile.write(b"half")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.heard.append((self.path, json.loads(body)))  # type: ignore[attr-defined]
        self.send_response(405 if self.path.startswith("/api/jobs") else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Write nothing to stderr."""


@contextmanager
def old_server() -> Iterator[tuple[Client, list[tuple[str, object]]]]:
    """Yield a client of a server with `OldRoutes`, and the requests that the server gets."""
    with ThreadingHTTPServer(("127.0.0.1", 0), OldRoutes) as server:
        server.heard = []  # type: ignore[attr-defined]
        server.daemon_threads = False
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        with Client(f"http://127.0.0.1:{server.server_address[1]}") as client:
            yield client, server.heard  # type: ignore[attr-defined]
        server.shutdown()
        thread.join()


def test_old_servers_get_two_requests() -> None:
    """Without /api/jobs, the client removes the prompt from the queue and interrupts it by its id.
    It never interrupts without an id."""
    with old_server() as (client, heard):
        client.cancel("abc")
    assert heard[1:] == [("/queue", {"delete": ["abc"]}), ("/interrupt", {"prompt_id": "abc"})]


def test_a_part_of_a_file_is_never_taken_for_the_whole() -> None:
    file = OutputFile("a.png", "", "output", "image", "1")
    with old_server() as (client, _):
        with client.view(file, range_header="bytes=0-3") as view:
            assert b"".join(view.iter_bytes()) == b"half"
        with pytest.raises(ServerError) as error, client.view(file):
            pass
    assert error.value.status == 206


def test_a_file_name_that_is_not_utf_8_raises_an_error(demo: DemoServer) -> None:
    """A file name that is not UTF-8 contains half a surrogate pair, which no request can carry."""
    with (
        Client(demo.url) as client,
        pytest.raises(ComfyError, match="rejected the file"),
        client.view(OutputFile("caf\udce9.png", "", "output", "image", "1")),
    ):
        pass


def test_requests_work_without_an_idle_timer(demo: DemoServer, refused_threads: set[str]) -> None:
    """Without a timer, the client closes connections at once, because nothing would close them
    later. It keeps the connections of later calls again."""
    connections = set(open_sockets())
    with Client(demo.url, timeout=LONGEST_WAIT) as client:
        refused_threads.add("idle-connections")
        assert "system" in client.system_stats()
        eventually(lambda: open_sockets() <= connections, "both ends are closed")
        refused_threads.clear()
        assert "system" in client.system_stats()
        assert open_sockets() - connections


def test_idle_connections_close_when_the_timer_cannot_start(
    demo: DemoServer, refused_threads: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The timer also closes a connection that was to be kept longer."""
    sessions = IdleSessions(ServerAddress.parse(demo.url))
    first, second = sessions.take(), sessions.take()
    closed: list[Session] = []
    for one in (first, second):
        one.close = lambda one=one: closed.append(one)  # type: ignore[method-assign]
    sessions.give_back(first)
    refused_threads.add("idle-connections")
    monkeypatch.setattr("comfy.comfyui.client.sessions._KEPT", 600.0)
    sessions.give_back(second)
    eventually(lambda: closed == [first, second], "the timer closes both")
    sessions.close()


TEXT, BINARY, CLOSE = 1, 2, 8
MESSAGES: tuple[str | bytes, ...] = ("one", b"", "x" * 300, b"y" * 70_000, "{}", b"z" * 16_384, "ü")


def frame(opcode: int, data: bytes) -> bytes:
    """Return a frame as a server sends it (RFC 6455, 5.2)."""
    length = len(data)
    if length < 126:
        return bytes((0x80 | opcode, length)) + data
    size, mark = (2, 126) if length < 2**16 else (8, 127)
    return bytes((0x80 | opcode, mark)) + length.to_bytes(size, "big") + data


def framed(message: str | bytes) -> bytes:
    if isinstance(message, str):
        return frame(TEXT, message.encode())
    return frame(BINARY, message)


@contextmanager
def serving(pieces: Callable[[bytes], Iterator[bytes]]) -> Iterator[str]:
    """Yield the address of a server that answers one handshake. `pieces` splits the answer and the
    bytes after it into the pieces to send."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            key = f"{self.headers['Sec-WebSocket-Key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
            accept = base64.b64encode(hashlib.sha1(key.encode()).digest())
            answer = (
                b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            )
            answer += b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
            sent = answer + b"".join(map(framed, MESSAGES)) + frame(CLOSE, b"\x03\xe8")
            with suppress(OSError):  # the other end may close it before all is sent
                for piece in pieces(sent):
                    self.connection.sendall(piece)
                while self.connection.recv(1024):
                    pass

        def log_message(self, *_: object) -> None:
            """Write no log."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        thread.join()


@pytest.mark.parametrize("most", [10**9, 1000, 7])
def test_messages_that_arrive_in_one_piece_are_read_separately(most: int) -> None:
    """The stream also reads messages right behind the handshake, and pieces of any size.
    websocket-client gets more bytes than it asks for and keeps the rest. If an upgrade ends that,
    `_ReadAhead` has to keep the rest by answering with no more than `most`."""
    heard: queue.Queue[str | bytes] = queue.Queue()
    ended: queue.Queue[str] = queue.Queue()

    def pieces(sent: bytes) -> Iterator[bytes]:
        yield from (sent[at : at + most] for at in range(0, len(sent), most))

    with serving(pieces) as url, Client(url, timeout=LONGEST_WAIT) as client:
        stream = EventStream(
            client, "me", receive=heard.put, ended=lambda why, _: ended.put(why), ping=LONGEST_WAIT
        )
        stream.open()
        assert "1000" in ended.get(timeout=LONGEST_WAIT)
        stream.close()
    assert tuple(heard.queue) == MESSAGES


HEADER_OF_MORE = b"\x82\x7f" + (LONGEST_MESSAGE + 1).to_bytes(8, "big")
HEADER_OF_MOST = b"\x82\x7f" + (2**63 - 1).to_bytes(8, "big")


def part(opcode: int, data: bytes) -> bytes:
    """Return a frame that does not end its message."""
    sent = frame(opcode, data)
    return bytes((sent[0] & 0x7F,)) + sent[1:]


def parts(size: int) -> Iterator[bytes]:
    yield part(BINARY, b"x" * size)
    for _ in range(LONGEST_MESSAGE // size):
        yield part(0, b"x" * size)


def received(frames: Iterable[bytes]) -> tuple[list[str | bytes], str, bool]:
    """Return the messages heard from these frames, the reason why the socket ended, and whether it
    ended by itself."""
    heard: list[str | bytes] = []
    ended: queue.Queue[tuple[str, bool]] = queue.Queue()

    def pieces(sent: bytes) -> Iterator[bytes]:
        yield sent.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
        yield from frames

    with serving(pieces) as url, Client(url, timeout=LONGEST_WAIT) as client:
        stream = EventStream(
            client,
            "me",
            receive=heard.append,
            ended=lambda why, by_itself: ended.put((why, by_itself)),
            ping=LONGEST_WAIT,
        )
        stream.open()
        reason, by_itself = ended.get(timeout=LONGEST_WAIT)
        stream.close()
    return heard, reason, by_itself


@pytest.mark.parametrize(
    "frames",
    [[HEADER_OF_MORE], [HEADER_OF_MOST], parts(MIB), parts(LONGEST_MESSAGE)],
    ids=["a header", "the largest header", "small parts", "two parts"],
)
def test_finding_s17_a_message_has_a_limit(frames: Iterable[bytes]) -> None:
    """The stream ends as soon as a header announces more than the limit, or all frames together
    have more."""
    heard, reason, by_itself = received(frames)
    assert reason == "the server sent a message larger than 32 MB"
    assert not heard
    assert not by_itself


def test_a_message_in_many_frames_arrives_whole() -> None:
    """Binary messages arrive as bytes and text messages as text, even with a ping between their
    frames."""
    ping, close = frame(9, b"?"), frame(CLOSE, b"\x03\xe8")
    letters = [part(0, b"x")] * 3000
    heard, _, by_itself = received(
        [part(BINARY, b"x" * 20 * MIB), ping, *letters, frame(0, b""), close]
    )
    assert heard == [b"x" * (20 * MIB + 3000)]
    assert type(heard[0]) is bytes
    assert by_itself
    heard, _, _ = received([part(TEXT, b"\xc3"), part(0, b""), frame(0, b"\xbc"), close])
    assert heard == ["\xfc"]


@pytest.mark.parametrize(("generation", "version"), [("3", "V3.41"), ("4", "V4.2.2")])
def test_finds_and_restarts(generation: Generation, version: str) -> None:
    """The version and the queue come from the routes of the server's generation."""
    with DemoServer(manager=generation) as demo, ManagerClient(demo.url) as client:
        found = client.find()
        assert found is not None
        assert (found.version, found.queue) == (version, ManagerQueue(0, 0, is_busy=False))
        client.reboot(found)
        assert demo.manager is not None
        assert demo.manager.reboots == 1


@pytest.mark.parametrize("generation", ["3", "4", "4 legacy"])
def test_installs_a_pack(generation: Generation) -> None:
    """A pack is queued in the version of the workflow, or in the newest, and the queue shows it."""
    with DemoServer(manager=generation) as demo, ManagerClient(demo.url) as client:
        assert demo.manager is not None
        found = client.find()
        assert found is not None
        client.install(found, "comfyui-impact-pack", "8.1.0")
        demo.manager.waits = True
        client.install(found, "comfyui-kjnodes")
        assert demo.manager.orders == ["comfyui-impact-pack@8.1.0", "comfyui-kjnodes@latest"]
        again = client.find()
        assert again is not None
        assert again.queue == ManagerQueue(2, 1, is_busy=True)
        demo.manager.refuses = True
        with pytest.raises(ComfyError, match="refused"):
            client.install(found, "comfyui-kjnodes")


@pytest.mark.parametrize("generation", ["3", "4"])
def test_lists_the_packs_of_node_classes(generation: Generation) -> None:
    """Both generations name the pack of each class that they know."""
    with DemoServer(manager=generation) as demo, ManagerClient(demo.url) as client:
        assert demo.manager is not None
        demo.manager.packs = {"sharp-pack": ["Sharpen+"], "https://github.com/me/soft": ["Soft"]}
        assert client.packs() == {"Sharpen+": "sharp-pack", "Soft": "https://github.com/me/soft"}


def test_a_server_without_a_manager() -> None:
    """No route answers."""
    with DemoServer() as demo, ManagerClient(demo.url) as client:
        assert client.find() is None
        assert client.packs() == {}
