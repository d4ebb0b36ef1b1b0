"""Users who sign in at an OpenID provider, in a running app."""

from __future__ import annotations

import contextlib
import json
import logging
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import requests
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from comfy.library.permissions import Permissions
from comfy.records.tables import digest
from comfyui_standin import DemoServer
from tests.attacks.route_answers import GRADIO, SHUT, WITH_PROVIDER, bare
from tests.attacks.routes import registered
from tests.security.signing_in import history_status
from tests.support.serving import PAINTED, RunningApp, running_app
from tests.support.waiting import LONGEST_WAIT, Clock
from tests.ui.accounts.openid_provider import (
    SECRET,
    StartedProvider,
    openid_provider,
    sent_to,
    settings_of,
    sign_in_as,
)
from ui.accounts.login import DAY, SessionTimes, SignInSettings
from ui.accounts.openid_people import OpenIDSettings
from ui.accounts.openid_provider import LASTS
from ui.accounts.openid_store import OpenIDPeople
from ui.settings.web_settings import WebSettings

ANNA, BEN, CARL = "1", "2", "3"  # as the provider calls them
CALLBACK = "/login/openid/callback"
CLOCK = Clock()


@pytest.fixture(scope="module")
def demo(own_temporary_folder: Path) -> Iterator[DemoServer]:
    """Start a server that takes no time."""
    with DemoServer(step_seconds=0, painted=PAINTED) as demo:
        yield demo


@pytest.fixture(scope="module")
def provider() -> Iterator[StartedProvider]:
    """Start a provider at which anna, ben and carl have accounts."""
    with openid_provider() as provider:
        yield provider


@pytest.fixture(scope="module")
def told(provider: StartedProvider) -> OpenIDSettings:
    return settings_of(provider)


@contextlib.contextmanager
def app_with(
    demo: DemoServer, told: OpenIDSettings, kept: str | None = None, **web: object
) -> Iterator[RunningApp]:
    """Serve an app that signs users in at this provider and stores them in the database `kept`."""
    with contextlib.closing(OpenIDPeople(told, kept)) as people:
        times = SessionTimes(lasts=30 * DAY, idle=30 * DAY)
        ways = SignInSettings(kept=kept, times=times, openid=people, clock=CLOCK)
        operators = Permissions(operates=lambda owner: people.operates(owner.partition(":")[2]))
        settings = WebSettings(port=0, sign_in=ways, **web)  # type: ignore[arg-type]
        with running_app(demo.url, permissions=operators, settings=settings) as app:
            yield app


@pytest.fixture(scope="module")
def app(demo: DemoServer, told: OpenIDSettings) -> Iterator[RunningApp]:
    """Serve an app that forgets all users when it stops."""
    with app_with(demo, told) as app:
        yield app


@pytest.fixture
def browser() -> Iterator[requests.Session]:
    with requests.Session() as browser:
        yield browser


def get(app: RunningApp, browser: requests.Session, path: str) -> requests.Response:
    return browser.get(f"{app.url}{path}", allow_redirects=False, timeout=LONGEST_WAIT)


def user(app: RunningApp, browser: requests.Session, **headers: str) -> object:
    answer = browser.get(f"{app.url}/gradio_api/user", headers=headers, timeout=LONGEST_WAIT)
    return answer.json() if answer.ok else None


def test_users_sign_in_and_return_to_the_requested_page(
    app: RunningApp, provider: StartedProvider, browser: requests.Session
) -> None:
    """The provider gets proof that the same app sends both requests, and the app shows the user's
    name."""
    page = get(app, browser, "/account?new=1").text
    assert "Sign in with Example" in page
    assert 'href="login/openid?to=%2Faccount%3Fnew%3D1"' in page
    assert 'type="password"' not in page
    answer = sign_in_as(app, browser, ANNA, "/account?new=1#end")
    assert answer.headers["location"] == f"{app.url}/account?new=1#end"
    asked, sent = provider.asked["/oauth2/authorize"], provider.asked["/oauth2/token"]
    assert asked["code_challenge"] == create_s256_code_challenge(sent["code_verifier"])
    assert user(app, browser) == "Anna Berg"
    kept = [one for one in answer.raw.headers.getlist("set-cookie") if "Max-Age=0" not in one]
    assert all("HttpOnly" in one and "SameSite=Lax" in one for one in kept)
    assert not any("signing-in" in one.name for one in browser.cookies)


def test_only_users_named_by_the_settings_are_administrators(
    app: RunningApp, browser: requests.Session
) -> None:
    """For each run, an operator sees the name of the user who owns it."""
    for person, status in ((BEN, 404), (ANNA, 200)):
        sign_in_as(app, browser, person)
        assert get(app, browser, "/operator").status_code == status
    identity = app.asgi.state.identity
    anna = next(one for one in identity.login.ways.openid.people.values() if one.username)
    assert identity.name_of(f"openid:{anna.id}") == "Anna Berg"
    for owner, is_removed in ((f"openid:{anna.id}", False), ("openid:gone", True)):
        assert identity.is_removed_key(digest(owner), "Anna Berg") == is_removed


def test_a_user_without_access_gets_a_sentence(app: RunningApp, browser: requests.Session) -> None:
    """The page offers another account. The app ignores an address that the provider hasn't
    verified."""
    answer = sign_in_as(app, browser, CARL, "/account")
    assert answer.status_code == 403
    assert "Carl can&#x27;t use ComfyForms. Ask the administrator" in answer.text
    assert history_status(app, browser) == 401
    again = get(app, browser, "/login/openid?to=/account&other_account=true")
    assert parse_qs(urlsplit(again.headers["location"]).query)["prompt"] == ["select_account"]
    assert "other_account=true" in answer.text


