"""The health of the app and its servers, over REST."""

from __future__ import annotations

from comfy.comfyui.servers.reports import fresh
from tests.support.serving import RunningApp


def test_many_questions_are_one_for_the_servers(app: RunningApp) -> None:
    """However many callers ask, the app checks a server once every two seconds."""
    look = fresh(app.services.servers)
    assert look() is look()
