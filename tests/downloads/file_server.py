"""File server in the place of a model host. It answers ranges, and misbehaves as tests say."""

from __future__ import annotations

import hashlib
import json
import socket
import ssl
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


def safetensors(size: int, seed: str = "") -> bytes:
    """Return a file that begins like a model: a header without tensors, and then other bytes."""
    header = json.dumps({"__metadata__": {"seed": seed}}).encode()
    start = len(header).to_bytes(8, "little") + header
    block = hashlib.sha256(seed.encode()).digest() * 32
    return (start + block * (size // len(block) + 1))[: max(size, len(start))]


@dataclass
class Hosted:
    """File of the server. `cut_after`: each response ends after this many bytes. `held`: responses
    wait for it after their first half. `location`: redirect to this address instead. `status`:
    answer with this error. `hides_size`: the response ends with the connection."""

    content: bytes = b""
    etag: str = '"first"'
    cut_after: int | None = None
    held: threading.Event | None = None
    location: str = ""
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    has_ranges: bool = True
    hides_size: bool = False


class FileServer:
    """Server of files by path. `requests` are the received ones: path and headers in lower
    case."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.tls = tls
        self.files: dict[str, Hosted] = {}
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.asked = threading.Event()  # set by each request
        self._server: ThreadingHTTPServer | None = None
        self._thread: threading.Thread | None = None
        self.port = 0

    @property
    def origin(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    def url(self, name: str) -> str:
        return f"{self.origin}/{name}"

    def start(self) -> None:
        """Listen, on the earlier port after `stop`."""
        files, requests, asked = self.files, self.requests, self.asked

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                pass

            def do_GET(self) -> None:
                requests.append(
                    (self.path, {name.lower(): value for name, value in self.headers.items()})
                )
                asked.set()
                hosted = files.get(self.path.partition("?")[0].lstrip("/"), Hosted(status=404))
                self.close_connection = True
                if hosted.status or hosted.location:
                    self.send_response(hosted.status or 302)
                    for name, value in hosted.headers.items():
                        self.send_header(name, value)
                    if hosted.location:
                        self.send_header("Location", hosted.location)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                self._send(hosted)

            def _send(self, hosted: Hosted) -> None:
                content, start = hosted.content, 0
                asked_range = self.headers.get("Range", "")
                same = self.headers.get("If-Range", hosted.etag) == hosted.etag
                if asked_range and same and hosted.has_ranges:
                    first, _, last = asked_range.removeprefix("bytes=").partition("-")
                    start = int(first)
                    if start >= len(content):
                        self.send_response(416)
                        self.send_header("Content-Range", f"bytes */{len(content)}")
                        self.send_header("Content-Length", "0")
                        self.end_headers()
                        return
                    end = min(int(last) + 1, len(content)) if last else len(content)
                    self.send_response(206)
                    self.send_header("Content-Range", f"bytes {start}-{end - 1}/{len(content)}")
                    content = content[start:end]
                else:
                    self.send_response(200)
                if not hosted.hides_size:
                    self.send_header("Content-Length", str(len(content)))
                self.send_header("ETag", hosted.etag)
                for name, value in hosted.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self._send_body(hosted, content)

            def _send_body(self, hosted: Hosted, content: bytes) -> None:
                try:
                    if hosted.held is not None:
                        half = len(content) // 2
                        self.wfile.write(content[:half])
                        self.wfile.flush()
                        hosted.held.wait()
                        content = content[half:]
                    self.wfile.write(content[: hosted.cut_after])
                    self.wfile.flush()
                    if hosted.cut_after is not None:
                        self.connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass  # the client has left

        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self._server.daemon_threads = False
        if self.tls:
            self._server.socket = self.tls.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def stop(self) -> None:
        """Stop listening, and end all responses."""
        for hosted in self.files.values():
            if hosted.held is not None:
                hosted.held.set()
        if self._server and self._thread:
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()

    def host(self, name: str, content: bytes, **options: Any) -> Hosted:
        """Serve a file."""
        self.files[name] = Hosted(content, **options)
        return self.files[name]


@contextmanager
def file_server(tls: ssl.SSLContext | None = None) -> Iterator[FileServer]:
    """Yield a running server."""
    server = FileServer(tls)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def main() -> None:
    """Serve a folder's files until killed: `python -m tests.downloads.file_server DIR PORT
    [held]`. With `held`, each response stops after its first half."""
    server = FileServer()
    server.port = int(sys.argv[2])
    for file in Path(sys.argv[1]).iterdir():
        held = threading.Event() if sys.argv[3:] else None
        server.host(file.name, file.read_bytes(), held=held)
    server.start()
    print(server.port, flush=True)


if __name__ == "__main__":
    main()
