"""Users in a file, sessions and the share link, in a running app."""

from __future__ import annotations

import contextlib
import re
import sqlite3
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import requests
import websocket
from gradio_client import Client

from comfy.base.errors import ComfyError
from comfyui_standin import DemoServer
from tests.security.signing_in import history_status, sign_in, signed_in, socket_of
from tests.support.http_client import close_code
from tests.support.serving import PAINTED, RunningApp, running_app
from tests.support.waiting import LONGEST_WAIT, eventually
from ui.accounts import database
from ui.accounts.login import TOKEN_PREFIX, SignInSettings, sign_in_address
from ui.accounts.users import UsersFile
from ui.settings.web_settings import WebSettings
from ui.web.identity import NO_LOGIN

ANNA, BEN = ("anna", "a lighthouse at dusk"), ("ben", "a harbour in rain")


@pytest.fixture(scope="module")
def demo(own_temporary_folder: Path) -> Iterator[DemoServer]:
    """Run a demo server without delays."""
    with DemoServer(step_seconds=0, painted=PAINTED) as demo:
        yield demo


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder for users, sessions and tokens."""
    return tmp_path_factory.mktemp("accounts")


@pytest.fixture(scope="module")
def file(folder: Path) -> UsersFile:
    """Create the users file with anna and ben."""
    file = UsersFile(folder / "users.json")
    for name, password in (ANNA, BEN):
        file.add(name, password, "user")
    return file


@pytest.fixture(scope="module")
def settings(folder: Path, file: UsersFile) -> WebSettings:
    """Return the settings of an app for anna and ben, with sessions that survive a restart. The app
    opens the users file as a separate program would."""
    own = UsersFile(file.path)
    return WebSettings(port=0, sign_in=SignInSettings(own, sign_in_address("", folder)))


@pytest.fixture(scope="module")
def app(demo: DemoServer, settings: WebSettings) -> Iterator[RunningApp]:
    with running_app(demo.url, settings=settings) as app:
        yield app


def test_users_of_the_file_can_sign_in(app: RunningApp) -> None:
    """Users sign in with their passwords, and other people can't. A wrong name gets the same answer
    as a wrong password."""
    with signed_in(app, ANNA) as browser, requests.Session() as stranger:
        assert history_status(app, browser) == 200
        told = [
            stranger.post(
                f"{app.url}/login",
                data={"username": name, "password": BEN[1]},
                timeout=LONGEST_WAIT,
            ).text
            for name in ("anna", "nobody")
        ]
        assert told[0] == told[1]
        assert history_status(app, stranger) == 401


def test_the_form_works_before_its_script_is_there(app: RunningApp) -> None:
    """If the browser submits the form itself, the app redirects it to the page, or shows the form
    again with an error."""
    address = f"{app.url}/login"
    with requests.Session() as browser:
        browser.headers["Accept"] = "text/html,*/*"
        wrong = {"username": "anna", "password": "a guess"}
        page = browser.post(address, wrong, timeout=LONGEST_WAIT)
        assert (page.status_code, "Wrong username or password." in page.text) == (400, True)
        assert 'name="password"' in page.text
        right = {"username": "anna", "password": ANNA[1]}
        assert browser.post(address, right, timeout=LONGEST_WAIT).url == f"{app.url}/"
        assert history_status(app, browser) == 200


def test_an_anonymous_browser_gets_the_sign_in_form(app: RunningApp) -> None:
    """The API page and the sign-in page show a sign-in form and then lead on. A program gets the
    usual JSON error."""
    shown = {"Accept": "text/html,*/*"}
    with signed_in(app, ANNA) as anna, requests.Session() as stranger:
        for path, title, then in (
            ("/login", "ComfyForms", "/"),
            ("/api/v1/docs", "ComfyForms API", "/api/v1/docs"),
        ):
            address = f"{app.url}{path}"
            page = stranger.get(address, headers=shown, timeout=LONGEST_WAIT)
            assert (page.status_code, 'name="password"' in page.text) == (401, True)
            assert '<base href="/"' in page.text
            assert "frame-ancestors" in page.headers["content-security-policy"]
            told = stranger.get(address, timeout=LONGEST_WAIT)
            assert (told.status_code, "json" in told.headers["content-type"]) == (401, True)
            led = anna.get(address, headers=shown, timeout=LONGEST_WAIT)
            assert (led.status_code, led.url, title in led.text) == (200, f"{app.url}{then}", True)


def test_gradios_python_client_signs_in(app: RunningApp) -> None:
    """The client signs in with a name and a password, as Gradio's documentation describes."""
    client = Client(app.url, auth=ANNA, verbose=False)
    assert "text-to-image" in str(client.predict(api_name="/workflows"))


