"""Users who sign in at an OpenID provider, in a running app."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import requests

from comfyui_standin import DemoServer
from tests.support.serving import RunningApp
from tests.support.waiting import LONGEST_WAIT
from tests.ui.accounts import test_openid as twin
from tests.ui.accounts.openid_provider import (
    StartedProvider,
    openid_provider,
    sign_in_as,
)
from tests.ui.accounts.test_openid import ANNA, BEN, CLOCK, app_with, get, user
from ui.accounts.login import DAY, sign_in_address
from ui.accounts.openid_people import OpenIDSettings

demo, provider, told, app, browser = twin.demo, twin.provider, twin.told, twin.app, twin.browser


def test_an_unreachable_provider_is_reported(
    app: RunningApp,
    provider: StartedProvider,
    browser: requests.Session,
    demo: DemoServer,
    told: OpenIDSettings,
) -> None:
    """The app explains this in plain words, whether or not users have signed in before. A signed-in
    user stays signed in and can sign out without the provider."""

    def failing(_: object) -> None:
        raise ConnectionAbortedError

    provider.change["/oauth2/token"] = failing
    try:
        answer = sign_in_as(app, browser, ANNA)
    finally:
        provider.change.clear()
    assert (answer.status_code, "Example isn&#x27;t responding." in answer.text) == (502, True)
    with openid_provider() as short_lived:
        gone = replace(told, issuer=short_lived.url)
        with app_with(demo, gone) as other:
            sign_in_as(other, browser, ANNA)
            short_lived.stop()
            answer = get(other, browser, "/login/openid")
            assert (answer.status_code, "Example isn&#x27;t responding." in answer.text) == (
                502,
                True,
            )
            assert user(other, browser) == "Anna Berg"
            assert browser.post(f"{other.url}/logout", timeout=LONGEST_WAIT).status_code == 204
            assert user(other, browser) is None


def test_a_sign_in_survives_a_restart_until_ended_everywhere(
    demo: DemoServer, told: OpenIDSettings, browser: requests.Session, tmp_path: Path
) -> None:
    """Signing out everywhere leads the user to the provider, which signs the user out too."""
    kept = sign_in_address("", tmp_path)
    with app_with(demo, told, kept) as app, requests.Session() as phone:
        for one in (browser, phone):
            sign_in_as(app, one, ANNA)
        with app_with(demo, told, kept) as again:
            assert user(again, browser) == user(again, phone) == "Anna Berg"
            answer = phone.post(f"{again.url}/logout/everywhere", timeout=LONGEST_WAIT)
            then = urlsplit(answer.json()["next"])
            assert (
                f"{then.scheme}://{then.netloc}{then.path}" == f"{told.issuer}/oauth2/end_session"
            )
            assert parse_qs(then.query)["post_logout_redirect_uri"] == [f"{again.url}/"]
            assert user(again, browser) is user(again, phone) is None


def test_users_who_lose_access_are_signed_out(
    demo: DemoServer, told: OpenIDSettings, browser: requests.Session, tmp_path: Path
) -> None:
    """Their tokens stop working too. A token also stops working when the user's last sign-in at the
    provider has expired, until the user signs in again."""
    kept = sign_in_address("", tmp_path)
    with app_with(demo, told, kept) as app:
        sign_in_as(app, browser, BEN)
        made = browser.post(f"{app.url}/account/tokens", {"label": "nightly"}, timeout=LONGEST_WAIT)
        token = made.text.partition('id="token">')[2].partition("<")[0]
        shown = {"Authorization": f"Bearer {token}"}
        with requests.Session() as script:
            assert user(app, script, **shown) == "Ben"
            stricter = replace(told, allowed=("anna@example.org",))
            elsewhere = replace(told, issuer="https://id.example.org")
            for other in (stricter, elsewhere):
                with app_with(demo, other, kept) as later:
                    assert user(later, browser) is user(later, script, **shown) is None
            CLOCK.now += 30 * DAY + 1
            assert user(app, script, **shown) is None
            sign_in_as(app, browser, BEN)
            assert user(app, script, **shown) == "Ben"
