"""Users whom a reverse proxy has already signed in."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from comfyui_standin import DemoServer
from tests.support.serving import PAINTED, RunningApp, running_app
from tests.support.waiting import LONGEST_WAIT
from ui.accounts.login import SignedIn, SignInSettings
from ui.settings.arguments import read_settings
from ui.settings.web_settings import WebSettings

WAYS = SignInSettings(user_header="X-Forwarded-User")
TRUSTING = WebSettings(port=0, trusted_proxies=("127.0.0.1",), sign_in=WAYS)


@pytest.fixture(scope="module")
def demo(own_temporary_folder: Path) -> Iterator[DemoServer]:
    """Start a server that takes no time."""
    with DemoServer(step_seconds=0, painted=PAINTED) as demo:
        yield demo


@pytest.fixture(scope="module")
def app(demo: DemoServer) -> Iterator[RunningApp]:
    """Serve an app that trusts a proxy on this machine."""
    with running_app(demo.url, settings=TRUSTING) as app:
        yield app


def user(app: RunningApp, *names: str, header: str = "X-Forwarded-User") -> tuple[int, str]:
    connection = http.client.HTTPConnection(urlsplit(app.url).netloc, timeout=LONGEST_WAIT)
    connection.putrequest("GET", "/gradio_api/user")
    for name in names:
        connection.putheader(header, name.encode())
    connection.endheaders()
    answer = connection.getresponse()
    told = answer.read().decode()
    connection.close()
    return answer.status, json.loads(told) if answer.status == 200 else ""


def test_a_trusted_proxy_names_the_user(app: RunningApp) -> None:
    """The header names the user in UTF-8. Several names, no name, or an invalid name identify no
    user."""
    assert user(app, "anna") == (200, "anna")
    assert user(app, "Zoë") == (200, "Zoë")
    assert user(app) == user(app, "") == user(app, "anna", "ben") == user(app, "\x07") == (401, "")
    assert user(app, "anna", header="X-Remote-User") == (401, "")


def test_the_sign_in_page_has_no_unused_password_field(app: RunningApp) -> None:
    """The page says where to sign in instead."""
    page = requests.get(app.url, timeout=LONGEST_WAIT).text
    assert "sign-in page." in page
    assert "<form" not in page


def test_proxy_users_have_their_own_runs_and_tokens(app: RunningApp) -> None:
    """These users work like users who sign in here: they create a token in a browser behind the
    proxy and use it without the proxy."""
    anna = {"X-Forwarded-User": "anna"}
    headers = {"Authorization": f"Bearer {new_token(app, anna)}"}
    told = requests.get(f"{app.url}/gradio_api/user", headers=headers, timeout=LONGEST_WAIT)
    assert told.json() == "anna"


def new_token(app: RunningApp, headers: dict[str, str]) -> str:
    """Make a token for this user and return it."""
    address = f"{app.url}/account/tokens"
    made = requests.post(address, {"label": "nightly"}, headers=headers, timeout=LONGEST_WAIT).text
    return made.partition('id="token">')[2].partition("<")[0]


def test_proxy_users_sign_out_at_the_proxy(demo: DemoServer, app: RunningApp) -> None:
    """The app offers sign-out only if it knows the proxy's address for it. Otherwise, signing out
    would have no effect."""
    anna = {"X-Forwarded-User": "anna"}
    assert requests.post(f"{app.url}/logout", headers=anna, timeout=LONGEST_WAIT).status_code == 204
    who = SignedIn("anna", "proxy")
    assert not app.asgi.state.identity.login.may_sign_out(who)
    led_on = replace(TRUSTING, sign_in=replace(WAYS, sign_out_address="/oauth2/sign_out"))
    with running_app(demo.url, settings=led_on) as other:
        assert other.asgi.state.identity.login.may_sign_out(who)
        answer = requests.post(f"{other.url}/logout", headers=anna, timeout=LONGEST_WAIT)
        assert answer.json() == {"next": "/oauth2/sign_out"}


def test_only_a_trusted_proxy_can_name_users(demo: DemoServer) -> None:
    """The app ignores the header if it comes from an unknown address or if the settings name no
    user header."""
    elsewhere = replace(TRUSTING, trusted_proxies=("10.0.0.1",))
    with running_app(demo.url, settings=elsewhere) as app:
        assert user(app, "anna") == (401, "")
    unnamed = replace(TRUSTING, users=(("ben", "harbour"),), sign_in=SignInSettings())
    with running_app(demo.url, settings=unnamed) as app:
        assert user(app, "anna") == (401, "")


@pytest.mark.parametrize("proxies", [[], ["--trusted-proxies", "*"]])
def test_the_proxies_have_to_be_named(
    proxies: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """If the app trusted any neighbor as a proxy, any neighbor could pose as any user."""
    with pytest.raises(SystemExit):
        read_settings(["--user-header", "X-Forwarded-User", *proxies])
    assert "--user-header: name the proxies with --trusted-proxies" in capsys.readouterr().err
    named = ["--user-header", "X-Forwarded-User", "--trusted-proxies", "10.0.0.7"]
    assert read_settings(named).user_header == "X-Forwarded-User"
