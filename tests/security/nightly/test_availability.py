"""One rude visitor gets at most a fair share. The limits are small, so that the tests take seconds.
`python -m tools.benchmarks rude` has the figures at full size."""

from __future__ import annotations

import contextlib
import logging
import select
import socket

import pytest
import requests

from comfy.base.errors import ComfyError
from comfy.media.checks import MIB
from comfy.runs.interface import Origin, RunPolicy
from comfy.runs.limits import RunLimits
from tests.support.gradio_calls import PageCalls
from tests.support.http_client import ANN, BOB, cookie_of, finished, get, page_open, start
from tests.support.raw_requests import JSON, RUDE, begun, sent, status
from tests.support.samples.media import saved
from tests.support.serving import RunningApp, running_demo_app
from tests.support.waiting import LONGEST_WAIT, eventually
from ui.settings.web_settings import WebSettings
from ui.web.identity import NOBODY
from ui.web.limits import LOGIN_FORM, WebLimits

BRIEF = RunPolicy(deadline=60, watched=False)
LOGIN = WebSettings(port=0, users=(("ann", "secret"), ("bob", "hidden")))
FORM = "application/x-www-form-urlencoded"
FILES = "multipart/form-data; boundary=b"


def upload(app: RunningApp, cookie: str = ANN) -> requests.Response:
    """Upload a complete file as an honest user."""
    files = {"files": ("a.png", saved("PNG"))}
    return requests.post(
        f"{app.url}/gradio_api/upload", files=files, cookies=cookie_of(cookie), timeout=LONGEST_WAIT
    )


def test_finding_06_without_a_login_no_body_is_read() -> None:
    """The app answers 401 before a byte of the body arrives, on every path."""
    calls = [
        f"/gradio_api/{name}"
        for name in ("run/predict", "queue/join", "call/run", "cancel", "reset", "upload")
    ]
    with running_demo_app(step_seconds=0, settings=LOGIN) as (_, app):
        for path in (
            *calls,
            "/api/v1/workflows",
            "/api/v1/workflows/x/keep",
            "/api/v1/runs/x/again",
            "/nothing",
        ):
            with sent(app, *begun(path, MIB)) as connection:
                assert status(connection) == 401, path
        with sent(app, *begun("/login", LOGIN_FORM + 1, FORM)) as connection:
            assert status(connection) == 413


def test_finding_06_slow_logins_hold_no_place() -> None:
    """The app answers a complete sign-in form, however many forms arrive slowly."""
    limits = WebLimits(patience=2 * LONGEST_WAIT)  # they outlast its wait
    with (
        running_demo_app(step_seconds=0, settings=LOGIN, limits=limits) as (_, app),
        contextlib.ExitStack() as slow,
    ):
        for _ in range(20):
            slow.enter_context(sent(app, *begun("/login", 100, FORM, "username=ann&pass")))
        right = requests.post(
            f"{app.url}/login",
            data={"username": "ann", "password": "secret"},
            timeout=LONGEST_WAIT,
        )
        assert right.status_code == 200


def test_finding_06_slow_uploads_leave_room_and_end() -> None:
    """One address gets a share of the upload slots, while another user uploads. Slow uploads end
    with an error."""
    limits = WebLimits(uploading=4, person_uploading=2, address_uploading=2, patience=4.0)
    begin = '--b\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n\r\n'
    with (
        running_demo_app(step_seconds=0, limits=limits) as (_, app),
        contextlib.ExitStack() as slow,
    ):
        held = [
            slow.enter_context(sent(app, *begun("/gradio_api/upload", 9000, FILES, begin)))
            for _ in range(5)
        ]
        eventually(
            lambda: len(select.select(held, [], [], 0)[0]) >= 3,
            "those that are too many are told so",
        )
        assert upload(app).status_code == 200
        assert sorted(map(status, held)) == [408, 408, 503, 503, 503]


def test_finding_06_one_address_does_not_fill_the_memory() -> None:
    """Bodies that stop halfway use at most their address's share of memory. The app still accepts
    other users' bodies."""
    limits = WebLimits(
        arriving=400_000, person_arriving=300_000, address_arriving=200_000, patience=20.0
    )
    body = " " * 90_000
    with (
        running_demo_app(step_seconds=0, limits=limits) as (_, app),
        contextlib.ExitStack() as kept,
    ):
        held = [
            kept.enter_context(sent(app, *begun("/api/v1/workflows", 95_000, JSON, body)))
            for _ in range(6)
        ]
        eventually(
            lambda: len(select.select(held, [], [], 0)[0]) >= 4, "the others are told to come later"
        )
        assert PageCalls(app).send(b'{"data": ["' + b"x" * 100_000 + b'"]}').status_code == 422
        for connection in select.select(held, [], [], 0)[0]:
            assert status(connection) == 503


