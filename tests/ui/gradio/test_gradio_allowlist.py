"""The guard in front of Gradio: its routes, pages of other sites, and addresses instead of
files."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import safehttpx
from gradio.processing_utils import async_ssrf_protected_download
from gradio.utils import get_upload_folder

from tests.support.gradio_calls import PageCalls, file_at
from tests.support.http_client import ANN, cookie_of
from tests.support.serving import RunningApp, running_demo_app
from tests.support.waiting import LONGEST_WAIT, awaited
from ui.gradio.allowlist import Call, read_call
from ui.web.limits import WebLimits


@pytest.fixture(scope="module")
def served(own_temporary_folder: Path) -> Iterator[RunningApp]:
    with running_demo_app(step_seconds=0) as (_, app):
        yield app


@pytest.fixture
def app(served: RunningApp, nothing_left_behind: None) -> Iterator[RunningApp]:
    """Return the app. Its connections to the server don't count as leaks."""
    yield served
    served.close_idle()


@pytest.fixture
def listener(
    monkeypatch: pytest.MonkeyPatch, nothing_left_behind: None
) -> Iterator[tuple[str, list[str]]]:
    r"""Run a foreign server, and yield its address and the list of paths that were requested.

    Gradio itself fetches from public addresses only, so the fixture makes this address pass as
    public.
    """
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()

        do_HEAD = do_GET

        def log_message(self, *_: object) -> None:
            pass

    monkeypatch.setattr(safehttpx, "is_public_ip", lambda _: True)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    "path",
    [
        "component_server",
        "process_recording",
        "vibe-edit",
        "stream/abc",
        "run/run",
        "api/predict",
        "run-history/connect",
    ],
)
def test_nothing_else_can_be_called(app: RunningApp, path: str) -> None:
    """The app blocks Gradio's functions for other components and for app developers."""
    before = kept()
    answer = requests.post(
        f"{app.url}/gradio_api/{path}", files={"video": ("a.mp4", b"x")}, timeout=LONGEST_WAIT
    )
    assert answer.status_code == 404
    assert kept() == before


def kept() -> set[Path]:
    """Return the uploaded files."""
    return {path for path in Path(get_upload_folder()).rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    "place", ["/etc/passwd", "{cwd}/app.py", "{uploads}", "{uploads}/../x", "", "{listener}/x"]
)
@pytest.mark.parametrize("route", ["file=", "file/", "proxy="])
def test_no_other_file_and_no_address_is_fetched(
    app: RunningApp, listener: tuple[str, list[str]], route: str, place: str
) -> None:
    """The app shows uploaded files only. It serves no other file on this machine and contacts no
    other machine."""
    address, asked = listener
    named = place.format(cwd=Path.cwd(), uploads=get_upload_folder(), listener=address)
    for spelled in (named, named.replace("/", "%2F"), named.replace("..", "%2e%2e")):
        answer = requests.get(f"{app.url}/gradio_api/{route}{spelled}", timeout=LONGEST_WAIT)
        assert answer.status_code == 404
    assert not asked


def test_urls_and_paths_in_a_call_are_never_read(
    app: RunningApp, listener: tuple[str, list[str]]
) -> None:
    """If a call names a file by URL or by a path on the server, the app neither fetches nor reads
    the file."""
    address, asked = listener
    page = PageCalls(app).open("image-to-image")
    files: list[dict[str, Any]] = [
        file_at(f"{address}/a.png"),
        file_at("/etc/passwd"),
        {"path": "/etc/passwd"},
        file_at(str(Path(get_upload_folder()) / ".." / "x")),
        {"url": "data:image/png;base64,AAAA"},
        file_at(f"{address}/b.png", url=f"{address}/c.png"),
    ]
    for file in files:
        answers = [
            page.draw({**page.choice, "linked": file}),
            page.call(page.load, [[file]]),
            requests.post(
                f"{app.url}/gradio_api/call/run",
                json={"data": ["text-to-image", {"a": file}]},
                timeout=LONGEST_WAIT,
            ),
        ]
        assert [answer.status_code for answer in answers] == [422] * 3
        assert all("uploaded first" in answer.json()["detail"] for answer in answers)
    for wrapped in ({"4.image": f"{address}/d.png"}, {"4.image": {"file": "/etc/passwd"}}):
        assert page.draw({**page.choice, "linked": wrapped, "kept": wrapped}).status_code == 200
        assert page.component("field-4-image")["props"]["value"] != wrapped["4.image"]
        assert "4.image" in page.said(page.press(wrapped))["errors"]
    assert not asked


