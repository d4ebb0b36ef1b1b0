"""Guessed passwords delay the guesser, but not other users at the same address."""

from __future__ import annotations

import contextlib
import itertools
import threading
from collections.abc import Callable, Iterator

import argon2
import pytest
import requests
from starlette.requests import HTTPConnection

from comfyui_standin import DemoServer
from tests.security.signing_in import sign_in, signed_in
from tests.support.serving import RunningApp, running_app
from tests.support.waiting import LONGEST_WAIT, eventually
from ui.settings.web_settings import WebSettings
from ui.web import guesses
from ui.web.cookies import Cookies
from ui.web.guesses import NAME

ANNA, BEN = ("anna", "lighthouse"), ("ben", "harbour")
SETTINGS = WebSettings(port=0, users=(ANNA, BEN))


@pytest.fixture
def app() -> Iterator[RunningApp]:
    """Run an app for anna and ben, in which no user has signed in yet."""
    with DemoServer() as demo, running_app(demo.url, settings=SETTINGS) as app:
        yield app


def guess(app: RunningApp, name: str, **headers: str) -> int:
    """Try a wrong password and return the status."""
    sent = {"username": name, "password": "a guess"}
    answer = requests.post(f"{app.url}/login", data=sent, headers=headers, timeout=LONGEST_WAIT)
    return answer.status_code


@contextlib.contextmanager
def guessing(
    app: RunningApp,
    names: Callable[[], str],
    threads: int = 4,
    headers: Callable[[], dict[str, str]] = dict,
) -> Iterator[None]:
    """Send wrong passwords for these names at full speed from this address while the block runs."""
    ended, begun = threading.Event(), threading.Barrier(threads + 1)

    def guess_on() -> None:
        for _ in range(NAME.free):
            guess(app, names(), **headers())
        begun.wait(LONGEST_WAIT)
        while not ended.is_set():
            guess(app, names(), **headers())

    own = [threading.Thread(target=guess_on) for _ in range(threads)]
    for thread in own:
        thread.start()
    try:
        begun.wait(LONGEST_WAIT)
        yield
    finally:
        ended.set()
        for thread in own:
            thread.join()


def test_a_known_browser_signs_in_beside_a_guesser(app: RunningApp) -> None:
    """The app accepts the right password in a browser in which the user has signed in before.
    Another client at the address that guesses the same name doesn't prevent that. A new browser has
    to wait."""
    with signed_in(app, ANNA) as browser:
        assert browser.post(f"{app.url}/logout", timeout=LONGEST_WAIT).status_code == 204
        with guessing(app, lambda: "anna"):
            assert sign_in(app, browser, ANNA) == 200
            with requests.Session() as new:
                assert sign_in(app, new, ANNA) == 400


def test_a_new_browser_signs_in_beside_a_guesser(app: RunningApp) -> None:
    """Another client at the same address guesses any number of other names. The new browser can
    still sign in."""
    numbers = itertools.count()
    with guessing(app, lambda: f"name {next(numbers)}"), requests.Session() as new:
        assert sign_in(app, new, ANNA) == 200


def test_a_known_browser_cookie_is_valid_for_one_user() -> None:
    """The cookie isn't valid for another user, for another password of the same user, or in an app
    with another key."""
    cookies = Cookies(b"secret")

    def asking(cookie: str = "") -> HTTPConnection:
        headers = [(b"cookie", cookie.partition(";")[0].encode())]
        return HTTPConnection({"type": "http", "scheme": "http", "headers": headers})

    given = asking(cookies.new_known_browser(asking(), "anna", "a password"))
    assert cookies.known_browser(given, "anna", "a password")
    assert not cookies.known_browser(given, "ben", "a password")
    assert not cookies.known_browser(given, "anna", "another password")
    assert not Cookies(b"another secret").known_browser(given, "anna", "a password")
    (name,) = given.cookies
    for forged in ("", "a", "." * 80, f"{'a' * 43}.{'b' * 43}", given.cookies[name][1:]):
        assert not cookies.known_browser(asking(f"{name}={forged}"), "anna", "a password")


@pytest.mark.parametrize("name", ["anna", "nobody"])
def test_every_name_costs_one_hash(
    app: RunningApp, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The app hashes the password even for a name that doesn't exist, so the response time reveals
    no names."""
    hashed: list[str] = []
    verify = argon2.PasswordHasher.verify

    def counted(self: argon2.PasswordHasher, hash: str, password: str) -> bool:
        hashed.append(password)
        return verify(self, hash, password)  # type: ignore[return-value]

    monkeypatch.setattr(argon2.PasswordHasher, "verify", counted)
    assert guess(app, name) == 400
    assert hashed == ["a guess"]


ELSEWHERE = {"X-Forwarded-For": "9.9.9.9"}


@pytest.mark.parametrize("address", ["9.9.9.8", "2001:db8:0:{}::1"])
def test_attempts_that_wait_have_a_bound(
    monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest, address: str
) -> None:
    """The queue of an address, or of a large IPv6 network, is bounded. A further attempt gets 429,
    while another address can sign in."""
    monkeypatch.setattr(guesses, "_WAITING_OF_ADDRESS", 3)
    app: RunningApp = request.getfixturevalue("app")
    numbers = itertools.count()

    def name() -> str:
        return f"name {next(numbers)}"

    def sender() -> dict[str, str]:
        return {"X-Forwarded-For": address.format(next(numbers) % 10_000)}

    with guessing(app, name, 6, sender):
        eventually(lambda: guess(app, name(), **sender()) == 429, "its places are taken")
        with requests.Session() as other:
            other.headers.update(ELSEWHERE)
            assert sign_in(app, other, ANNA) == 200
