"""Users whom a reverse proxy has already signed in."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import requests

from comfyui_standin import DemoServer
from tests.support.serving import RunningApp, running_app
from tests.support.waiting import LONGEST_WAIT, Clock
from tests.ui.accounts import test_user_header as twin
from tests.ui.accounts.test_user_header import TRUSTING, WAYS, new_token, user
from ui.accounts.login import DAY, sign_in_address

demo, app = twin.demo, twin.app


def test_a_token_is_refused_until_the_proxy_names_its_user_again(
    demo: DemoServer, tmp_path: Path
) -> None:
    """S12: the app refuses the token of a user whom the proxy hasn't named for `--session-days`,
    also after a restart. It accepts the token when the proxy names that user again."""
    clock = Clock()
    kept = replace(WAYS, kept=sign_in_address("", tmp_path), clock=clock)
    settings = replace(TRUSTING, sign_in=kept)
    anna = {"X-Forwarded-User": "anna"}
    with running_app(demo.url, settings=settings) as app:
        token = new_token(app, anna)
        clock.now += 29 * DAY
        assert status(app, token) == 200
    with running_app(demo.url, settings=settings) as app:
        assert status(app, token) == 200
        clock.now += DAY
        assert status(app, token) == 401
        clock.now += 300 * DAY
        assert user(app, "anna") == (200, "anna")
        assert status(app, token) == 200
    with running_app(demo.url, settings=settings) as app:
        assert status(app, token) == 200


def status(app: RunningApp, token: str) -> int:
    headers = {"Authorization": f"Bearer {token}"}
    return requests.get(f"{app.url}/api/v1/runs", headers=headers, timeout=LONGEST_WAIT).status_code
