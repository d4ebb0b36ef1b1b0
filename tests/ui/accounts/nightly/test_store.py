"""Apps that share sign-ins in Postgres, a server that doesn't answer, and a frozen process."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from contextlib import closing

import pytest
import requests

from comfyui_standin import DemoServer
from tests.security.signing_in import history_status, sign_in, signed_in, socket_of
from tests.support.http_client import close_code
from tests.support.postgres import empty
from tests.support.serving import PAINTED, running_app
from tests.support.waiting import LONGEST_WAIT, eventually
from ui.accounts import database
from ui.accounts.database import SignInDatabase, SignInStoreError
from ui.accounts.login import SignInSettings
from ui.accounts.store import BrowserSession, SignInStore
from ui.settings.web_settings import WebSettings
from ui.web.identity import NO_LOGIN

ANNA = ("anna", "a lighthouse at dusk")


def settings_with(database: str) -> WebSettings:
    return WebSettings(port=0, users=(ANNA,), sign_in=SignInSettings(kept=database))


def test_a_sign_out_at_one_app_closes_pages_at_another(
    away: tuple[str, Callable[[bool], None]],
) -> None:
    """The user signs in at one app, uses both, and signs out everywhere at one of them."""
    settings = settings_with(away[0])
    with (
        DemoServer(step_seconds=0, painted=PAINTED) as demo,
        running_app(demo.url, settings=settings) as one,
        running_app(demo.url, settings=settings) as other,
        signed_in(one, ANNA) as browser,
    ):
        eventually(lambda: history_status(other, browser) == 200)
        with socket_of(other, browser) as news:
            assert news.recv()
            address = f"{one.url}/logout/everywhere"
            assert browser.post(address, timeout=LONGEST_WAIT).status_code == 204
            assert close_code(news) == NO_LOGIN
        assert history_status(other, browser) == 401


def test_pages_stay_open_while_the_database_is_away(
    away: tuple[str, Callable[[bool], None]], caplog: pytest.LogCaptureFixture
) -> None:
    """Signed-in users stay signed in. A sign-in is refused with a sentence until the database is back."""
    database, switch = away
    sent = {"username": ANNA[0], "password": ANNA[1]}
    with (
        DemoServer(step_seconds=0, painted=PAINTED) as demo,
        running_app(demo.url, settings=settings_with(database)) as app,
        signed_in(app, ANNA) as browser,
        socket_of(app, browser) as news,
    ):
        assert news.recv()
        switch(True)
        eventually(lambda: "Signed-in users stay signed in" in caplog.text)
        assert history_status(app, browser) == 200
        with requests.Session() as late:
            answer = late.post(f"{app.url}/login", sent, timeout=LONGEST_WAIT)
            assert "isn't working. Try again in a moment." in answer.json()["error"]
            switch(False)
            eventually(lambda: sign_in(app, late, ANNA) == 200)
            assert history_status(app, browser) == 200
            news.ping()
            late.post(f"{app.url}/logout/everywhere", timeout=LONGEST_WAIT)
        assert close_code(news) == NO_LOGIN
    assert "Traceback" not in caplog.text


def test_a_silent_server_is_reported_within_seconds() -> None:
    """It accepts the connection and then says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"postgresql+psycopg://forms@127.0.0.1:{silent.getsockname()[1]}/forms"
        began = time.monotonic()
        with pytest.raises(SignInStoreError, match="isn't working"):
            SignInStore(address)
        assert time.monotonic() - began < LONGEST_WAIT / 2


def test_a_frozen_process_blocks_no_other(postgres: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server ends the transaction of a process that stopped in the middle of a change. When the
    process wakes, its change fails."""
    empty(postgres)
    monkeypatch.setattr(database, "_LONGEST_TRANSACTION", 500)
    frozen, woken, failures = threading.Event(), threading.Event(), list[Exception]()

    def change(store: SignInDatabase) -> None:
        try:
            with store.changing():
                frozen.set()
                assert woken.wait(LONGEST_WAIT)
        except SignInStoreError as problem:
            failures.append(problem)

    session = BrowserSession("a session", "anna", "password", "", began=1.0, seen=1.0)
    with closing(SignInDatabase(postgres)) as one, closing(SignInStore(postgres)) as other:
        thread = threading.Thread(target=change, args=(one,))
        thread.start()
        assert frozen.wait(LONGEST_WAIT)
        other.put_session(session)
        woken.set()
        thread.join(LONGEST_WAIT)
        assert len(failures) == 1
        other.refresh()
        assert other.sessions == {session.key: session}
