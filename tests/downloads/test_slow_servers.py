"""Downloads at several servers while some don't answer."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from comfy.comfyui.client.client import Client
from comfy.comfyui.servers.pool import ServerPool
from comfy.downloads import DownloadSettings, ModelDownloads
from tests.downloads.node_server import SECRET
from tests.support.waiting import LONGEST_WAIT

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
