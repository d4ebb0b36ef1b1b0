"""Change of one's own password on the account page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from comfy.records.audit import WantedEvents
from tests.security.signing_in import history_status, sign_in, signed_in
from tests.support.serving import RunningApp, running_demo_app
from tests.support.waiting import LONGEST_WAIT, eventually
from ui.accounts.login import SignInSettings
from ui.accounts.users import UsersFile
from ui.settings.web_settings import WebSettings

ANNA, BEN = ("anna", "a lighthouse"), ("ben", "harbour in rain")
NEW = "another lighthouse"


@pytest.fixture
def app(tmp_path: Path) -> Iterator[RunningApp]:
    """Start an app with anna in the users file and ben in the settings."""
    file = UsersFile(tmp_path / "users.json")
    file.add(*ANNA, "user")
    settings = WebSettings(port=0, users=(BEN,), sign_in=SignInSettings(file=file))
    with running_demo_app(step_seconds=0, settings=settings) as (_, app):
        yield app


def change(
    app: RunningApp, browser: requests.Session, current: str, new: str, again: str = ""
) -> requests.Response:
    sent = {"current": current, "new": new, "again": again or new}
    return browser.post(f"{app.url}/account/password", data=sent, timeout=LONGEST_WAIT)


def noted(app: RunningApp) -> list[tuple[str, str]]:
    return [(one.action, one.what) for one in app.runs.history.audit.of(WantedEvents())]


def test_a_change_signs_out_everywhere_else(app: RunningApp) -> None:
    """The browser stays signed in. Other sessions end at once, and only the new password is
    right."""
    with signed_in(app, ANNA) as here, signed_in(app, ANNA) as there:
        answer = change(app, here, ANNA[1], NEW)
        assert [one.status_code for one in (*answer.history, answer)] == [303, 200]
        assert "Your password was changed." in answer.text
        assert 'id="user-menu"' in answer.text
        again = here.get(answer.url, timeout=LONGEST_WAIT)
        assert "Your password was changed." not in again.text
        assert history_status(app, here) == 200
        assert history_status(app, there) == 401
        assert sign_in(app, there, ANNA) == 400
        assert sign_in(app, there, ("anna", NEW)) == 200


def test_a_change_ends_the_tokens(app: RunningApp, tmp_path: Path) -> None:
    """The page lists none of them, also after a change in the shell. The log has the change."""
    with signed_in(app, ANNA) as anna:
        sent = {"label": "my script"}
        page = anna.post(f"{app.url}/account/tokens", data=sent, timeout=LONGEST_WAIT)
        assert "Revoke “my script”?" in page.text
        change(app, anna, ANNA[1], NEW)
        assert "my script" not in anna.get(f"{app.url}/account", timeout=LONGEST_WAIT).text
        assert noted(app) == [
            ("account", "anna changed their password."),
            ("account", "anna created the token “my script”."),
            ("signed-in", "127.0.0.1"),
        ]
        anna.post(f"{app.url}/account/tokens", data=sent, timeout=LONGEST_WAIT)
        UsersFile(tmp_path / "users.json").set_password("anna", ANNA[1])
        eventually(lambda: history_status(app, anna) == 401)
        assert sign_in(app, anna, ANNA) == 200
        assert "my script" not in anna.get(f"{app.url}/account", timeout=LONGEST_WAIT).text


@pytest.mark.parametrize(
    ("current", "new", "again", "why"),
    [
        ("wrong", NEW, NEW, "The current password is wrong."),
        (ANNA[1], NEW, "other", "The new passwords don&#x27;t match."),
        (ANNA[1], "short", "short", "The password must have at least 8 characters."),
    ],
)
def test_a_refused_change_says_why(
    app: RunningApp, current: str, new: str, again: str, why: str
) -> None:
    """The old password and the sessions stay valid. A wrong one is no failed sign-in."""
    with signed_in(app, ANNA) as here, signed_in(app, ANNA) as there:
        answer = change(app, here, current, new, again)
        assert answer.status_code == 422
        assert why in answer.text
        assert history_status(app, there) == 200
    is_noted = ("account", "anna failed to change their password.") in noted(app)
    assert is_noted == (current == "wrong")
    assert "sign-in" not in dict(noted(app))


def test_a_password_in_the_settings_stays(app: RunningApp) -> None:
    """The page says so and has no form, and the route refuses."""
    with signed_in(app, BEN) as ben:
        page = ben.get(f"{app.url}/account", timeout=LONGEST_WAIT).text
        assert "can&#x27;t be changed here" in page
        assert 'name="current"' not in page
        assert change(app, ben, BEN[1], NEW).status_code == 422


def test_other_sites_and_strangers_change_nothing(app: RunningApp) -> None:
    """Another site's page and a request without sign-in get 401."""
    assert change(app, requests.Session(), ANNA[1], NEW).status_code == 401
    with signed_in(app, ANNA) as anna:
        anna.headers["Origin"] = "https://evil.example"
        assert change(app, anna, ANNA[1], NEW).status_code == 401