Change = Callable[[requests.Session, dict[str, str]], object]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda _, back: back.update(state="another"), "started in another browser"),
        (lambda browser, _: browser.cookies.clear(), "started in another browser"),
        (lambda *_: setattr(CLOCK, "now", CLOCK.now + LASTS + 1), "started in another browser"),
        (lambda _, back: back.update(code="another"), "confirm your identity"),
        (lambda _, back: back.pop("code"), "Example did not sign you in."),
        (lambda _, back: back.update(error="access_denied"), "Example did not sign you in."),
    ],
    ids=["state", "browser", "time", "code", "nothing", "refused"],
)
def test_attack_a_forged_answer_of_the_provider(
    change: Change,
    said: str,
    app: RunningApp,
    browser: requests.Session,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The app signs no user in and answers with an error message. Neither the answer nor the log
    contains the code or the secret."""
    form = sent_to(browser, f"{app.url}/login/openid")
    back = dict(parse_qsl_of(sent_to(browser, form, sub=ANNA)))
    change(browser, back)
    with caplog.at_level(logging.DEBUG, "ui"):
        answer = get(app, browser, f"{CALLBACK}?{urlencode(back)}")
    assert answer.status_code == 400
    assert said in answer.text
    assert history_status(app, browser) == 401
    for hidden in (SECRET, back.get("code", SECRET), "Traceback"):
        assert hidden not in answer.text + caplog.text


def parse_qsl_of(address: str) -> Iterator[tuple[str, str]]:
    """Return the parameters of an address."""
    return ((name, value) for name, [value] in parse_qs(urlsplit(address).query).items())


def encoded(told: dict[str, object]) -> str:
    """Encode a part of an ID token."""
    return urlsafe_b64encode(json.dumps(told).encode()).decode().rstrip("=")


def as_anna(answer: dict[str, str], head: dict[str, object] | None = None) -> None:
    first, claims, signature = answer["id_token"].split(".")
    told = json.loads(urlsafe_b64decode(f"{claims}=="))
    changed = encoded(told | {"sub": ANNA})
    answer["id_token"] = f"{encoded(head) if head else first}.{changed}.{'' if head else signature}"


@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        ({"/oauth2/authorize": lambda asked: asked.update(nonce="another")}, {}),
        ({}, {"/oauth2/token": as_anna}),
        ({}, {"/oauth2/token": lambda answer: as_anna(answer, {"alg": "none"})}),
        ({}, {"/oauth2/token": lambda answer: answer.pop("id_token")}),
        ({}, {"/userinfo": lambda answer: answer.update(sub=ANNA)}),
        ({}, {"/.well-known/openid-configuration": lambda told: told.update(issuer="https://a.b")}),
    ],
    ids=["nonce", "signature", "unsigned", "no token", "somebody else", "issuer"],
)
def test_attack_an_id_token_for_another_sign_in_is_refused(
    asked: dict[str, Any],
    answered: dict[str, Any],
    app: RunningApp,
    provider: StartedProvider,
    browser: requests.Session,
) -> None:
    """The app refuses an ID token that was issued for another attempt or changed on its way."""
    form = sent_to(browser, f"{app.url}/login/openid")
    provider.change |= asked
    provider.told |= answered
    try:
        answer = browser.get(sent_to(browser, form, sub=BEN), timeout=LONGEST_WAIT)
    finally:
        provider.change.clear()
        provider.told.clear()
    assert answer.status_code == 400
    assert "confirm your identity." in answer.text
    assert history_status(app, browser) == 401


@pytest.mark.parametrize(
    "to",
    [
        "//evil.example",
        "https://evil.example",
        "/\\evil.example",
        "@evil.example",
        ".evil.example/",
    ],
)
def test_attack_a_link_that_leads_elsewhere_after_the_sign_in(
    to: str, app: RunningApp, browser: requests.Session
) -> None:
    """The user lands in the app, whichever address the link names."""
    landed = urlsplit(sign_in_as(app, browser, ANNA, to).headers["location"])
    assert landed.netloc == urlsplit(app.url).netloc


def test_on_a_space_the_provider_leads_back_to_its_public_name(
    demo: DemoServer, told: OpenIDSettings, browser: requests.Session
) -> None:
    """The address uses TLS, regardless of the proxy's headers, and the cookies work inside a
    frame."""
    public = "https://ann-forms.hf.space"
    with app_with(demo, replace(told, address=public), on_a_space=True) as app:
        answer = get(app, browser, "/login/openid")
    asked = parse_qs(urlsplit(answer.headers["location"]).query)
    assert asked["redirect_uri"] == [f"{public}{CALLBACK}"]
    assert "Secure; SameSite=None; Partitioned" in answer.headers["set-cookie"]


def test_a_provider_adds_no_undeclared_routes(app: RunningApp) -> None:
    """Each route has a declared access rule or belongs to Gradio."""
    declared = {bare(rule.path) for rule in app.asgi.state.rules}
    assert declared >= WITH_PROVIDER
    paths = {bare(route.path) for route in registered(app.asgi.routes)}
    assert not paths - declared - GRADIO.keys() - SHUT
