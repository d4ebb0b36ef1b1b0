"""Messages to browsers at the end of a run, and the route that asks for them."""

from __future__ import annotations

import contextlib
import json
import queue
import re
import secrets
import sys
import threading
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests
import websocket
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from starlette.requests import HTTPConnection

from comfy.runs.interface import UNWATCHED, Origin
from comfyforms.plugins.web_push import messages
from tests.support.http_client import finished
from tests.support.serving import RunningApp, Served, running_demo_app
from tests.support.waiting import LONGEST_WAIT, eventually
from tests.ui.api.api_calls import QUICK
from ui.settings.web_settings import WebSettings

http_ece = pytest.importorskip("http_ece")  # of the extra [push]
pywebpush = pytest.importorskip("pywebpush")

ANN = ("ann", "lighthouse at dusk")
KEY = re.compile('<meta name="notifying" data-module="[^"]+" data-key="([^"]+)">')
PUSH = "https://fcm.googleapis.com/fcm/send/a"


def text(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")


class Browser:
    """A browser with a push service of its own, which gives these answers and then 201."""

    def __init__(self, *answers: int) -> None:
        self.answers, self.secret = list(answers), secrets.token_bytes(16)
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.came: queue.SimpleQueue[tuple[dict[str, str], bytes]] = queue.SimpleQueue()
        self.endpoint = ""

    @property
    def subscription(self) -> dict[str, Any]:
        point = self.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return {
            "endpoint": self.endpoint,
            "keys": {"p256dh": text(point), "auth": text(self.secret)},
        }

    def next(self) -> tuple[dict[str, str], dict[str, str]]:
        """Return the headers and the decrypted message."""
        headers, body = self.came.get(timeout=LONGEST_WAIT)
        clear = http_ece.decrypt(body, private_key=self.key, auth_secret=self.secret)
        return headers, json.loads(clear)


@contextlib.contextmanager
def browser(*answers: int) -> Iterator[Browser]:
    there = Browser(*answers)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            there.came.put(({key.lower(): value for key, value in self.headers.items()}, body))
            self.send_response(there.answers.pop(0) if there.answers else 201)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        there.endpoint = f"http://127.0.0.1:{server.server_port}/push"
        thread = threading.Thread(target=server.serve_forever, name="push service")
        thread.start()
        try:
            yield there
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def served(own_temporary_folder: None) -> Iterator[Served]:
    settings = WebSettings(port=0, users=(ANN,))
    with running_demo_app(step_seconds=0.05, settings=settings) as served:
        yield served


@pytest.fixture
def app(served: Served) -> RunningApp:
    return served[1]


@contextlib.contextmanager
def signed_in(app: RunningApp) -> Iterator[requests.Session]:
    form = {"username": ANN[0], "password": ANN[1]}
    with requests.Session() as session:
        session.post(f"{app.url}/login", data=form, timeout=LONGEST_WAIT).raise_for_status()
        yield session


@pytest.fixture
def ann(app: RunningApp) -> Iterator[requests.Session]:
    with signed_in(app) as session:
        yield session


def subscribe(app: RunningApp, session: requests.Session, subscription: object) -> int:
    address = f"{app.url}/push-subscription"
    return session.post(address, json=subscription, timeout=LONGEST_WAIT).status_code


def run(app: RunningApp, **more: int) -> str:
    """Run a workflow of ann, and return the run's id after its end."""
    values = {**QUICK, "5.steps": 4, **more}
    run = app.services.starter.start("text-to-image", values, Origin("user:ann"), UNWATCHED)
    finished(run)
    return run.id


@pytest.fixture
def local(monkeypatch: pytest.MonkeyPatch) -> None:
    """Allow a push service on this machine."""
    own = "comfyforms.plugins.web_push.route.PUSH_SERVICES"
    monkeypatch.setattr(own, re.compile(r"http://127\.0\.0\.1:[0-9]+/push"))


@pytest.mark.usefixtures("local")
def test_a_browser_without_a_page_hears_of_the_end(app: RunningApp, ann: requests.Session) -> None:
    """Only the browser can read the message, which has no prompt. The signature is for the key in
    the page. A browser whose push service answers 410 gets no more messages."""
    key = KEY.search(ann.get(app.url, timeout=LONGEST_WAIT).text)
    with browser(201, 410) as there:
        assert subscribe(app, ann, there.subscription) == 204
        for _ in range(2):
            run_id = run(app)
            headers, message = there.next()
            assert message == {"title": "Done", "body": "Text to image", "tag": run_id}
            assert key is not None
            assert headers["authorization"].endswith(f"k={key[1]}")
            assert pywebpush.Vapid.verify(headers["authorization"])
            assert (headers["content-encoding"], headers["ttl"]) == ("aes128gcm", "14400")
        with browser() as other:
            assert subscribe(app, ann, other.subscription) == 204
            run(app)
            other.next()
        assert there.came.empty()


@pytest.mark.usefixtures("local")
def test_messages_name_missing_results_despite_an_earlier_error(
    served: Served, ann: requests.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server loses one of two images before the app fetches it. The first look for ended runs
    fails."""
    demo, app = served
    folder, works = demo.storage.folder("output"), app.services.batches.recent
    assert folder is not None
    looks = iter([works, lambda _: 1 / 0])
    with browser() as there:
        with demo.hold("GET /view") as held, ThreadPoolExecutor(1) as pool:
            assert subscribe(app, ann, there.subscription) == 204
            monkeypatch.setattr(app.services.batches, "recent", lambda o: next(looks, works)(o))
            made = pool.submit(run, app, **{"4.batch_size": 2})
            assert held.reached.wait(LONGEST_WAIT)
            max(folder.glob("*.png")).unlink()
            held.release()
            made.result()
        assert there.next()[1]["title"] == "Done, but some results are missing."


@pytest.mark.usefixtures("local")
def test_an_open_page_or_a_sign_out_ends_messages(app: RunningApp, ann: requests.Session) -> None:
    """The page shows its own notification. A browser that signed out isn't told anything."""
    identity = app.asgi.state.identity
    with browser() as there, browser() as second, signed_in(app) as other:
        cookies = "; ".join(f"{one.name}={one.value}" for one in other.cookies)
        assert subscribe(app, ann, there.subscription) == 204
        address = f"{app.url.replace('http', 'ws', 1)}/news"
        page = websocket.create_connection(address, timeout=LONGEST_WAIT, cookie=cookies)
        page.recv()
        run(app)
        while json.loads(page.recv()).get("runs", True):
            pass
        page.close()
        eventually(lambda: not identity.is_connected("user:ann"))
        assert there.came.empty()
        assert subscribe(app, other, second.subscription) == 204
        ann.post(f"{app.url}/logout", timeout=LONGEST_WAIT).raise_for_status()
        run(app)
        second.next()
        assert there.came.empty()


def test_only_push_services_of_browsers_are_allowed(app: RunningApp, ann: requests.Session) -> None:
    good = Browser().subscription
    assert subscribe(app, ann, {**good, "endpoint": PUSH}) == 204
    for endpoint in (
        "http://fcm.googleapis.com/a",
        "https://fcm.googleapis.com.example.org/a",
        "https://fcm.googleapis.com@127.0.0.1/a",
        "https://fcm.googleapis.com:8188/a",
        "https://127.0.0.1/fcm.googleapis.com/a",
        "https://example.org/#.notify.windows.com/a",
        f"{PUSH}{'a' * 1000}",
        f"{PUSH}\n",
    ):
        assert subscribe(app, ann, {**good, "endpoint": endpoint}) == 422, endpoint


def test_an_address_crowds_out_only_its_own_browsers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond a limit, the oldest browsers of the address or account with the most go."""
    monkeypatch.setattr(messages, "_MOST", 6)
    monkeypatch.setattr(messages, "_PER_ADDRESS", 5)
    known: dict[str, messages.Subscriber] = {}

    def subscribed(owner: str, endpoint: str, address: str = "") -> None:
        browser = HTTPConnection({"type": "http"})
        new = messages.Subscriber(owner, browser, {"endpoint": endpoint}, copy_context(), address)
        known[endpoint] = new
        for gone in messages.crowded_out(known, new):
            del known[gone]

    subscribed("user:ann", "ann")
    for number in range(20):
        subscribed(f"browser:{number}", f"eve {number}", "192.0.2.7")
    assert list(known) == ["ann", *(f"eve {number}" for number in range(15, 20))]
    subscribed("user:bob", "bob")
    assert list(known) == ["ann", *(f"eve {number}" for number in range(16, 20)), "bob"]
    for number in range(7):
        subscribed("user:bob", f"bob {number}")
    assert [one for one in known if one.startswith("bob")][-1] == "bob 6"
    assert "ann" in known


def test_without_the_extra_nothing_is_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pywebpush", None)  # as where it is not installed
    with running_demo_app(step_seconds=0) as (_, app):
        assert not KEY.search(requests.get(app.url, timeout=LONGEST_WAIT).text)
        assert subscribe(app, requests.Session(), {}) == 404
