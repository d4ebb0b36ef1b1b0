"""Transfers of models, also over slow servers and with certificates."""

from __future__ import annotations

import hashlib
import json
import shutil
import ssl
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import trustme

from comfy.comfyui.client.client import Client
from comfy.comfyui.servers.pool import ServerPool
from comfy.downloads import DownloadSettings, ModelDownloads, NodeDownloads
from comfyforms.comfyui_node.downloads import transfer
from comfyforms.comfyui_node.downloads.connection import open_download
from comfyforms.comfyui_node.downloads.hosts import AllowedHosts
from comfyforms.comfyui_node.downloads.journal import Entry, OrderJournal
from comfyforms.comfyui_node.downloads.problems import (
    DownloadProblem,
    DownloadRefused,
    HostUnreachable,
)
from comfyforms.comfyui_node.downloads.queue import Downloads
from comfyforms.comfyui_node.downloads.targets import ModelFolder
from tests.downloads.conftest import ENDINGS, Opened, ended, order, visible
from tests.downloads.file_server import FileServer, file_server, safetensors
from tests.downloads.node_server import SECRET
from tests.support.waiting import LONGEST_WAIT, eventually

MODEL = safetensors(300_000)
SUM = hashlib.sha256(MODEL).hexdigest()


def test_a_file_appears_complete_in_its_folder(
    files: FileServer, opened: Opened, models: Path
) -> None:
    """ComfyUI doesn't list the incomplete file, and nothing else is left in its folder."""
    hosted = files.host("a.safetensors", MODEL, held=threading.Event())
    queue = opened()
    queue.start(order(files, sha256=SUM, name="XL/a.safetensors", url=files.url("a.safetensors")))
    eventually(lambda: queue.statuses()[0].received > 0)
    assert queue.statuses()[0].size == len(MODEL)
    assert visible(models) == []
    assert hosted.held
    hosted.held.set()
    assert ended(queue, "done").received == len(MODEL)
    assert visible(models) == ["checkpoints/XL/a.safetensors"]
    assert (models / "checkpoints/XL/a.safetensors").read_bytes() == MODEL
    assert [one.name for one in (models / "checkpoints").iterdir()] == ["XL"]


def test_a_cut_connection_continues_with_a_range(
    files: FileServer, opened: Opened, models: Path
) -> None:
    """Each attempt asks for the rest of the same content."""
    files.host("a.safetensors", MODEL, cut_after=100_000)
    queue = opened()
    queue.start(order(files, sha256=SUM))
    ended(queue, "done")
    assert (models / "checkpoints/a.safetensors").read_bytes() == MODEL
    ranges = [headers.get("range") for _, headers in files.requests]
    assert ranges[0] is None
    assert ranges[1] == "bytes=100000-"
    assert files.requests[1][1]["if-range"] == '"first"'


def test_changed_content_is_downloaded_from_its_beginning(
    files: FileServer, opened: Opened, models: Path
) -> None:
    """The host answers If-Range with the whole new file."""
    hosted = files.host("a.safetensors", MODEL, held=threading.Event())
    queue = opened()
    key = queue.start(order(files)).id
    eventually(lambda: queue.statuses()[0].received > 0)
    queue.pause(key)
    other = safetensors(200_000, "other")
    assert hosted.held
    hosted.held.set()
    files.host("a.safetensors", other, etag='"second"')
    queue.resume(key)
    ended(queue, "done")
    assert (models / "checkpoints/a.safetensors").read_bytes() == other


def test_a_paused_download_continues_after_a_restart(
    files: FileServer, opened: Opened, models: Path
) -> None:
    """Another process knows it, still paused, and resumes it with a range."""
    hosted = files.host("a.safetensors", MODEL, held=threading.Event())
    queue = opened()
    key = queue.start(order(files)).id
    eventually(lambda: queue.statuses()[0].received > 0)
    assert queue.pause(key).state == "paused"
    queue.close()
    again = opened()
    assert again.statuses()[0].state == "paused"
    received = again.statuses()[0].received
    assert received > 0
    assert hosted.held
    hosted.held.set()
    again.resume(key)
    ended(again, "done")
    assert files.requests[-1][1]["range"] == f"bytes={received}-"
    assert (models / "checkpoints/a.safetensors").read_bytes() == MODEL


def test_unfinished_downloads_continue_by_themselves(
    files: FileServer, opened: Opened, models: Path
) -> None:
    """A restart during a download doesn't lose what was received."""
    hosted = files.host("a.safetensors", MODEL, held=threading.Event())
    queue = opened()
    queue.start(order(files))
    eventually(lambda: queue.statuses()[0].received > 0)
    queue.close()
    assert hosted.held
    hosted.held.set()
    ended(opened(), "done")
    assert "range" in files.requests[-1][1]
    assert (models / "checkpoints/a.safetensors").read_bytes() == MODEL