def test_finding_10_connections_per_address_are_limited() -> None:
    """The app immediately closes further connections from the address, and other clients still get
    answers."""
    with running_demo_app(step_seconds=0, limits=WebLimits(address_connections=5)) as (_, app):
        with contextlib.ExitStack() as kept:
            for _ in range(5):
                kept.enter_context(sent(app))
            with sent(app) as one_more:
                assert one_more.recv(1) == b""
            assert requests.get(f"{app.url}/robots.txt", timeout=LONGEST_WAIT).status_code == 200
        eventually(lambda: _answers_the_rude_one(app), "there is room again")


def _answers_the_rude_one(app: RunningApp) -> bool:
    with sent(app, "GET /robots.txt HTTP/1.1", "Host: localhost", "", "") as connection:
        return status(connection) == 200


def test_finding_10_sockets_per_address_are_limited() -> None:
    """The limit holds however many names the address uses. Another user's page still opens."""
    with running_demo_app(step_seconds=0, limits=WebLimits(sockets=6, address_sockets=3)) as (
        _,
        app,
    ):
        host, port = app.url.removeprefix("http://").split(":")
        with contextlib.ExitStack() as kept:
            closed = 0
            for number in range(6):
                own = kept.enter_context(
                    socket.create_connection(
                        (host, int(port)), timeout=LONGEST_WAIT, source_address=(RUDE, 0)
                    )
                )
                page = kept.enter_context(page_open(app, f"{number}" * 43, socket=own))
                closed += page.recv_data()[0] == 8
            assert closed == 3
            with page_open(app, BOB) as honest:
                assert honest.recv()


def test_finding_10_runs_per_address_are_limited() -> None:
    """The limit holds however many names the address uses. The app refuses a further run with an
    error, and another address's run gets its turn before the rude address's last one."""
    with running_demo_app(step_seconds=0.2, run_limits=RunLimits(address=4)) as (_, app):
        rude = []
        for number in range(4):
            owner = f"browser:{number}"
            rude.append(
                app.services.starter.start(
                    "text-to-image", {"5.steps": 60}, Origin(owner, RUDE), BRIEF
                )
            )
        with pytest.raises(ComfyError, match="The queue is full"):
            app.services.starter.start("text-to-image", {}, Origin("browser:9", RUDE), BRIEF)
        other = start(app)
        assert other.turn < rude[3].turn
        for run in (*rude, other):
            run.cancel()


def test_attack_a_client_without_a_cookie_does_not_block_others() -> None:
    """Clients without a cookie share one name. The app doesn't count one client's runs toward the
    limit of a client at another address."""
    with running_demo_app(step_seconds=0.2, run_limits=RunLimits(person=2, hourly=2)) as (_, app):
        rude = [
            app.services.starter.start(
                "text-to-image", {"5.steps": 60}, Origin(NOBODY, RUDE), BRIEF
            )
            for _ in range(2)
        ]
        with pytest.raises(ComfyError, match="limit is 2 at a time"):
            app.services.starter.start("text-to-image", {}, Origin(NOBODY, RUDE), BRIEF)
        runs = [
            *rude,
            app.services.starter.start("text-to-image", {}, Origin(NOBODY, "192.0.2.1"), BRIEF),
        ]
        for run in runs:
            run.cancel()
            finished(run)
        with pytest.raises(ComfyError, match="per hour"):
            app.services.starter.start("text-to-image", {}, Origin(NOBODY, RUDE), BRIEF)


def test_finding_10_too_many_pages_displace_the_users_oldest() -> None:
    """A user who opens too many pages displaces their own oldest page, which asks for a reload.
    Another user's form stays."""
    with running_demo_app(step_seconds=0, limits=WebLimits(person_pages=3)) as (_, app):
        honest, first, *_ = (
            PageCalls(app, BOB).open("text-to-image"),
            *(PageCalls(app).open("text-to-image") for _ in range(4)),
        )
        gone = first.call(first.listener("click"))
        assert (gone.status_code, gone.json()["reload"]) == (422, True)
        assert honest.said(honest.press())["run"]


@pytest.mark.parametrize(
    "header", ["bytes=0-0,2-3", "bytes=a-b", "bytes=-", "lines=1", "bytes=0-9" + "9" * 500]
)
def test_finding_21_any_range_is_answered(app: RunningApp, header: str) -> None:
    """The app serves a range that it understands and refuses any other range, without failing."""
    place = upload(app).json()[0]
    answer = get(app, f"/gradio_api/file={place}", Range=header)
    assert answer.status_code in (206, 400, 416)
    assert get(app, f"/gradio_api/file={place}").content == saved("PNG")