def test_a_removed_user_is_signed_out_at_once(app: RunningApp, file: UsersFile) -> None:
    """The app ends the user's sessions and notifies their open pages, without a restart. A new user
    of that name doesn't inherit the sessions."""
    file.add("cleo", "a buoy in fog", "user")
    with requests.Session() as browser:
        eventually(lambda: sign_in(app, browser, ("cleo", "a buoy in fog")) == 200)
        with socket_of(app, browser) as news:
            assert news.recv()
            file.remove("cleo")
            assert close_code(news) == NO_LOGIN
        assert history_status(app, browser) == 401
        file.add("cleo", "a buoy in fog", "user")
        with requests.Session() as other:
            eventually(lambda: sign_in(app, other, ("cleo", "a buoy in fog")) == 200)
        assert history_status(app, browser) == 401


def test_a_removed_user_is_signed_out_once_threads_start_again(
    demo: DemoServer,
    settings: WebSettings,
    file: UsersFile,
    refused_threads: set[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The app reads the users file again as soon as the system can start threads."""
    elsewhere = UsersFile(file.path)
    elsewhere.add("dora", "a buoy in fog", "user")
    refused_threads.add("asyncio")
    with running_app(demo.url, settings=settings) as app, requests.Session() as browser:
        # Each job of the app once, at its start, and this file a second time.
        eventually(lambda: sum(one.exc_info is not None for one in caplog.records) > 4)
        refused_threads.clear()
        eventually(lambda: sign_in(app, browser, ("dora", "a buoy in fog")) == 200)
        elsewhere.remove("dora")
        eventually(lambda: history_status(app, browser) == 401)


def test_a_refused_socket_is_not_logged_as_an_error(
    app: RunningApp, caplog: pytest.LogCaptureFixture
) -> None:
    """The app answers with 401 and logs no error."""
    with requests.Session() as stranger:
        with (
            pytest.raises(websocket.WebSocketBadStatusException) as refused,
            socket_of(app, stranger, "/ws"),
        ):
            pass
        assert refused.value.status_code == 401
    assert history_status(app, stranger) == 401
    assert not [one.getMessage() for one in caplog.records if one.levelname == "ERROR"]


def test_an_unreadable_file_signs_out_all_users(
    demo: DemoServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The app can't know which users were removed. It signs out all users until it can read the
    file again, and logs this once."""
    file = UsersFile(tmp_path / "users.json")
    file.add(*ANNA, "user")
    settings = WebSettings(port=0, sign_in=SignInSettings(UsersFile(file.path)))
    with running_app(demo.url, settings=settings) as app, signed_in(app, ANNA) as browser:
        whole = file.path.read_bytes()
        with socket_of(app, browser) as news:
            assert news.recv()
            file.path.write_bytes(b"no JSON")
            assert close_code(news) == NO_LOGIN
        assert history_status(app, browser) == 401
        said = [one.getMessage() for one in caplog.records if "is damaged" in one.getMessage()]
        assert len(said) == 1
        assert said[0].endswith("Its users can't sign in until it can be read.")
        file.path.write_bytes(whole)
        eventually(lambda: sign_in(app, browser, ANNA) == 200)


def test_a_new_password_ends_sessions_and_tokens(app: RunningApp, file: UsersFile) -> None:
    """The app ends the user's sessions and revokes tokens that another person may have created with
    the old password. Other users stay signed in."""
    with signed_in(app, ANNA) as anna, requests.Session() as dan:
        file.add("dan", "a buoy in fog", "user")
        eventually(lambda: sign_in(app, dan, ("dan", "a buoy in fog")) == 200)
        made = dan.post(f"{app.url}/account/tokens", {"label": "nightly"}, timeout=LONGEST_WAIT)
        (token,) = re.findall(rf"{TOKEN_PREFIX}[\w-]+", made.text)
        script = {"Authorization": f"Bearer {token}"}

        def status_of_script() -> int:
            address = f"{app.url}/api/v1/runs"
            return requests.get(address, headers=script, timeout=LONGEST_WAIT).status_code

        assert status_of_script() == 200
        file.set_password("dan", "a buoy in rain")
        eventually(lambda: history_status(app, dan) == 401)
        assert status_of_script() == 401
        assert history_status(app, anna) == 200


def test_signing_out_everywhere_ends_all_of_a_users_sessions(app: RunningApp) -> None:
    """The app signs the user out in each browser and notifies the open pages there."""
    with (
        signed_in(app, ANNA) as here,
        signed_in(app, ANNA) as there,
        signed_in(app, BEN) as other,
        socket_of(app, there) as news,
    ):
        assert news.recv()
        elsewhere = {"Origin": "https://evil.example"}
        address = f"{app.url}/logout/everywhere"
        assert here.post(address, headers=elsewhere, timeout=LONGEST_WAIT).status_code == 401
        assert here.post(address, timeout=LONGEST_WAIT).status_code == 204
        assert close_code(news) == NO_LOGIN
        assert [history_status(app, one) for one in (here, there, other)] == [401, 401, 200]


def test_a_session_survives_a_restart(
    demo: DemoServer, settings: WebSettings, folder: Path
) -> None:
    """The session of a user whose password is a setting survives too. The file contains no usable
    cookie, and only this account can read it."""
    settings = replace(settings, users=(("eve", "lanterns"),))
    with requests.Session() as anna, requests.Session() as eve, requests.Session() as out:
        with running_app(demo.url, settings=settings) as app:
            for browser, login in ((anna, ANNA), (out, ANNA), (eve, ("eve", "lanterns"))):
                assert sign_in(app, browser, login) == 200
            out.headers["cookie"] = "; ".join(f"{one.name}={one.value}" for one in out.cookies)
            out.post(f"{app.url}/logout", timeout=LONGEST_WAIT)
        with running_app(demo.url, settings=settings) as app:
            assert [history_status(app, one) for one in (anna, eve, out)] == [200, 200, 401]
        changed = replace(settings, users=(("eve", "lanterns at sea"),))
        with running_app(demo.url, settings=changed) as app:
            assert [history_status(app, one) for one in (anna, eve)] == [200, 401]
        kept = folder / "sign_in.sqlite"
        assert stat.S_IMODE(kept.stat().st_mode) == 0o600
        (cookie,) = [one.value for one in anna.cookies if "session" in one.name]
        assert cookie
        assert cookie.encode() not in kept.read_bytes()


def test_a_damaged_session_file_is_reported(demo: DemoServer, tmp_path: Path) -> None:
    """The error says what to do."""
    kept = tmp_path / "sign_in.sqlite"
    kept.write_bytes(b"no database" * 100)
    settings = WebSettings(
        port=0, users=(ANNA,), sign_in=SignInSettings(kept=sign_in_address("", tmp_path))
    )
    with pytest.raises(ComfyError, match="damaged"), running_app(demo.url, settings=settings):
        pass


def test_a_session_file_in_use_is_reported_at_sign_in(
    demo: DemoServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The error says what to do and doesn't count as a wrong password, and the next sign-in
    succeeds. An app that shuts down meanwhile logs the same in one line."""
    monkeypatch.setattr(database, "_LONGEST_LOCK", 0.0)
    kept = tmp_path / "sign_in.sqlite"
    settings = WebSettings(
        port=0, users=(ANNA,), sign_in=SignInSettings(kept=sign_in_address("", tmp_path))
    )
    with (
        contextlib.closing(sqlite3.connect(kept, isolation_level=None)) as other,
        requests.Session() as browser,
    ):
        with running_app(demo.url, settings=settings) as app:
            other.execute("begin exclusive")
            sent = {"username": ANNA[0], "password": ANNA[1]}
            told = browser.post(f"{app.url}/login", data=sent, timeout=LONGEST_WAIT)
            assert told.status_code == 400
            assert re.search("locked.*Check its permissions", told.json()["error"])
            other.execute("commit")
            assert sign_in(app, browser, ANNA) == 200
            other.execute("begin exclusive")
        assert "locked" in caplog.text
        assert not re.search("failed sign-in|Traceback", caplog.text)