def test_a_wrong_checksum_fails_and_leaves_nothing(
    files: FileServer, opened: Opened, models: Path
) -> None:
    """The file is deleted; a retry downloads it again."""
    files.host("a.safetensors", safetensors(300_000, "other"))
    queue = opened()
    key = queue.start(order(files, sha256=SUM)).id
    assert "checksum" in ended(queue, "failed").problem
    assert not [*(models / "checkpoints").rglob("*.part")]
    files.host("a.safetensors", MODEL)
    queue.resume(key)
    ended(queue, "done")
    assert visible(models) == ["checkpoints/a.safetensors"]


def test_the_checksum_of_hugging_face_is_checked(files: FileServer, opened: Opened) -> None:
    """The Hub names the checksum in the redirect; the workflow needn't have one."""
    files.host("stored.safetensors", MODEL)
    files.host(
        "a.safetensors",
        b"",
        location="/stored.safetensors",
        headers={"X-Linked-ETag": f'"{"0" * 64}"', "X-Linked-Size": str(len(MODEL))},
    )
    queue = opened()
    queue.start(order(files))
    assert "checksum" in ended(queue, "failed").problem


@pytest.mark.parametrize(
    ("content", "headers"),
    [(b"<html>sign in</html>", {}), (MODEL, {"Content-Type": "text/html; charset=utf-8"})],
)
def test_other_content_than_a_model_is_refused(
    files: FileServer, opened: Opened, models: Path, content: bytes, headers: dict[str, str]
) -> None:
    """A page for signing in doesn't become a model."""
    files.host("a.safetensors", content, headers=headers)
    queue = opened()
    queue.start(order(files))
    ended(queue, "failed")
    assert visible(models) == []


def test_a_host_that_is_away_can_be_retried(
    files: FileServer, opened: Opened, models: Path
) -> None:
    """A few attempts fail; Retry then keeps the received part."""
    files.host("a.safetensors", MODEL, cut_after=100_000)
    queue = opened()
    hosted = files.files["a.safetensors"]
    hosted.cut_after = 0
    key = queue.start(order(files)).id
    assert ended(queue, "failed").problem
    hosted.cut_after = None
    queue.resume(key)
    ended(queue, "done")
    assert (models / "checkpoints/a.safetensors").read_bytes() == MODEL


@pytest.mark.parametrize(("status", "word"), [(401, "permission"), (404, "anymore"), (418, "418")])
def test_a_refusal_fails_immediately(
    files: FileServer, opened: Opened, status: int, word: str
) -> None:
    """The host isn't asked again."""
    files.host("a.safetensors", b"", status=status)
    queue = opened()
    queue.start(order(files))
    assert word in ended(queue, "failed").problem
    assert len(files.requests) == 1


def test_a_canceled_download_leaves_nothing(
    files: FileServer, opened: Opened, models: Path
) -> None:
    """Also the partial content is deleted, and a restart doesn't bring it back."""
    files.host("a.safetensors", MODEL, held=threading.Event())
    queue = opened()
    key = queue.start(order(files)).id
    eventually(lambda: queue.statuses()[0].received > 0)
    queue.remove(key)
    assert queue.statuses() == ()
    assert not [*(models / "checkpoints").rglob("*")]
    assert opened().statuses() == ()


def test_waits_until_the_folders_are_known(files: FileServer, models: Path, tmp_path: Path) -> None:
    """ComfyUI may start later than the process that continues its downloads."""
    files.host("a.safetensors", MODEL)
    starting = [True, True]

    def folders() -> dict[str, ModelFolder]:
        if starting and starting.pop():
            raise HostUnreachable("It may be starting.")
        return {"checkpoints": ModelFolder((models / "checkpoints",), ENDINGS)}

    stored = Entry("0" * 32, order(files), 0.0)
    OrderJournal(tmp_path / "state").write(stored)
    queue = Downloads(tmp_path / "state", folders, pauses=(0.0,) * 3)
    queue.restore()
    ended(queue, "done")
    assert visible(models) == ["checkpoints/a.safetensors"]
    queue.close()


def test_two_orders_of_a_file_are_one_download(files: FileServer, opened: Opened) -> None:
    """Two administrators press Get at the same time."""
    hosted = files.host("a.safetensors", MODEL, held=threading.Event())
    queue = opened()
    first = queue.start(order(files)).id
    assert queue.start(order(files)).id == first
    assert hosted.held
    hosted.held.set()
    ended(queue, "done")
    assert len(files.requests) == 1


