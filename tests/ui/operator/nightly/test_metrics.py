"""The Prometheus metrics, and who can read them."""

from __future__ import annotations

import re

import requests

from comfy.library.permissions import Permissions
from tests.support.serving import RunningApp, running_demo_app
from tests.support.waiting import LONGEST_WAIT
from tests.ui.operator.conftest import Place


def status(app: RunningApp, asking: requests.Session, **headers: str) -> int:
    return asking.get(f"{app.url}/metrics", headers=headers, timeout=LONGEST_WAIT).status_code


def test_only_administrators_read_the_metrics(place: Place) -> None:
    """Administrators can read the metrics with a browser's cookie or with a token. Other signed-in
    users get a 404."""
    address = f"{place.app.url}/account/tokens"
    made = {}
    for name, browser in (("anna", place.anna), ("ben", place.ben)):
        answer = browser.post(address, {"label": "prometheus"}, timeout=LONGEST_WAIT)
        (made[name],) = re.findall(r"comfyforms_[\w-]{43}", answer.text)
    with requests.Session() as script:
        assert status(place.app, script) == 401
        assert status(place.app, script, Authorization=f"Bearer {made['anna']}") == 200
        assert status(place.app, script, Authorization=f"Bearer {made['ben']}") == 404
    assert status(place.app, place.anna) == 200
    assert status(place.app, place.ben) == 404
    assert status(place.app, place.anna, Origin="https://evil.example") == 401


def test_without_a_sign_in_only_this_machine_reads_the_metrics() -> None:
    """Metrics need no sign-in only while other machines can't reach the app. The app refuses
    requests that a local proxy forwards, and all requests once other machines can reach it."""
    alone = Permissions(operates=lambda _: True)
    with running_demo_app(permissions=alone) as (_, app), requests.Session() as script:
        assert status(app, script) == 200
        assert status(app, script, **{"X-Forwarded-For": "192.0.2.7"}) == 404
    with running_demo_app() as (_, app), requests.Session() as script:
        assert status(app, script) == 404
