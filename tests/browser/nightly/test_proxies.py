r"""The app behind a real proxy with TLS, below a path, as docs/deploy sets it up.

These tests fail when docs/deploy or a proxy changes. In each run,
`tests/browser/nightly/test_places.py` goes through a proxy.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urljoin

import pytest
import requests
import websocket
from playwright.sync_api import expect

from comfy.media.checks import MIB
from comfyui_standin import DemoServer
from tests.browser.nightly.proxy_programs import (
    PROXIES,
    ProxyPlace,
    certificate_files,
    running_proxy_program,
)
from tests.support.app_process import free_port
from tests.support.serving import RunningApp, running_app
from tests.support.visitor import Site, Visitor
from tests.support.waiting import LONGEST_WAIT
from ui.settings.web_settings import WebSettings

PATH = "/forms"
PROTOCOLS = "performance.getEntriesByType('resource').map(entry => entry.nextHopProtocol)"
TABS = 10

# A file whose megabytes are all of another byte.
UPLOAD = """async (megabytes) => {
    const pieces = Array.from({ length: megabytes }, (_, at) => new Uint8Array(2 ** 20).fill(at));
    const body = new FormData();
    body.append("files", new Blob(pieces), "a.bin");
    const answer = await fetch("gradio_api/upload", { method: "POST", body });
    return { status: answer.status, said: await answer.text() };
}"""


@dataclass(frozen=True, slots=True)
class Behind:
    """App behind a proxy, with the proxy's origin and the certificate authority that signed the
    proxy's certificate."""

    app: RunningApp
    origin: str
    authority: Path

    @property
    def url(self) -> str:
        """Return the app's address for browsers."""
        return f"{self.origin}{PATH}"


@contextlib.contextmanager
def app_behind(name: str, server: str, folder: Path, *, http2: bool = True) -> Iterator[Behind]:
    """Run an app with the named proxy in front of it. `http2` says whether the proxy speaks HTTP/2
    with browsers."""
    settings = WebSettings(port=0, root_path=PATH, hosts=("forms.example.org",))
    files = certificate_files(folder)
    with running_app(server, settings=settings) as app:
        port = int(app.url.rpartition(":")[2])
        place = ProxyPlace(free_port(), (port,), *files[:2], http2=http2)
        with running_proxy_program(name, place, folder) as origin:
            yield Behind(app, origin, files[2])


def most_memory(*, from_now: bool = False) -> int:
    if sys.platform != "linux":
        return 0
    if from_now:
        Path("/proc/self/clear_refs").write_text("5")
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return 1024 * int(status.partition("VmHWM:")[2].split()[0])


@pytest.mark.parametrize("name", PROXIES)
def test_behind_a_real_proxy(
    name: str, slow: Site, visit: Callable[..., Visitor], tmp_path: Path
) -> None:
    """The page, previews, results and uploads of any size pass through the proxy. Cookies are for
    TLS only. The app itself refuses an upload that is too large."""
    with app_behind(name, slow.demo.url, tmp_path) as behind:
        with requests.Session() as calls:
            calls.verify, calls.trust_env = str(behind.authority), False
            calls.headers["Origin"] = behind.origin
            led = calls.get(behind.url, allow_redirects=False).headers["location"]
            assert urljoin(behind.url, led) == f"{behind.url}/"
            page = calls.get(f"{behind.url}/", timeout=LONGEST_WAIT)
            assert "Secure" in page.headers["set-cookie"]
            assert calls.get(f"{behind.url}/health", timeout=LONGEST_WAIT).text == "alive\n"
            programs_hear_of_a_run_while_it_goes_on(behind, calls, slow.demo)
        slow.demo.speed.step = 0.1
        person = visit(Site(behind.url, slow.demo, behind.app), ignore_https_errors=True).open()
        person.press()
        person.frames(2)
        slow.demo.speed.step = 0
        person.done()
        expect(person.page.locator("#history .tile img")).to_be_visible()
        assert "h2" in person.page.evaluate(PROTOCOLS)
        a_large_file_arrives_in_little_memory(person, behind.app)
        person.forgive("413")
        refused = person.page.evaluate(UPLOAD, 300)
        assert refused["status"] == 413
        assert "257\xa0MB" in refused["said"]
        person.leave()