def test_gradio_alone_would_fetch_the_url(listener: tuple[str, list[str]], tmp_path: Path) -> None:
    """Gradio's own function for addresses in a call reaches the tests' listener."""
    address, asked = listener
    awaited(async_ssrf_protected_download(f"{address}/a.png", str(tmp_path)))
    assert asked == ["/a.png"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[" * 400_000, "nested too deeply"),
        (b'{"data": 1' + b"0" * 5000 + b"}", "not JSON"),
        (b"[]", "JSON object"),
        (b'{"data": ' + b"[" * 60 + b"]" * 60 + b"}", "nested too deeply"),
        (b'{"data": [' + b"0," * 30_000 + b"0]}", "Too many values (maximum 20,000)"),
        (b'{"data": [' + b"{}," * 600_000 + b"0]}", "Too many values (maximum 20,000)"),
        (b'{"data": [{"url": " DATA:image/png;base64,AAAA"}]}', "uploaded first"),
        (b'{"data": [{"path": "/etc/passwd"}]}', "uploaded first"),
        (b'{"data": [{"path": "' + b"x" * 5000 + b'"}]}', "uploaded first"),
        (b'{"data": ["[[[[{{{{,,,,", {"path": 5, "url": "http://127.0.0.1/"}]}', ""),
    ],
)
def test_a_call_is_checked_before_its_use(body: bytes, said: str) -> None:
    """The app refuses a call that isn't a JSON object, is nested too deeply, has too many values or
    names a missing file. It says why."""
    read = read_call(body, WebLimits())
    assert isinstance(read, str) == bool(said)
    assert read == Call() or said in str(read)


@pytest.mark.parametrize(
    "path", ["/gradio_api/run/predict", "/gradio_api/upload", "/gradio_api/call/run", "/login"]
)
@pytest.mark.parametrize("origin", ["https://elsewhere.example", "null", "http://127.0.0.1:1"])
def test_other_sites_pages_can_call_nothing(app: RunningApp, path: str, origin: str) -> None:
    """A page of another site in the same browser can't call the app or read its answers."""
    headers = {"Origin": origin, "Host": "localhost"}
    sent = requests.post(
        app.url + path,
        json={"data": []},
        cookies=cookie_of(ANN),
        headers=headers,
        timeout=LONGEST_WAIT,
    )
    assert sent.status_code in (401, 403)
    for answer in (
        sent,
        requests.get(
            f"{app.url}/config", cookies=cookie_of(ANN), headers=headers, timeout=LONGEST_WAIT
        ),
    ):
        assert not [name for name in answer.headers if name.lower().startswith("access-control")]
    asked = {**headers, "Access-Control-Request-Method": "POST"}
    assert requests.options(app.url + path, headers=asked, timeout=LONGEST_WAIT).status_code == 400


def test_the_page_contacts_no_other_host(app: RunningApp) -> None:
    """The content security policy lets the browser load and contact only this app, even if foreign
    markup gets into the page."""
    policy = requests.get(app.url, timeout=LONGEST_WAIT).headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "http" not in policy


def test_failures_have_a_sentence_and_no_traceback(app: RunningApp) -> None:
    """Where Gradio would answer invalid input with 500, the app only says what to do."""
    page = PageCalls(app)
    for answer in (
        page.call({"id": 99}),
        page.call({"id": -1}),
        page.call(page.load, "no object"),
        page.call(page.load, batched=True),
        page.call(page.load, {}, trigger_id="x"),
    ):
        assert answer.status_code == 422
        assert "Traceback" not in answer.text


def test_public_endpoint_lists_contain_nothing_private(app: RunningApp) -> None:
    """Neither the list of endpoints nor the page's configuration contains a user's file or
    value."""
    page = PageCalls(app).open("image-to-image", kept={"2.text": "a secret of mine"})
    listed = [
        requests.get(app.url + path, timeout=LONGEST_WAIT).text
        for path in ("/config", "/gradio_api/info", "/")
    ]
    listed.append(
        requests.get(f"{app.url}/gradio_api/info?all_endpoints=true", timeout=LONGEST_WAIT).text
    )
    place = page.component("field-4-image")["props"]["value"]["path"]
    assert not [
        text
        for text in listed
        if "a secret of mine" in text or place in text or "example" in text.split("<")
    ]


@pytest.mark.parametrize(
    "path",
    [
        "/monitoring",
        "/monitoring/summary",
        "/pwa_icon/192",
        "/gradio_api/token",
        "/gradio_api/runs",
        "/gradio_api/dev/reload",
        "/gradio_api/deep_link?session_hash=abc",
        "/gradio_api/queue/status",
        "/gradio_api/vibe-code",
        "/gradio_api/heartbeat/abc",
        "/gradio_api/startup-events",
        "/gradio_api/custom_component/1/client/component/index.js",
        "/gradio_api/stream/abc/1/2/playlist.m3u8",
        "/gradio_api/profiling/traces",
    ],
)
def test_unused_functions_are_absent(app: RunningApp, path: str) -> None:
    """The app exposes only the Gradio routes that the page and scripts use."""
    assert requests.get(app.url + path, timeout=LONGEST_WAIT).status_code == 404
