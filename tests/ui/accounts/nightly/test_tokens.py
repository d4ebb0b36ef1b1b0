"""Tokens for scripts: creation, use and revocation in a running app."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import requests
from sqlalchemy import make_url

from comfyui_standin import DemoServer
from tests.security.signing_in import history_status, signed_in
from tests.support.serving import RunningApp, running_app
from tests.support.waiting import LONGEST_WAIT, eventually
from tests.ui.accounts import test_tokens as twin
from tests.ui.accounts.test_tokens import ANNA, BEN, CLOCK, asked, link, make, page
from ui.settings.web_settings import WebSettings

settings, demo, app = twin.settings, twin.demo, twin.app


def test_tokens_survive_a_restart_and_the_end_of_sessions(
    demo: DemoServer, settings: WebSettings
) -> None:
    """The app also keeps each token's last use. The file contains no usable token."""
    with running_app(demo.url, settings=settings) as app, signed_in(app, BEN) as ben:
        token = make(ben, app, "lasting")
        ben.post(f"{app.url}/logout/everywhere", timeout=LONGEST_WAIT)
        CLOCK.now += 24 * 3600
        assert asked(app, "/api/v1/runs", token).status_code == 200
        used = re.findall("Last used on [^.]*", _page_of_ben(app))
    kept = make_url(settings.sign_in.kept or "").database
    assert token.encode() not in Path(kept or "").read_bytes()
    with running_app(demo.url, settings=settings) as app:
        assert used
        assert set(used) <= set(re.findall("Last used on [^.]*", _page_of_ben(app)))
        assert asked(app, "/api/v1/runs", token).status_code == 200


def _page_of_ben(app: RunningApp) -> str:
    with signed_in(app, BEN) as ben:
        return page(ben, app)


def test_a_link_lets_guests_in(demo: DemoServer, settings: WebSettings, app: RunningApp) -> None:
    """Each guest has a separate identity and sees no other guest's runs. A signed-in user stays
    signed in. An app that starts without the link ends the link and signs its guests out, also in
    other processes."""
    first, second = requests.Session(), requests.Session()
    with first, second, signed_in(app, ANNA) as anna:
        old = link(app)
        address = f"{app.url}/join/{old}"
        for one in (first, second, anna):
            assert one.get(address, timeout=LONGEST_WAIT).url == f"{app.url}/"
        call = {"data": ["text-to-image", {"5.steps": 1}]}
        first.post(f"{app.url}/gradio_api/call/run", json=call, timeout=LONGEST_WAIT)

        def runs(browser: requests.Session) -> int:
            return len(
                browser.get(f"{app.url}/api/v1/runs?with_page=true", timeout=LONGEST_WAIT).json()[
                    "runs"
                ]
            )

        eventually(lambda: runs(first) == 1)
        assert runs(second) == 0
        user = f"{app.url}/gradio_api/user"
        names = [one.get(user, timeout=LONGEST_WAIT).json() for one in (first, second, anna)]
        assert names == ["Guest", "Guest", "anna"]
        wrong = requests.get(f"{app.url}/join/{'x' * 43}", timeout=LONGEST_WAIT)
        assert (wrong.status_code, "no longer works" in wrong.text) == (404, True)
        without = replace(settings, sign_in=replace(settings.sign_in, share_link=False))
        assert history_status(app, first) == 200
        with running_app(demo.url, settings=without) as other:
            assert [history_status(other, one) for one in (first, anna)] == [401, 200]
            assert first.get(f"{other.url}/join/{old}", timeout=LONGEST_WAIT).status_code == 404
            eventually(lambda: history_status(app, first) == 401)
        with running_app(demo.url, settings=settings) as other:
            assert history_status(other, first) == 401
            assert link(other) != old
            eventually(lambda: link(app) == link(other))
