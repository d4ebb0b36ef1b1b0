"""The log lines of a started app."""

from __future__ import annotations

import re
from pathlib import Path

from comfyui_standin import DemoServer
from tests.support.app_process import started
from tests.support.waiting import eventually


def test_an_app_on_the_network_shows_its_address_at_startup(tmp_path: Path) -> None:
    """The lines give an address to open, never 0.0.0.0, and the requested share link. Both use the
    name that browsers use."""
    with (
        DemoServer() as demo,
        started(
            *("--host", "0.0.0.0", "--server", demo.url, "--data", str(tmp_path)),
            *("--share-link", "yes", "--hosts", "forms.lan"),
        ) as app,
    ):
        eventually(lambda: "Link for guests" in app.said() and "unencrypted" in app.said())
        said = app.said()
        assert re.search(r"Open http://forms\.lan:\d+ in a browser\.", said)
        (address,) = re.findall(r"network use http://forms\.lan:\d+, http://([\d.]+):", said)
        assert address != "0.0.0.0"
        assert "Users must sign in." in said
        assert re.search(r"Link for guests: http://forms\.lan:\d+/join/[\w-]{43}\n", said)