def programs_hear_of_a_run_while_it_goes_on(
    behind: Behind, calls: requests.Session, demo: DemoServer
) -> None:
    """Check that the proxy passes on a run's events, previews and ComfyUI's frames at once, without
    waiting for more."""
    api, start = f"{behind.url}/api/v1", "workflows/text-to-image/runs"
    body = {"values": {"5.steps": 3, "4.width": 256, "4.height": 256}}
    with demo.hold("progress", after=1) as held, contextlib.ExitStack() as opened:
        run = calls.post(f"{api}/{start}", json=body, timeout=LONGEST_WAIT).json()
        address = f"{behind.origin}{run['url']}"
        socket = websocket.create_connection(
            f"{behind.url.replace('https', 'wss')}/ws?run={run['id']}",
            timeout=LONGEST_WAIT,
            origin=behind.origin,
            cookie="; ".join(f"{one.name}={one.value}" for one in calls.cookies),
            sslopt={"ca_certs": str(behind.authority)},
        )
        opened.callback(socket.close)
        assert held.reached.wait(LONGEST_WAIT)
        events, images = (
            opened.enter_context(calls.get(f"{address}/{what}", stream=True, timeout=LONGEST_WAIT))
            for what in ("events", "preview?stream=true")
        )
        told = events.iter_lines(decode_unicode=True)
        assert next(line for line in told if line.startswith("event: ")) == "event: state"
        assert next(images.iter_content(64)).startswith(b"--frame")
        frames = iter(socket.recv, "")
        assert json.loads(next(frames))["type"] == "status"
        held.release()
        assert next(line for line in told if line == "event: end")
        assert next(frame for frame in frames if "execution_success" in str(frame))


def a_large_file_arrives_in_little_memory(person: Visitor, app: RunningApp) -> None:
    """Check that an upload of 200 MB arrives complete, with never more than a part of it in
    memory."""
    before = most_memory(from_now=True)
    answer = person.page.evaluate(UPLOAD, 200)
    assert answer["status"] == 200
    assert most_memory() - before < 50 * MIB
    (arrived,) = app.services.copies.uploads.path.glob("*/*/a.bin")
    sent = hashlib.sha256()
    for number in range(200):
        sent.update(bytes([number]) * MIB)
    with arrived.open("rb") as file:
        assert hashlib.file_digest(file, "sha256").digest() == sent.digest()


@pytest.mark.parametrize(("name", "protocol"), [("nginx", "http/1.1"), ("caddy", "h2")])
def test_ten_tabs_of_one_browser(
    name: str, protocol: str, slow: Site, visit: Callable[..., Visitor], tmp_path: Path
) -> None:
    """Each tab shows previews and results of the runs that the first and the last tab start, even
    if the browser opens only six connections."""
    slow.demo.speed.step = 0.1
    with app_behind(name, slow.demo.url, tmp_path, http2=protocol == "h2") as behind:
        person = visit(Site(behind.url, slow.demo, behind.app), ignore_https_errors=True).open()
        assert protocol in person.page.evaluate(PROTOCOLS)
        tabs = [person, *(person.another_tab() for _ in range(TABS - 1))]
        pressed = tabs[0], tabs[-1]
        for tab in pressed:
            tab.press()
        for tab in tabs:
            tab.frames(1)
        slow.demo.speed.step = 0
        for tab in tabs:
            tab.done()
            expect(tab.page.locator("#history .tile img")).to_have_count(len(pressed))
        for tab in reversed(tabs):
            tab.leave()