def test_a_file_that_is_there_is_done(files: FileServer, opened: Opened, models: Path) -> None:
    """It is not downloaded again, as after a restart just before the end."""
    (models / "checkpoints/a.safetensors").write_bytes(b"mine")
    queue = opened()
    queue.start(order(files))
    ended(queue, "done")
    assert (models / "checkpoints/a.safetensors").read_bytes() == b"mine"
    assert files.requests == []


def test_sizes_are_known_before(files: FileServer, opened: Opened) -> None:
    """The sizes of several files are asked at once, and not again soon."""
    files.host("a.safetensors", MODEL)
    queue = opened()
    urls = [files.url("a.safetensors"), files.url("gone.safetensors")]
    sizes = [(one.size, bool(one.problem)) for one in queue.facts(urls, [files.origin], "")]
    assert sizes == [(len(MODEL), False), (None, True)]
    count = len(files.requests)
    queue.facts(urls[:1], [files.origin], "")
    assert len(files.requests) == count


def test_pausing_ends_a_silent_connection_at_once(files: FileServer, opened: Opened) -> None:
    """The thread doesn't wait for the host."""
    files.host("a.safetensors", MODEL, held=threading.Event())
    queue = opened()
    key = queue.start(order(files)).id
    eventually(lambda: queue.statuses()[0].received > 0)
    threads = [one for one in threading.enumerate() if one.name == "download"]
    queue.pause(key)
    for thread in threads:
        thread.join(LONGEST_WAIT)
        assert not thread.is_alive()


def test_a_host_cannot_send_more_than_it_announced(
    files: FileServer, opened: Opened, models: Path
) -> None:
    """The download fails at the announced size, and nothing is left."""
    hosted = files.host("a.safetensors", MODEL, hides_size=True)
    hosted.headers["X-Linked-Size"] = "1000"
    queue = opened()
    queue.start(order(files))
    assert "more than the size" in ended(queue, "failed").problem
    assert len(files.requests) == 1
    assert [path for path in models.rglob("*") if path.is_file()] == []


