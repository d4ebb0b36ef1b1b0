"""Bodies that claim to be JSON."""

from __future__ import annotations

import pytest
import requests

from tests.support.serving import running_demo_app
from tests.support.waiting import LONGEST_WAIT


@pytest.mark.parametrize("path", ["/endpoints/login", "/login"])
def test_a_form_route_refuses_broken_json(path: str, caplog: pytest.LogCaptureFixture) -> None:
    """FastAPI doesn't parse JSON for a form. Broken JSON is the caller's mistake, so the log stays
    empty."""
    with running_demo_app() as (_, app):
        for body in (b'{"username": "\xff"}', b"{", b"[" * 2000):
            answer = requests.post(
                app.url + path,
                body,
                headers={"content-type": "application/json"},
                timeout=LONGEST_WAIT,
            )
            assert answer.status_code == 422
    assert not caplog.records
