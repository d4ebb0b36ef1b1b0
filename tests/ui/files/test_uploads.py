"""Uploads and request bodies: their limits, and the stored files."""

from __future__ import annotations

import asyncio
import errno
import re
import shutil
import socket
import threading
from collections.abc import Coroutine, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests
from starlette.exceptions import HTTPException
from starlette.types import Message, Receive, Scope, Send

from comfy.media.checks import MIB, FileLimits
from tests.media.test_checks import png_header
from tests.support.gradio_calls import PageCalls
from tests.support.http_client import ANN, cookie_of, finished, get, start
from tests.support.samples.media import saved
from tests.support.serving import SECRET, RunningApp, running_demo_app
from tests.support.waiting import LONGEST_WAIT, awaited, eventually
from ui.web.cookies import Cookies
from ui.web.identity import Identity
from ui.web.limits import ENVELOPE, BodyLimit, BodyLimitMiddleware, WebLimits
from ui.web.shares import Caller

OWNER = f"browser:{ANN}"
SMALL = WebLimits(FileLimits(size=2 * MIB), body=MIB // 4, arriving=8 * MIB)


@pytest.fixture(scope="module")
def running(own_temporary_folder: Path) -> Iterator[RunningApp]:
    """Run an app with small limits."""
    with running_demo_app(step_seconds=0, limits=SMALL) as (_, app):
        yield app


@pytest.fixture
def app(running: RunningApp, nothing_left_behind: None) -> Iterator[RunningApp]:
    """Yield the app without any uploads."""
    for file in kept(running):
        file.unlink()
    yield running
    running.close_idle()


def kept(app: RunningApp) -> list[Path]:
    return [path for path in app.services.copies.uploads.path.glob("*/*/*") if path.is_file()]


def upload(
    app: RunningApp, data: bytes, name: str = "a.png", field: str = "files"
) -> requests.Response:
    """Upload a file as the page does."""
    files = {field: (name, data)}
    return requests.post(
        f"{app.url}/gradio_api/upload", files=files, cookies=cookie_of(ANN), timeout=LONGEST_WAIT
    )


def test_a_full_disk_is_reported(
    app: RunningApp, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Uploads of the page and of programs get 507, and the log has no traceback."""

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(shutil, "copyfileobj", full)
    refused = upload(app, saved("PNG"))
    assert (refused.status_code, refused.text.partition(".")[0]) == (507, "The disk is full")
    answer = requests.post(
        f"{app.url}/api/v1/uploads",
        files={"a": ("a.png", saved("PNG"))},
        cookies=cookie_of(ANN),
        timeout=LONGEST_WAIT,
    )
    assert (answer.status_code, answer.json()["detail"]) == (507, "The disk is full.")
    assert "Traceback" not in caplog.text
    assert kept(app) == []


def test_an_upload_has_an_unguessable_location(app: RunningApp) -> None:
    """Two uploads of the same file get two locations, which reveal nothing about the file or the
    machine."""
    places = [str(upload(app, saved("PNG")).json()[0]) for _ in range(2)]
    folders = {Path(place).parent.name for place in places}
    assert len(folders) == 2
    assert all(re.fullmatch(r"[0-9a-f]{32}", folder) for folder in folders)
    assert all(Path(place).name == "a.png" for place in places)
    assert len(list(Path(places[0]).parents)) == 2
    assert get(app, f"/gradio_api/file={places[0]}").content == saved("PNG")


@pytest.mark.parametrize(
    "name",
    [
        "../../../evil.png",
        "/etc/evil.png",
        "..\\evil.png",
        "evil\\..\\..\\.png",
        "C:evil.png",
        "a/" * 500 + "b.png",
    ],
)
def test_no_name_leaves_the_folder(app: RunningApp, name: str) -> None:
    """The name of an upload has no effect on where the app keeps it."""
    around = app.services.copies.uploads.path.parent
    before = {path for path in around.rglob("*") if path.is_file()}
    upload(app, saved("PNG"), name)
    (new,) = {path for path in around.rglob("*") if path.is_file()} - before
    assert new.parent.parent.parent == app.services.copies.uploads.path


@pytest.mark.parametrize(
    ("data", "field", "status", "said"),
    [
        (bytes(2 * MIB + 1), "files", 422, "The maximum is 2\xa0MB."),
        (bytes(2 * MIB + ENVELOPE), "files", 413, "This is too large."),
        (png_header(30_000, 30_000), "files", 422, "at most 67 million pixels"),
        (b"", "files", 422, "empty"),
        (b"x", "other", 422, "no file"),
    ],
    ids=["large", "larger", "bomb", "empty", "elsewhere"],
)
def test_refused_uploads_are_not_stored(
    app: RunningApp, data: bytes, field: str, status: int, said: str
) -> None:
    """A message says why, and nothing of the file stays on the disk."""
    answer = upload(app, data, field=field)
    assert (answer.status_code, said in answer.text) == (status, True)
    assert not kept(app)


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("multipart/form-data", b"x"),
        ("multipart/form-data; boundary=b", b"--b\r\n" + b"x" * 20_000),
        (
            "multipart/form-data; boundary=b; charset=nonsense",
            b"--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--",
        ),
        (
            "multipart/form-data; boundary=b",
            b'--b\r\nContent-Disposition: form-data; name="files"\r\n\r\nx\r\n--b--',
        ),
        (
            "multipart/form-data; boundary=b",
            b'--b\r\nContent-Disposition: form-data; name="files"; filename="a',
        ),
        ("multipart/form-data; boundary=" + "b" * 5000, b"--b--"),
        ("application/json", b"[]"),
        ("", b""),
    ],
)
def test_a_malformed_upload_is_refused(app: RunningApp, kind: str, body: bytes) -> None:
    """The app refuses a malformed upload and stores nothing."""
    answer = requests.post(
        f"{app.url}/gradio_api/upload", body, headers={"content-type": kind}, timeout=LONGEST_WAIT
    )
    assert answer.status_code in (400, 422)
    assert not kept(app)


def test_many_files_at_once_are_refused(app: RunningApp) -> None:
    """The app accepts no more files in a request than a page would send. It accepts no more texts,
    because it holds them in memory."""
    files = [("files", (f"{n}.png", saved("PNG"))) for n in range(21)]
    texts = [("text", (None, "x")) for _ in range(21)]
    for sent in (files, texts):
        for path in ("/gradio_api/upload", "/api/v1/uploads"):
            answer = requests.post(f"{app.url}{path}", files=sent, timeout=LONGEST_WAIT)
            assert answer.status_code == 400
    assert not kept(app)


def raw(app: RunningApp, head: str) -> socket.socket:
    """Open a connection and send the head of a request."""
    host, port = app.url.removeprefix("http://").split(":")
    connection = socket.create_connection((host, int(port)), timeout=LONGEST_WAIT)
    connection.sendall(head.replace("\n", "\r\n").encode() + b"\r\n")
    return connection


PATHS = [
    "/gradio_api/upload",
    "/api/v1/workflows",
    "/gradio_api/run/predict",
    "/gradio_api/call/run",
    "/gradio_api/cancel",
    "/login",
]


@pytest.mark.parametrize("path", ["/api/v1/runs", "/api/v1/presets", "/api/v1/runs/x/chain"])
def test_routes_without_files_take_smaller_bodies(app: RunningApp, path: str) -> None:
    """Only the API's routes that take files read bodies as large as a file."""
    size = app.services.limits.page_body + 1
    head = f"POST {path} HTTP/1.1\nHost: localhost\nContent-Length: {size}\n"
    with raw(app, head) as connection:
        assert connection.recv(100).startswith(b"HTTP/1.1 413")


@pytest.mark.parametrize("path", PATHS)
def test_a_claim_of_four_gigabytes_is_refused_at_once(app: RunningApp, path: str) -> None:
    """The app checks the announced size in the headers and refuses the request before any body
    arrives."""
    kind = "multipart/form-data; boundary=b"
    with raw(
        app,
        f"POST {path} HTTP/1.1\nHost: localhost\nContent-Type: {kind}\nContent-Length:"
        f" {4 * 2**30}\n",
    ) as connection:
        assert connection.recv(100).startswith(b"HTTP/1.1 413")


@pytest.mark.parametrize("path", PATHS)
def test_the_actual_length_of_a_chunked_body_counts(app: RunningApp, path: str) -> None:
    """If a chunked body doesn't declare its length, the app cuts it off at the limit."""
    begin = b'--b\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n\r\n'
    kind = "multipart/form-data; boundary=b"
    stop = threading.Event()
    with raw(
        app,
        f"POST {path} HTTP/1.1\nHost: localhost\nContent-Type: {kind}\nTransfer-Encoding:"
        " chunked\n",
    ) as connection:

        def pour() -> None:
            piece = begin + bytes(65536 - len(begin))
            while not stop.is_set():
                try:
                    connection.sendall(b"%x\r\n%s\r\n" % (len(piece), piece))
                except OSError:
                    return
                piece = bytes(65536)

        pouring = threading.Thread(target=pour)
        pouring.start()
        assert connection.recv(100).startswith(b"HTTP/1.1 413")
        stop.set()
        connection.shutdown(socket.SHUT_RDWR)
        pouring.join()
    assert not kept(app)


def test_an_upload_that_breaks_off_leaves_nothing(
    app: RunningApp, own_temporary_folder: Path
) -> None:
    """If a browser disconnects in the middle of an upload, the app leaves nothing on the disk or
    among temporary files."""
    begin = '--b\nContent-Disposition: form-data; name="files"; filename="a.png"\n\n'
    head = (
        "POST /gradio_api/upload HTTP/1.1\nHost: localhost\nContent-Type: multipart/form-data;"
        " boundary=b\n"
    )
    with raw(app, f"{head}Content-Length: {2 * MIB}\n\n{begin}") as connection:
        connection.sendall(bytes(MIB + MIB // 2))
    assert upload(app, saved("PNG")).ok
    eventually(lambda: len(kept(app)) == 1)


def test_too_many_bodies_at_once_are_refused() -> None:
    """When partial requests fill the memory, the app answers the next request with 503. It accepts
    the request once memory is free."""
    awaited(fill_the_memory())


async def fill_the_memory() -> None:
    """Hold nearly all of the allowed memory with one request, and release it on a signal."""
    end = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await end.wait()

    def request(size: int) -> Coroutine[Any, Any, None]:
        async def receive() -> Message:
            return {"type": "http.request", "body": bytes(size)}

        async def send(_: Message) -> None:
            pass

        return bound({"type": "http", "scheme": "http", "path": "/", "headers": []}, receive, send)

    bound = BodyLimitMiddleware(
        app,
        Identity(Cookies(SECRET)),
        WebLimits(page_body=100, arriving=100),
        lambda _: BodyLimit.PAGE,
    )
    first = asyncio.ensure_future(request(90))
    await asyncio.sleep(0)
    for size, status in ((101, 413), (11, 503)):
        with pytest.raises(HTTPException) as refused:
            await request(size)
        assert refused.value.status_code == status
    end.set()
    await first
    await request(11)


def test_uploads_have_one_limit_wherever_they_are_sent(app: RunningApp) -> None:
    """Uploads to one route count against the address's limit at the other route."""
    room, limits = app.services.rooms.uploads, app.services.limits
    others = [Caller(f"person {at}", "127.0.0.1") for at in range(limits.address_uploading)]
    eventually(lambda: not room.taken)  # a place is given back after the answer
    assert all(map(room.take, others))
    files = {"file": ("a.png", saved("PNG"))}
    to_api = requests.post(f"{app.url}/api/v1/uploads", files=files, timeout=LONGEST_WAIT)
    assert [to_api.status_code, upload(app, saved("PNG")).status_code] == [503, 503]
    for one in others:
        room.give_back(one)
    assert upload(app, saved("PNG")).ok


def test_a_body_that_dribbles_is_refused() -> None:
    """A stranger who sends a byte now and then can't hold a request open for long."""

    async def dribble() -> None:
        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            while (await receive())["more_body"]:
                pass

        async def receive() -> Message:
            await asyncio.sleep(0.01)
            return {"type": "http.request", "body": b"x", "more_body": True}

        bound = BodyLimitMiddleware(
            app, Identity(Cookies(SECRET)), WebLimits(patience=0.2), lambda _: BodyLimit.PAGE
        )
        with pytest.raises(HTTPException) as refused:
            await bound(
                {"type": "http", "scheme": "http", "path": "/", "headers": []}, receive, receive
            )  # type: ignore[arg-type]
        assert refused.value.status_code == 408

    awaited(dribble())


def test_a_field_explains_the_error_of_its_file(app: RunningApp) -> None:
    """The field's error says that the file is not an image or no longer exists. The app sends
    nothing to the ComfyUI server."""
    page = PageCalls(app).open("image-to-image")
    text, gone = (str(upload(app, data).json()[0]) for data in (b"no image", saved("PNG")))
    file = app.services.copies.uploads.find(OWNER, gone)
    assert file is not None
    file.unlink()
    for place, said in ((text, "Choose an image file"), (gone, "no longer exists")):
        errors = page.said(page.press({"4.image": {"file": place}}))["errors"]
        assert said in errors["4.image"]


def test_the_editor_decodes_nothing_that_was_not_judged(app: RunningApp) -> None:
    """The app refuses a damaged or too large painted image at its field and doesn't decode it."""
    page = PageCalls(app).open("inpaint")
    good = upload(app, saved("PNG")).json()[0]
    cut = upload(app, png_header(100, 100)).json()[0]
    bomb = app.services.copies.uploads.make(OWNER, "bomb.png")
    bomb.write_bytes(png_header(12_000, 12_000))
    place = app.services.copies.uploads.place(bomb)
    for value, said in (
        ({"file": cut, "mask": None}, "can't be read"),
        ({"file": place, "mask": None}, "at most 67 million pixels"),
        ({"file": good, "mask": place}, "at most 67 million pixels"),
    ):
        errors = page.said(page.press({"4.image": value}))["errors"]
        assert [said in sentence for sentence in errors.values()] == [True], errors


def test_results_shown_in_a_form_have_no_place_to_guess(app: RunningApp) -> None:
    """The app copies a user's result to a location that can't be guessed from its name. Each run
    has its own copy."""
    file = finished(start(app)).state.files[0]
    one, same = (app.services.copies.of_server(file, OWNER) for _ in range(2))
    other = replace(app.services.copies, secret=b"another app").of_server(file, OWNER)
    assert one == same
    assert one != other
    of_runs = {app.services.copies.of_server(file, OWNER, run) for run in ("one", "another")}
    assert len(of_runs | {one}) == 3, "another run's may go by the same name after a restart"
    first, second = (app.services.copies.uploads.find(OWNER, place) for place in (one, other))
    assert first is not None
    assert second is not None
    assert first.read_bytes() == second.read_bytes()
    assert app.services.copies.uploads.find("browser:somebody else", one) is None
