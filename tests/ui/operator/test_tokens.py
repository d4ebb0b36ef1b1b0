"""S12: administrators see and revoke every user's tokens, on their page and in a shell."""

from __future__ import annotations

import html
import re

import requests
import websocket

from tests.support.http_client import close_code
from tests.support.serving import RunningApp
from tests.support.waiting import LONGEST_WAIT
from tests.ui.operator.conftest import Place
from tests.ui.operator.test_actions import last_action
from ui.web.identity import NO_LOGIN


def made_by(app: RunningApp, person: requests.Session, label: str) -> dict[str, str]:
    """Create a token as this user and return its header."""
    address = f"{app.url}/account/tokens"
    answer = person.post(address, {"label": label}, timeout=LONGEST_WAIT)
    (token,) = re.findall(r"comfyforms_[\w-]{43}", answer.text)
    return {"Authorization": f"Bearer {token}"}


def opened_by(app: RunningApp, header: dict[str, str]) -> websocket.WebSocket:
    """Open a script's socket with this token."""
    address = app.url.replace("http", "ws") + "/news"
    socket = websocket.create_connection(address, header=header, timeout=LONGEST_WAIT)
    assert socket.recv()
    return socket


def status(app: RunningApp, header: dict[str, str]) -> int:
    return requests.get(f"{app.url}/api/v1/runs", headers=header, timeout=LONGEST_WAIT).status_code


def test_an_administrator_revokes_tokens_of_other_users(place: Place) -> None:
    """The page shows each token's owner, title and dates. *Revoke* ends the token and closes its
    sockets immediately. Other tokens stay valid."""
    app, address = place.app, f"{place.app.url}/operator/tokens"
    first, second = made_by(app, place.ben, "<b>elder</b>"), made_by(app, place.ben, "younger")
    assert 'href="operator/tokens"' in place.anna.get(f"{app.url}/operator").text
    page = place.anna.get(address, timeout=LONGEST_WAIT).text
    for said in (
        '<b>younger</b></th><td data-name="Owner">ben<',
        html.escape("<b>elder</b>"),
        ">Never<",
        "Revoke “younger” of ben?",
    ):
        assert said in page
    row = page.partition("<b>younger")[2]
    action = re.findall(r'action="(operator/tokens/[\w-]+/revoke)"', row)[0]
    socket = opened_by(app, second)
    for browser, refused in ((place.ben, 404), (requests.Session(), 401)):
        assert browser.post(f"{app.url}/{action}", timeout=LONGEST_WAIT).status_code == refused
    foreign = {"Origin": "https://evil.example"}
    sent = place.anna.post(f"{app.url}/{action}", headers=foreign, timeout=LONGEST_WAIT)
    assert (sent.status_code, status(app, second)) == (401, 200)
    assert place.anna.post(f"{app.url}/{action}", timeout=LONGEST_WAIT).url == address
    assert close_code(socket) == NO_LOGIN
    socket.shutdown()
    assert [status(app, one) for one in (first, second)] == [200, 401]
    assert "younger" not in place.anna.get(address, timeout=LONGEST_WAIT).text
    assert last_action(place) == "anna revoked the token “younger” of ben."


def test_only_administrators_see_the_tokens(place: Place) -> None:
    """Other users get 404. The app asks a visitor who hasn't signed in to sign in."""
    address = f"{place.app.url}/operator/tokens"
    made_by(place.app, place.anna, "of an administrator")
    assert place.ben.get(address, timeout=LONGEST_WAIT).status_code == 404
    nobody = requests.get(address, timeout=LONGEST_WAIT).text
    assert 'id="sign-in"' in nobody
    assert "of an administrator" not in nobody


def test_revoking_ones_own_token_closes_its_sockets(place: Place) -> None:
    """The app closes them immediately, as after an administrator's *Revoke*."""
    header = made_by(place.app, place.ben, "own")
    assert last_action(place, "account") == "ben created the token “own”."
    socket = opened_by(place.app, header)
    page = place.ben.get(f"{place.app.url}/account", timeout=LONGEST_WAIT).text
    own = page.partition("<b>own")[2]
    action = re.findall(r'action="(account/tokens/[\w-]+/revoke)"', own)[0]
    place.ben.post(f"{place.app.url}/{action}", timeout=LONGEST_WAIT)
    assert close_code(socket) == NO_LOGIN
    socket.shutdown()
    assert last_action(place, "account") == "ben revoked the token “own” of ben."
