"""Identities that cannot be made up, and cookies whose flags suit the place of the page."""

from __future__ import annotations

import pytest
import requests

from comfy.demo import DemoServer
from tests.security.test_cookies import ANNA, given
from tests.support.http_client import (
    page_open,
)
from tests.support.serving import Served, running_app
from tests.support.waiting import LONGEST_WAIT
from ui.settings.folders import ON_A_SPACE
from ui.settings.web_settings import WebSettings
from ui.web import identity


@pytest.fixture
def demo(served: Served) -> DemoServer:
    """A server that takes no time."""
    return served[0]


def test_finding_10_an_address_gets_so_many_identities(demo: DemoServer) -> None:
    """Identities are free but counted: from one address only so many at once. Those who have one
    keep it, others from elsewhere get theirs."""
    with running_app(demo.url) as app:
        counted = [given(app.url) for _ in range(identity.NEW_BROWSERS + 20)]
        assert sum(bool(cookies) for cookies in counted) in range(
            identity.NEW_BROWSERS, identity.NEW_BROWSERS + 5
        )
        assert given(app.url, **{"X-Forwarded-For": "9.9.9.9"})
        with page_open(app) as page:
            assert page.recv()


def test_finding_12_only_a_spaces_own_hosts_may_frame_the_page(demo: DemoServer) -> None:
    """Another site cannot show the page in a frame, where it could make people click; Hugging Face
    can, on a Space."""
    assert not ON_A_SPACE
    ancestors = []
    for settings in (WebSettings(port=0), ANNA, WebSettings(port=0, on_a_space=True)):
        with (
            running_app(demo.url, settings=settings) as app,
            requests.get(app.url, timeout=LONGEST_WAIT) as page,
        ):
            rules = dict(
                rule.strip().partition(" ")[::2]
                for rule in page.headers["content-security-policy"].split(";")
            )
            ancestors.append(rules["frame-ancestors"])
    assert ancestors == ["'self'", "'self'", "'self' https://huggingface.co"]
