"""Protection and end of a session."""

from __future__ import annotations

import contextlib
import json
import logging
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import requests
from websocket import WebSocket

from comfy.runs.interface import Origin, RunPolicy
from comfyui_standin import DemoServer
from tests.security.signing_in import sign_in, signed_in, socket_of
from tests.support.http_client import close_code, finished
from tests.support.serving import PAINTED, RunningApp, running_app
from tests.support.waiting import LONGEST_WAIT, Clock
from ui.accounts.login import SessionTimes, SignInSettings
from ui.settings.web_settings import WebSettings
from ui.web import guesses, logins
from ui.web.identity import NO_LOGIN, REPLACED

PASSWORDS = {"anna": "lighthouse", "ben": "harbour"}
SETTINGS = WebSettings(port=0, users=tuple(PASSWORDS.items()))
ELSEWHERE = {"X-Forwarded-For": "9.9.9.9"}
LONG = {"5.steps": 60}


@pytest.fixture(scope="module")
def demo(own_temporary_folder: Path) -> Iterator[DemoServer]:
    """Run a slow demo server."""
    with DemoServer(step_seconds=0.05, painted=PAINTED) as demo:
        yield demo


@pytest.fixture(scope="module")
def running(demo: DemoServer) -> Iterator[RunningApp]:
    """Run an app for anna and ben."""
    with running_app(demo.url, settings=SETTINGS) as app:
        yield app


@pytest.fixture
def app(running: RunningApp, nothing_left_behind: None) -> Iterator[RunningApp]:
    yield running
    for run in running.runs.known():
        run.cancel()
        finished(run)
    running.close_idle()


def logged_in(
    app: RunningApp, name: str = "anna"
) -> contextlib.AbstractContextManager[requests.Session]:
    """Sign in as this user in a new browser."""
    return signed_in(app, (name, PASSWORDS[name]))


def guess(app: RunningApp, name: str = "anna", **headers: str) -> str:
    """Try a wrong password and return the answer."""
    login = {"username": name, "password": "a guess"}
    return requests.post(f"{app.url}/login", data=login, headers=headers, timeout=LONGEST_WAIT).text


def test_finding_20_logging_out_closes_open_connections(app: RunningApp) -> None:
    """The app immediately closes the browser's sockets, with the code that makes a page ask for a
    sign-in, and removes the cookies."""
    run = app.services.starter.start(
        "text-to-image", LONG, Origin("user:anna"), RunPolicy(deadline=60, watched=False)
    )
    with (
        logged_in(app) as browser,
        socket_of(app, browser) as news,
        socket_of(app, browser) as second_tab,
        socket_of(app, browser, f"/live/{run.id}") as live,
    ):
        for connection in (news, second_tab, live):
            assert connection.recv()
        answer = browser.post(
            f"{app.url}/logout", headers={"Origin": app.url}, timeout=LONGEST_WAIT
        )
        assert answer.status_code == 204
        assert [close_code(one) for one in (news, second_tab, live)] == [NO_LOGIN] * 3
        assert [one.name for one in browser.cookies if "-known-" not in one.name] == []
        assert browser.get(f"{app.url}/api/v1/runs", timeout=LONGEST_WAIT).status_code == 401
    run.cancel()


@pytest.mark.parametrize("name", ["anna", "ben"])
def test_a_sign_in_ends_the_session_that_its_browser_had(app: RunningApp, name: str) -> None:
    """The old session becomes unusable and its sockets close. Open pages reconnect and learn
    whether they still belong to the same user."""

    def person_of(socket: WebSocket) -> object:
        return json.loads(socket.recv())["person"]

    with (
        logged_in(app) as browser,
        logged_in(app) as elsewhere,
        socket_of(app, browser) as news,
        socket_of(app, elsewhere) as other,
    ):
        kept, before = browser.cookies.copy(), person_of(news)
        assert person_of(other) == before
        assert sign_in(app, browser, (name, PASSWORDS[name])) == 200
        assert close_code(news) == REPLACED
        answer = requests.get(f"{app.url}/api/v1/runs", cookies=kept, timeout=LONGEST_WAIT)
        assert answer.status_code == 401
        with socket_of(app, browser) as again:
            assert (person_of(again) == before) is (name == "anna")
        other.send("here")
        assert person_of(other) == before


def test_only_the_page_itself_can_sign_out(app: RunningApp) -> None:
    """Only a POST from the app's own page signs the user out. A link, or a POST from another site
    or an unknown origin, doesn't."""
    with logged_in(app) as browser:

        def asked(method: str, origin: str | None) -> bool:
            headers = {"Origin": origin} if origin else {}
            address = f"{app.url}/logout"
            browser.request(
                method, address, headers=headers, timeout=LONGEST_WAIT, allow_redirects=False
            )
            return browser.get(f"{app.url}/config", timeout=LONGEST_WAIT).status_code == 200

        for method, origin in (
            ("GET", None),
            ("HEAD", None),
            ("POST", "https://evil.example"),
            ("POST", "null"),
        ):
            assert asked(method, origin), f"{method} from {origin}"
        assert not asked("POST", app.url)


def test_finding_20_logging_out_ends_streams_of_events(app: RunningApp) -> None:
    """The app also ends the event streams that a script reads with that browser's session."""
    with logged_in(app) as browser:
        kept = browser.cookies.copy()
        call = {"data": ["text-to-image", LONG]}
        event = browser.post(
            f"{app.url}/gradio_api/call/run", json=call, timeout=LONGEST_WAIT
        ).json()["event_id"]
        address = f"{app.url}/gradio_api/call/run/{event}"
        with requests.get(address, cookies=kept, stream=True, timeout=LONGEST_WAIT) as stream:
            lines = stream.iter_lines()
            assert next(lines)
            browser.post(f"{app.url}/logout", timeout=LONGEST_WAIT)
            rest = list(lines)
        assert not [line for line in rest if b"complete" in line]
        assert len(rest) < 20


