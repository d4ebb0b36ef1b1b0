"""The comfy.org API key on the account page."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from tests.security.signing_in import signed_in
from tests.support.samples.paid import OWN_KEY
from tests.support.serving import RunningApp, running_demo_app
from tests.support.waiting import LONGEST_WAIT
from ui.settings.web_settings import WebSettings

ANNA, BEN = ("anna", "lighthouse"), ("ben", "harbour")


@pytest.fixture
def app() -> Iterator[RunningApp]:
    settings = WebSettings(port=0, users=(ANNA, BEN))
    with running_demo_app(step_seconds=0, settings=settings) as (_, app):
        yield app


def post(browser: requests.Session, app: RunningApp, **form: str) -> requests.Response:
    return browser.post(f"{app.url}/account/key", form, timeout=LONGEST_WAIT)


def test_a_user_sets_and_removes_a_key_that_is_never_shown(app: RunningApp) -> None:
    """The page says whether there is a key. Another user has none."""
    keys = app.services.starter.payment.keys
    assert keys is not None
    with signed_in(app, ANNA) as anna:
        assert "You have no key." in anna.get(f"{app.url}/account", timeout=LONGEST_WAIT).text
        page = post(anna, app, key=f" {OWN_KEY} ").text
        assert "Your key is set." in page
        assert OWN_KEY not in page
        assert keys.of("user:anna") == OWN_KEY
        assert keys.of("user:ben") is None
        removed = anna.post(f"{app.url}/account/key/remove", timeout=LONGEST_WAIT)
        assert "You have no key." in removed.text
        assert keys.of("user:anna") is None


def test_keys_of_removed_users_are_deleted(app: RunningApp) -> None:
    """A later user with the same name doesn't get the key. Others keep theirs."""
    keys = app.services.starter.payment.keys
    assert keys is not None
    for name in ("user:anna", "user:gone"):
        keys.put(name, OWN_KEY)
    keys.forget(app.asgi.state.identity.is_removed)
    assert keys.of("user:anna") == OWN_KEY
    assert keys.of("user:gone") is None


def test_the_page_refuses_what_cannot_be_a_key(app: RunningApp) -> None:
    """The error doesn't repeat the text."""
    with signed_in(app, ANNA) as anna:
        answer = post(anna, app, key="two words of nonsense")
        assert answer.status_code == 422
        assert "Copy it again." in answer.text
        assert "nonsense" not in answer.text


def test_only_a_signed_in_browser_of_this_site_changes_keys(app: RunningApp) -> None:
    """Neither a stranger nor another site's page can."""
    with signed_in(app, ANNA) as anna:
        other = {"Origin": "https://evil.example"}
        path = f"{app.url}/account/key"
        answer = anna.post(path, {"key": OWN_KEY}, headers=other, timeout=LONGEST_WAIT)
        assert answer.status_code == 401
    with requests.post(path, {"key": OWN_KEY}, timeout=LONGEST_WAIT) as answer:
        assert answer.status_code == 401
