"""The error message for a sign-in or sign-out that can't be saved: the reason and the next step."""

from __future__ import annotations

import contextlib
import re
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from comfyui_standin import DemoServer
from tests.security.signing_in import signed_in
from tests.support.serving import RunningApp, running_app
from tests.support.waiting import LONGEST_WAIT
from tests.ui.accounts.openid_provider import openid_provider, settings_of, sign_in_as
from ui.accounts import database
from ui.accounts.login import SignInSettings, sign_in_address
from ui.accounts.openid_store import OpenIDPeople
from ui.settings.web_settings import WebSettings

ANNA = ("anna", "lighthouse")
PAGE = {"accept": "text/html"}


@contextlib.contextmanager
def app_whose_file_is_in_use(kept: Path) -> Iterator[tuple[RunningApp, Callable[[str], object]]]:
    """Serve an app with every sign-in method. Yield it with a function that runs SQL on its file
    from another connection."""
    address = sign_in_address("", kept.parent)
    with (
        DemoServer() as demo,
        openid_provider() as provider,
        contextlib.closing(OpenIDPeople(settings_of(provider), address)) as people,
        contextlib.closing(sqlite3.connect(kept, isolation_level=None)) as other,
    ):
        ways = SignInSettings(kept=address, share_link=True, openid=people)
        settings = WebSettings(port=0, users=(ANNA,), sign_in=ways)
        with running_app(demo.url, settings=settings) as app:
            yield app, other.execute


def test_a_failed_write_at_sign_in_or_out_is_explained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The app explains the failure for each sign-in method, for sign-out, and for creating or
    revoking a token. The error gives the file's name and the next step. Only the log has the file's
    full path."""
    monkeypatch.setattr(database, "_LONGEST_LOCK", 0.0)
    kept = tmp_path / "sign_in.sqlite"
    with app_whose_file_is_in_use(kept) as (app, execute), signed_in(app, ANNA) as anna:
        token = {"label": "script"}
        page = anna.post(f"{app.url}/account/tokens", token, headers=PAGE, timeout=LONGEST_WAIT)
        (revoke,) = re.findall(r'action="(account/tokens/[^/"]+/revoke)"', page.text)
        join = f"{app.url}/join/{app.asgi.state.identity.login.share_link}"
        execute("begin exclusive")
        with requests.Session() as guest, requests.Session() as ben:
            ben.headers.update(PAGE)
            sent = {"username": ANNA[0], "password": ANNA[1]}
            told = {
                "password": guest.post(f"{app.url}/login", sent, timeout=LONGEST_WAIT),
                "guest": guest.get(join, headers=PAGE, timeout=LONGEST_WAIT),
                "OpenID": sign_in_as(app, ben, "1"),
                "no page": guest.get(join, timeout=LONGEST_WAIT),
                "token": anna.post(f"{app.url}/account/tokens", token, timeout=LONGEST_WAIT),
                "revoke": anna.post(f"{app.url}/{revoke}", headers=PAGE, timeout=LONGEST_WAIT),
                "out": anna.post(f"{app.url}/logout", timeout=LONGEST_WAIT),
                "all out": anna.post(f"{app.url}/logout/everywhere", timeout=LONGEST_WAIT),
            }
            sentence = "The file sign_in.sqlite could not be used: database is locked. Check its"
            assert [name for name, one in told.items() if sentence not in one.text] == []
            assert [name for name, one in told.items() if str(tmp_path) in one.text] == []
            pages = {name for name, one in told.items() if "<main" in one.text}
            assert pages == {"guest", "OpenID", "token", "revoke"}
            statuses = {name: one.status_code for name, one in told.items()}
            assert statuses.pop("password") == 400
            assert statuses.pop("token") == 422
            assert set(statuses.values()) == {503}
            execute("commit")
            assert guest.get(join, headers=PAGE, timeout=LONGEST_WAIT).url == f"{app.url}/"
            assert sign_in_as(app, ben, "1").status_code == 303
            assert anna.post(f"{app.url}/logout", timeout=LONGEST_WAIT).status_code == 204
    assert caplog.text.count(f"The file {kept} could not be used") >= len(told)
    assert not re.search("Traceback|failed sign-in", caplog.text)
