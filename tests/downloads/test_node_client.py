"""The app trusts nothing in the answers of a custom node."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from comfy.comfyui.client.client import Client
from comfy.downloads import NodeDownloads
from tests.downloads.node_server import SECRET

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