def test_finding_21_nothing_writes_a_traceback(
    app: RunningApp, caplog: pytest.LogCaptureFixture, capfd: object
) -> None:
    """The app answers hostile paths, methods and bodies without a server error and logs at most a
    line for each."""
    for path in (
        "/static/" + "x" * 5000,
        "/static/" + "%C3%A4" * 300,
        "/static/%00",
        "/assets/" + "../" * 500 + "etc/passwd",
        "/gradio_api/queue/data?session_hash=nobody",
        "/gradio_api/queue/data",
        "/gradio_api/call/run/nobody",
        "/gradio_api/call/v2/run/nobody",
        "/gradio_api/file=" + "x" * 5000,
    ):
        assert 400 <= get(app, path).status_code < 500, path
    page = PageCalls(app)
    for answer in (
        page.call({"id": 99}),
        page.call(page.load, "no object"),
        page.call(page.load, batched=True),
    ):
        assert answer.status_code == 422
    for method in ("TRACE", "CONNECT", "PUT", "DELETE", "PURGE"):
        with sent(
            app, f"{method} /gradio_api/call/run HTTP/1.1", "Host: localhost", "", ""
        ) as connection:
            assert 400 <= status(connection) < 500
    for body in (
        "",
        "{}",
        '{"data": 1}',
        '{"data": [], "fn_index": 1e400}',
        '{"session_hash": {}}',
        '{"event_id": [1]}',
    ):
        for name in (
            "run/predict",
            "queue/join",
            "call/run",
            "call/v2/run",
            "call/v2/no",
            "call/no",
            "cancel",
            "reset",
        ):
            kind = {"content-type": JSON}
            answer = requests.post(
                f"{app.url}/gradio_api/{name}", body, headers=kind, timeout=LONGEST_WAIT
            )
            assert 200 <= answer.status_code < 500, (name, body)
    assert _tracebacks(caplog, capfd) == []


@pytest.mark.parametrize(
    "path", ["/gradio_api/run/predict", "/gradio_api/upload", "/api/v1/workflows", "/login"]
)
def test_finding_21_an_interrupted_body_is_not_logged(
    app: RunningApp, path: str, caplog: pytest.LogCaptureFixture, capfd: object
) -> None:
    """The app logs nothing when a client disconnects in the middle of a body."""
    with sent(app, *begun(path, 1000, FILES if "upload" in path else JSON, "--b\r\n")):
        pass
    assert get(app, "/robots.txt").status_code == 200
    assert not [line for line in caplog.records if line.levelno >= logging.WARNING]
    assert _tracebacks(caplog, capfd) == []


def _tracebacks(caplog: pytest.LogCaptureFixture, capfd: object) -> list[str]:
    printed = capfd.readouterr()  # type: ignore[attr-defined]
    return [str(line) for line in caplog.records if line.exc_info] + [
        text for text in printed if "Traceback" in text or "Exception in ASGI" in text
    ]


def test_finding_22_a_call_answers_its_own_caller(app: RunningApp) -> None:
    """Another browser that knows a call's id can't read or end the call, and can't use the page's
    session."""
    address = f"{app.url}/gradio_api"
    body = {"data": ["text-to-image", {"5.steps": 1}], "session_hash": "mine-and-mine-alone"}
    own, other = cookie_of(ANN), cookie_of(BOB)
    event = requests.post(
        f"{address}/call/run", json=body, cookies=own, timeout=LONGEST_WAIT
    ).json()["event_id"]
    for path in (f"call/run/{event}", "queue/data?session_hash=mine-and-mine-alone"):
        assert (
            requests.get(f"{address}/{path}", cookies=other, timeout=LONGEST_WAIT).status_code
            == 404
        )
    ending = {"session_hash": "mine-and-mine-alone", "fn_index": 0, "event_id": event}
    for path in ("cancel", "reset"):
        assert (
            requests.post(
                f"{address}/{path}", json=ending, cookies=other, timeout=LONGEST_WAIT
            ).status_code
            == 404
        )
    assert (
        requests.post(
            f"{address}/call/run", json=body, cookies=other, timeout=LONGEST_WAIT
        ).status_code
        == 404
    )
    told = requests.get(f"{address}/call/run/{event}", cookies=own, timeout=LONGEST_WAIT).text
    assert '"phase": "done"' in told


def test_finding_15_bodies_are_as_small_as_their_path_needs(app: RunningApp) -> None:
    """Only scripts' calls may contain files, so other bodies have a small limit."""
    for path, answer in (
        ("run/predict", 413),
        ("queue/join", 413),
        ("cancel", 413),
        ("call/workflows", 413),
    ):
        with sent(app, *begun(f"/gradio_api/{path}", 5 * MIB)) as connection:
            assert status(connection) == answer, path
    large = b'{"data": ["nothing", {"2.text": "' + b"x" * 5 * MIB + b'"}%b]}'
    kind = {"content-type": JSON}
    for name, more in (("run", b""), ("chain", b""), ("batch", b", {}")):
        path = f"{app.url}/gradio_api/call/{name}"
        called = requests.post(path, large % more, headers=kind, timeout=LONGEST_WAIT)
        assert called.status_code == 200, name
        event = called.json()["event_id"]
        told = requests.get(f"{path}/{event}", timeout=LONGEST_WAIT).text
        assert "not found" in told, name