def test_finding_20_a_token_is_worth_nothing_after_it(app: RunningApp) -> None:
    """Signing out also invalidates every copy of the cookie."""
    with logged_in(app) as browser:
        kept = browser.cookies.copy()
        browser.post(f"{app.url}/logout", timeout=LONGEST_WAIT)
        for path in ("/api/v1/runs", "/gradio_api/info", "/config"):
            assert (
                requests.get(app.url + path, cookies=kept, timeout=LONGEST_WAIT).status_code == 401
            )


def test_finding_20_other_browsers_stay_logged_in(app: RunningApp) -> None:
    """Signing out ends the session of one browser. The user's other browsers and other users stay
    signed in."""
    with (
        logged_in(app) as here,
        logged_in(app) as there,
        logged_in(app, "ben") as other,
        socket_of(app, there) as news,
    ):
        here.post(f"{app.url}/logout", timeout=LONGEST_WAIT)
        assert news.recv()
        news.send("here")
        assert news.recv()
        assert there.get(f"{app.url}/api/v1/runs", timeout=LONGEST_WAIT).status_code == 200
        assert other.get(f"{app.url}/api/v1/runs", timeout=LONGEST_WAIT).status_code == 200


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "DELETE"])
def test_finding_20_another_site_cannot_sign_users_out(app: RunningApp, method: str) -> None:
    """Another site can use neither a link, an image nor its own form for this."""
    with logged_in(app) as browser:
        for query in ("", "?all_session=true", "/"):
            headers = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
            answer = browser.request(
                method, f"{app.url}/logout{query}", headers=headers, timeout=LONGEST_WAIT
            )
            assert answer.status_code in (401, 403, 404, 405)
        assert browser.get(f"{app.url}/api/v1/runs", timeout=LONGEST_WAIT).status_code == 200


def test_finding_20_a_login_has_an_end(demo: DemoServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A session ends some time after the sign-in or after the browser's last request, whichever
    comes first. The app notifies an open page, which needs no request."""
    monkeypatch.setattr(logins, "LOOK_EVERY", 0.05)
    clock, times = Clock(), SessionTimes(lasts=1000, idle=300)
    settings = replace(SETTINGS, sign_in=SignInSettings(times=times, clock=clock))
    with running_app(demo.url, settings=settings) as app:

        def goes_on(browser: requests.Session) -> bool:
            answers = [
                browser.get(app.url + path, timeout=LONGEST_WAIT)
                for path in ("/api/v1/runs", "/config")
            ]
            (status,) = {answer.status_code for answer in answers}
            return status == 200

        with logged_in(app) as used:
            for _ in range(4):
                clock.now += 240
                assert goes_on(used)
            clock.now += 41
            assert not goes_on(used)
        with logged_in(app) as idle:
            clock.now += 301
            assert not goes_on(idle)
        with logged_in(app) as open_page, socket_of(app, open_page) as news:
            assert news.recv()
            clock.now += 301
            assert close_code(news) == NO_LOGIN


def test_finding_20_guessing_delays_only_the_guesser(
    demo: DemoServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After wrong passwords, the next attempt has to wait, even with the right password. An attempt
    from another address doesn't."""
    monkeypatch.setattr(
        guesses, "NAME", guesses.Patience(free=-5, longest=60.0)
    )  # no free ones: 32 seconds at once
    with running_app(demo.url, settings=SETTINGS) as app:
        address, answers = f"{app.url}/login", list[str]()
        threads = [threading.Thread(target=lambda: answers.append(guess(app))) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sum("Try again in" in answer for answer in answers) == 19
        right = {"username": "anna", "password": "lighthouse"}
        told = requests.post(address, data=right, timeout=LONGEST_WAIT)
        assert told.status_code == 400
        assert "Try again in" in told.json()["error"]
        other = requests.post(address, data=right, headers=ELSEWHERE, timeout=LONGEST_WAIT)
        assert other.status_code == 200  # while here it would take 32 seconds and more


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (WebSettings("0.0.0.0", port=0, users=SETTINGS.users), True),
        (
            WebSettings("0.0.0.0", port=0, users=SETTINGS.users, trusted_proxies=("10.0.0.1",)),
            False,
        ),
        (WebSettings("0.0.0.0", port=0), False),
        (SETTINGS, False),
    ],
)
def test_finding_20_unencrypted_passwords_cause_a_warning(
    settings: WebSettings, said: bool
) -> None:
    """At startup, the app warns if it asks for passwords over plain HTTP on a network."""
    assert settings.is_unencrypted is said


def test_finding_20_failed_logins_are_counted_in_the_log(
    demo: DemoServer, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line reports the number of failures and their address. The log contains no typed text,
    and further attempts before the next report add no lines."""
    monkeypatch.setattr(logins, "REPORT_EVERY", LONGEST_WAIT)
    with caplog.at_level(logging.INFO), running_app(demo.url, settings=SETTINGS) as app:
        for _ in range(12):
            guess(app, "hunter2", **ELSEWHERE)
        guess(app, "hunter2", **{"X-Forwarded-For": "1.1.1.1 forged"})
    said = [record.getMessage() for record in caplog.records if record.name == "ui.web.logins"]
    assert said[0] == "12 failed sign-ins from 9.9.9.9."
    assert len(said) == 2
    assert "hunter2" not in caplog.text
    assert "guess" not in caplog.text
