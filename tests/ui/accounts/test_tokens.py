"""Tokens for scripts: creation, use and revocation in a running app."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
import websocket

from comfyui_standin import DemoServer
from tests.security.signing_in import signed_in
from tests.support.serving import PAINTED, RunningApp, running_app
from tests.support.waiting import LONGEST_WAIT, Clock, eventually
from ui.accounts.login import SignInSettings, sign_in_address
from ui.settings.web_settings import WebSettings

ANNA, BEN = ("anna", "lighthouse"), ("ben", "harbour")
CLOCK = Clock()


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> WebSettings:
    """Return settings for anna, ben and guests. Their tokens outlive the app."""
    kept = sign_in_address("", tmp_path_factory.mktemp("tokens"))
    ways = SignInSettings(kept=kept, share_link=True, clock=CLOCK)
    return WebSettings(port=0, users=(ANNA, BEN), sign_in=ways)


@pytest.fixture(scope="module")
def demo(own_temporary_folder: Path) -> Iterator[DemoServer]:
    """Start a server that takes no time."""
    with DemoServer(step_seconds=0, painted=PAINTED) as demo:
        yield demo


@pytest.fixture(scope="module")
def app(demo: DemoServer, settings: WebSettings) -> Iterator[RunningApp]:
    with running_app(demo.url, settings=settings) as app:
        yield app


def page(browser: requests.Session, app: RunningApp) -> str:
    return browser.get(f"{app.url}/account", timeout=LONGEST_WAIT).text


def make(browser: requests.Session, app: RunningApp, label: str) -> str:
    """Make a token on the account page and return it."""
    answer = browser.post(f"{app.url}/account/tokens", {"label": label}, timeout=LONGEST_WAIT)
    (token,) = re.findall(r"comfyforms_[\w-]{43}", answer.text)
    return str(token)


def revoke(browser: requests.Session, app: RunningApp) -> int:
    """Revoke the newest token and return the status."""
    token_id = re.findall(r"account/tokens/([\w-]+)/revoke", page(browser, app))[0]
    address = f"{app.url}/account/tokens/{token_id}/revoke"
    return browser.post(address, timeout=LONGEST_WAIT, allow_redirects=False).status_code


def asked(
    app: RunningApp,
    path: str,
    token: str,
    method: str = "GET",
    json: object = None,
    **headers: str,
) -> requests.Response:
    headers = {"Authorization": f"Bearer {token}", **headers}
    return requests.request(
        method, app.url + path, json=json, headers=headers, timeout=LONGEST_WAIT
    )


def test_a_token_identifies_its_user_on_every_kind_of_route(app: RunningApp) -> None:
    """A token works on the app's own routes, Gradio's routes and WebSockets. The user finds the
    script's runs in a browser too."""
    with signed_in(app, ANNA) as anna:
        token = make(anna, app, "nightly")
        assert token not in page(anna, app)  # a reload makes no other, and does not tell it again
        assert page(anna, app).count("nightly</b>") == 1
        path = "/api/v1/workflows/text-to-image/runs"
        assert asked(app, path, token, "POST", json={"values": {"5.steps": 1}}).ok
        eventually(lambda: asked(app, "/api/v1/runs?with_page=true", token).json()["runs"])
        (run,) = asked(app, "/api/v1/runs?with_page=true", token).json()["runs"]
        mine = anna.get(f"{app.url}/api/v1/runs/{run['id']}?with_page=true", timeout=LONGEST_WAIT)
        assert mine.status_code == 200
    for path in ("/gradio_api/info", "/config", "/gradio_api/openapi.json", "/"):
        assert asked(app, path, token).status_code == 200
    assert asked(app, "/gradio_api/user", token).json() == "anna"
    socket = websocket.create_connection(
        app.url.replace("http", "ws") + "/news",
        header={"Authorization": f"Bearer {token}"},
        timeout=LONGEST_WAIT,
    )
    with contextlib.closing(socket):
        assert socket.recv()


def test_an_invalid_token_is_refused(app: RunningApp) -> None:
    """The app answers 401 and says how a script authenticates. A valid session in the same request
    doesn't help. The app ignores another program's token."""
    never = f"comfyforms_{'x' * 43}"
    with signed_in(app, ANNA) as anna:
        for path, method in (
            ("/api/v1/runs", "GET"),
            ("/nothing", "GET"),
            ("/api/v1/workflows", "POST"),
        ):
            wrong = asked(app, path, never, method)
            nobody = requests.request(method, app.url + path, timeout=LONGEST_WAIT)
            assert wrong.status_code == nobody.status_code == 401
            realm = 'Bearer realm="ComfyForms"'
            assert wrong.headers["www-authenticate"] == f'{realm}, error="invalid_token"'
            assert nobody.headers["www-authenticate"] == realm
        for token, status in ((never, 401), ("hf_of_a_space", 200)):
            header = {"Authorization": f"Bearer {token}"}
            answer = anna.get(f"{app.url}/api/v1/runs", headers=header, timeout=LONGEST_WAIT)
            assert answer.status_code == status


