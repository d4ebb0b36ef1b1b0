"""A receiver of webhooks: a web server with scripted answers. It verifies signatures with the
library that real receivers use."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks import Webhook

from comfy.webhooks.waiting import DeliveryTimes, WebhookSettings
from tests.support.waiting import LONGEST_WAIT

KEY = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
NEVER = 0  # no answer, as long as there is a receiver


@dataclass(frozen=True, slots=True)
class Arrival:
    path: str
    id: str
    says: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Receiver:
    """Webhook receiver at `url`. `came` holds the arrivals that the test hasn't fetched yet."""

    url: str
    came: queue.SimpleQueue[Arrival] = field(default_factory=queue.SimpleQueue)

    @property
    def host(self) -> str:
        """Return the host with its port."""
        return self.url.partition("://")[2]

    def settings(self, *others: str, **times: Any) -> WebhookSettings:
        """Return the settings of an app that may send webhooks here and to others, one at a time,
        and that retries immediately."""
        often = {"timeout": LONGEST_WAIT, "pauses": (0.0,) * 5, "at_once": 1, **times}
        return WebhookSettings(frozenset({self.host, *others}), KEY, times=DeliveryTimes(**often))

    def next(self) -> Arrival:
        return self.came.get(timeout=LONGEST_WAIT)


@contextlib.contextmanager
def receiver(*answers: int) -> Iterator[Receiver]:
    """Run a receiver that first gives these answers and then 204. Its redirects lead to another of
    its paths."""
    left, signed, over = list(answers), Webhook(KEY), threading.Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            says = signed.verify(body, dict(self.headers))
            answer = 400 if "cookie" in self.headers else left.pop(0) if left else 204
            here.came.put(Arrival(self.path, self.headers["webhook-id"], says))
            if answer == NEVER:
                over.wait(LONGEST_WAIT)
                self.close_connection = True
                return
            self.send_response(answer)
            self.send_header("location", f"http://{here.host}/elsewhere")
            self.send_header("set-cookie", "a=b")
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        here = Receiver(f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, name="receiver")
        thread.start()
        try:
            yield here
        finally:
            over.set()
            server.shutdown()
            thread.join()