def test_a_file_of_unknown_size_leaves_room_on_the_disk(
    files: FileServer, opened: Opened, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The free space is checked while the file arrives."""
    usage = shutil.disk_usage(models)
    room = iter([usage.free, usage.free])
    monkeypatch.setattr(transfer, "_ROOM_STEP", 100_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=next(room, 0)))
    files.host("a.safetensors", MODEL, hides_size=True)
    queue = opened()
    queue.start(order(files))
    status = ended(queue, "failed")
    assert "too little space" in status.problem
    assert 0 < status.received < len(MODEL)


@pytest.mark.parametrize("name", ["X-Linked-Size", "Content-Range", "Content-Length"])
def test_a_size_of_many_digits_is_unknown(name: str, files: FileServer, opened: Opened) -> None:
    """No number of a host is an internal error."""
    hosted = files.host("a.safetensors", MODEL, hides_size=True)
    hosted.headers[name] = f"{'bytes 0-0/' * (name == 'Content-Range')}{'9' * 5000}"
    queue = opened()
    queue.start(order(files))
    assert ended(queue, "done").problem == ""


@pytest.mark.parametrize("host", ["http://example.org", "*", "https://a/b", ""])
def test_refuses_hosts_that_cannot_be_one(host: str, files: FileServer, opened: Opened) -> None:
    """A signed order is refused with a sentence."""
    with pytest.raises(DownloadRefused, match="host"):
        opened().start(replace(order(files), hosts=(host,)))
    with pytest.raises(DownloadRefused, match="host"):
        opened().facts([files.url("a.safetensors")], [host], "")


def test_refused_threads_leave_downloads_waiting(
    files: FileServer, opened: Opened, models: Path, refused_threads: set[str]
) -> None:
    """The caller gets a sentence, and the downloads start as soon as the machine can."""
    queue = opened()
    refused_threads.add("download")
    for name in ("a.safetensors", "b.safetensors", "c.safetensors"):
        files.host(name, MODEL)
        with pytest.raises(DownloadProblem, match="can't start"):
            queue.start(order(files, name))
    assert {one.state for one in queue.statuses()} == {"waiting"}
    refused_threads.clear()
    eventually(lambda: {one.state for one in queue.statuses()} == {"done"})
    assert len(visible(models)) == 3


def test_the_queue_closes_after_refused_threads(
    files: FileServer, opened: Opened, refused_threads: set[str]
) -> None:
    queue = opened()
    refused_threads.add("download")
    with pytest.raises(DownloadProblem):
        queue.start(order(files))
    queue.close()


ID = "0123456789abcdef" * 2
HOSTILE = (
    "../../people/anna/remove?",
    "..",
    "",
    "a/b",
    ID.upper(),
    f"{ID}\n",
    f"{ID}?",
    "%2e%2e%2fnotice%2fremove",
    7,
    None,
)


class _Lying(BaseHTTPRequestHandler):
    paths: list[str]

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self.paths.append(self.path)
        listed = [{"id": one, "state": "failed", "name": "a.ckpt"} for one in (*HOSTILE, ID)]
        body = json.dumps({"downloads": listed}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_DELETE = do_GET


@pytest.fixture
def lying() -> Iterator[tuple[NodeDownloads, list[str]]]:
    """Return the client of a server that names downloads as it likes, and the paths it gets."""
    paths: list[str] = []
    with ThreadingHTTPServer(("127.0.0.1", 0), type("Lying", (_Lying,), {"paths": paths})) as http:
        thread = threading.Thread(target=http.serve_forever, args=(0.01,))
        thread.start()
        client = Client(f"http://127.0.0.1:{http.server_port}")
        yield NodeDownloads(client, SECRET), paths
        client.close_idle()
        http.shutdown()
        thread.join()


def test_drops_downloads_whose_id_is_no_id(lying: tuple[NodeDownloads, list[str]]) -> None:
    """An id becomes part of the addresses of an administrator's buttons."""
    downloads, _ = lying
    assert [one.id for one in downloads.statuses()] == [ID]


def test_an_id_stays_one_part_of_an_address(lying: tuple[NodeDownloads, list[str]]) -> None:
    downloads, paths = lying
    downloads.change("../../people?x#y", "remove", "")
    assert paths == ["/comfyforms/downloads/..%2F..%2Fpeople%3Fx%23y"]


KEY = "0123456789abcdef" * 2
SERVERS = 3


class _Hanging(BaseHTTPRequestHandler):
    """Lists downloads only after `answers` is set. Carries out each order at once."""

    answers: threading.Event
    asked: threading.Barrier

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        if not self.answers.is_set():
            self.asked.wait(LONGEST_WAIT)
            self.answers.wait(LONGEST_WAIT)
        self._send({"downloads": []})

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self._send({})

    def _send(self, answer: dict[str, object]) -> None:
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def hanging(answers: threading.Event, asked: threading.Barrier) -> Iterator[str]:
    """Serve a node that doesn't list its downloads, and yield the address."""
    handler = type("Handler", (_Hanging,), {"answers": answers, "asked": asked})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as http:
        http.daemon_threads, http.block_on_close = True, False
        thread = threading.Thread(target=http.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{http.server_port}"
        http.shutdown()
        thread.join()


def test_a_hanging_server_delays_no_order_at_another() -> None:
    """All servers are asked for their downloads at once. Meanwhile an administrator can pause a
    download, and the next list is a new one."""
    answers, asked = threading.Event(), threading.Barrier(SERVERS + 1)
    with ExitStack() as stack:
        urls = [stack.enter_context(hanging(answers, asked)) for _ in range(SERVERS)]
        clients = [stack.enter_context(closing(Client(url))) for url in urls]
        pool = ServerPool(*clients)
        downloads = ModelDownloads(pool, DownloadSettings(SECRET), lambda: None)
        threads = stack.enter_context(ThreadPoolExecutor(2))
        stack.callback(answers.set)
        early = threads.submit(downloads.lists)
        asked.wait(LONGEST_WAIT)  # fails if one is asked after the other
        threads.submit(downloads.change, pool.servers[-1], KEY, "pause").result(LONGEST_WAIT / 3)
        answers.set()
        assert [one.problem for one in early.result(LONGEST_WAIT)] == [""] * SERVERS
        assert downloads.lists() is not early.result()
        assert downloads.lists() is downloads.lists()


@pytest.mark.parametrize(
    ("name", "trusted"), [("127.0.0.1", True), ("127.0.0.1", False), ("other.example", True)]
)
def test_checks_the_certificate(
    name: str, *, trusted: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The certificate has to be for the name in the address, and from a trusted authority."""
    authority, other = trustme.CA(), trustme.CA()
    file = tmp_path / "authorities.pem"
    (authority if trusted else other).cert_pem.write_to_path(str(file))
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    content = safetensors(1000)
    with file_server(context) as server:
        server.host("a.safetensors", content)
        hosts = AllowedHosts([server.origin])
        if trusted and name == "127.0.0.1":
            with open_download("GET", server.url("a.safetensors"), hosts, headers={}) as (got, _):
                assert got.read() == content
            return
        with (
            pytest.raises(HostUnreachable, match="certificate"),
            open_download("GET", server.url("a.safetensors"), hosts, headers={}),
        ):
            pass
        assert server.requests == []