def test_a_new_token_is_shown_for_a_minute(app: RunningApp) -> None:
    """The form's response redirects to the page, which shows the token only in that session."""
    with signed_in(app, ANNA) as anna, signed_in(app, ANNA) as elsewhere:
        for later, told in ((60, 1), (61, 0)):
            address, sent = f"{app.url}/account/tokens", {"label": "ci"}
            made = anna.post(address, sent, timeout=LONGEST_WAIT, allow_redirects=False)
            assert (made.status_code, made.headers["location"]) == (303, f"{app.url}/account")
            assert "comfyforms_" not in made.text + page(elsewhere, app)
            CLOCK.now += later
            assert len(re.findall(r"comfyforms_[\w-]{43}", page(anna, app))) == told


def test_a_revoked_token_is_refused(app: RunningApp) -> None:
    """The revocation applies immediately, also to the script that uses the token. The same user's
    other tokens keep working."""
    with signed_in(app, BEN) as ben:
        first = make(ben, app, "elder")
        CLOCK.now += 1
        second = make(ben, app, "younger")
        assert revoke(ben, app) == 303
        assert "elder" in page(ben, app)
        assert "younger" not in page(ben, app)
    assert asked(app, "/api/v1/runs", first).status_code == 200
    assert asked(app, "/api/v1/runs", second).status_code == 401


def test_the_page_shows_when_a_token_was_created_and_used(app: RunningApp) -> None:
    """The page is in the user's language, and shows a token's name as plain text."""
    with signed_in(app, BEN) as ben:
        token = make(ben, app, "<b>dates</b>")
        assert "&lt;b&gt;dates" in page(ben, app)
        assert "Created on Jan 15, 2027. Never used." in page(ben, app)
        assert asked(app, "/api/v1/runs", token).status_code == 200
        assert "Created on Jan 15, 2027. Last used on Jan 15, 2027." in page(ben, app)
        ben.headers["Accept-Language"] = "de"
        told = page(ben, app)
        assert "15.01.2027" in told
        assert '<html lang="de"' in told


def test_only_a_user_in_a_browser_creates_tokens(app: RunningApp) -> None:
    """A token, a guest, another site's page and an anonymous caller can neither create nor revoke
    tokens. Users can't revoke each other's tokens, and a token needs a name."""
    with signed_in(app, ANNA) as anna, signed_in(app, BEN) as ben, requests.Session() as guest:
        token = make(anna, app, "anna's")
        token_id = re.findall(r"account/tokens/([\w-]+)/revoke", page(anna, app))[0]
        guest.get(f"{app.url}/join/{link(app)}", timeout=LONGEST_WAIT)
        assert "Ask the administrator for an account." in page(guest, app)
        for path, sent in (("tokens", {"label": "x"}), (f"tokens/{token_id}/revoke", {})):
            address = f"{app.url}/account/{path}"
            by_token = {"headers": {"Authorization": f"Bearer {token}"}}
            elsewhere = {"headers": {"Origin": "https://evil.example"}}
            told = [
                one.post(address, sent, timeout=LONGEST_WAIT, **more).status_code
                for one, more in (
                    (guest, {}),
                    (requests, by_token),
                    (anna, elsewhere),
                    (requests, {}),
                )
            ]
            assert told == [403, 403, 401, 401]
        ben.post(f"{app.url}/account/tokens/{token_id}/revoke", timeout=LONGEST_WAIT)
        assert asked(app, "/api/v1/runs", token).status_code == 200
        nameless = anna.post(f"{app.url}/account/tokens", {"label": "  "}, timeout=LONGEST_WAIT)
        assert (nameless.status_code, "Give the token a name" in nameless.text) == (422, True)


def test_a_script_with_a_token_needs_no_origin(app: RunningApp) -> None:
    """The app checks a browser's Origin only for cookies, because no page of another site can send
    a token."""
    with signed_in(app, ANNA) as anna:
        token = make(anna, app, "extension")
        elsewhere = {"Origin": "https://elsewhere.example"}
        address = f"{app.url}/api/v1/runs"
        body = {"headers": elsewhere, "json": {"runs": []}, "timeout": LONGEST_WAIT}
        assert anna.patch(address, **body).status_code == 401
    answer = asked(app, "/api/v1/runs", token, "PATCH", **elsewhere)
    assert answer.status_code == 422
    assert not [name for name in answer.headers if name.lower().startswith("access-control")]


def link(app: RunningApp) -> str:
    login = app.asgi.state.identity.login
    return str(login.share_link)
