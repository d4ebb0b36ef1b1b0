"""Guessed passwords delay the guesser, not others at the same address."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
import requests

from comfy.demo import DemoServer
from tests.security.limits.test_guessing import ANNA, SETTINGS, guess, guessing
from tests.security.signing_in import sign_in
from tests.support.serving import RunningApp, running_app
from tests.support.waiting import eventually
from ui.web import guesses

ELSEWHERE = {"X-Forwarded-For": "9.9.9.9"}


@pytest.fixture
def app() -> Iterator[RunningApp]:
    """An app for anna and ben without a sign-in so far."""
    with DemoServer() as demo, running_app(demo.url, settings=SETTINGS) as app:
        yield app


@pytest.mark.parametrize("address", ["9.9.9.8", "2001:db8:0:{}::1"])
def test_attempts_that_wait_have_a_bound(
    monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest, address: str
) -> None:
    """An address, or a large IPv6 network, has a bounded queue. A further attempt gets 429, and
    another address signs in."""
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
