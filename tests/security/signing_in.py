"""Browsers that are signed in."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator

import requests
import websocket

from tests.support.serving import RunningApp
from tests.support.waiting import LONGEST_WAIT

Login = tuple[str, str]  # a name and a password


def sign_in(app: RunningApp, browser: requests.Session, login: Login) -> int:
    """Try to sign in and return the status."""
    sent = {"username": login[0], "password": login[1]}
    return browser.post(f"{app.url}/login", data=sent, timeout=LONGEST_WAIT).status_code


@contextlib.contextmanager
def signed_in(app: RunningApp, login: Login) -> Iterator[requests.Session]:
    """Open a browser session and sign in. It keeps no connection, which would end up in a later test."""
    with requests.Session() as browser:
        browser.headers["connection"] = "close"
        assert sign_in(app, browser, login) == 200
        yield browser


@contextlib.contextmanager
def socket_of(
    app: RunningApp, browser: requests.Session, path: str = "/news"
) -> Iterator[websocket.WebSocket]:
    """Open a socket as this browser."""
    cookies = "; ".join(f"{one.name}={one.value}" for one in browser.cookies)
    connection = websocket.create_connection(
        app.url.replace("http", "ws") + path, timeout=LONGEST_WAIT, cookie=cookies
    )
    try:
        yield connection
    finally:
        connection.shutdown()


def history_status(app: RunningApp, browser: requests.Session) -> int:
    return browser.get(f"{app.url}/api/v1/runs", timeout=LONGEST_WAIT).status_code


def token_of(app: RunningApp, login: tuple[str, str]) -> str:
    """Create a token of a user."""
    with signed_in(app, login) as browser:
        answer = browser.post(f"{app.url}/account/tokens", {"label": "it"}, timeout=LONGEST_WAIT)
    (token,) = re.findall(r"comfyforms_[\w-]{43}", answer.text)
    return str(token)
