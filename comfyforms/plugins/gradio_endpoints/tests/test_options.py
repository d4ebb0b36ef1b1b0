"""Options of Gradio's routes that the middleware enforces: limits of bodies, and turns."""

from __future__ import annotations

import pytest

from tests.support.serving import RunningApp
from tests.ui.web.test_route_options import installed, request_for
from ui.web.limits import BodyLimit, BodyLimitMiddleware
from ui.web.shares import TurnMiddleware, Work


@pytest.mark.parametrize("path", ["/config", "/gradio_api/info"])
def test_a_description_takes_turns(app: RunningApp, path: str) -> None:
    work_of = installed(app, TurnMiddleware).work_of
    assert {work_of(request_for(method, path)) for method in ("GET", "HEAD")} == {Work.CATALOG}


def test_a_call_may_have_a_large_body(app: RunningApp) -> None:
    body_of = installed(app, BodyLimitMiddleware).body_of
    assert body_of(request_for("POST", "/gradio_api/call/run")) is BodyLimit.CALL
