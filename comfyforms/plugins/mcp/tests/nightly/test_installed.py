"""`/mcp` exists if its extra is installed."""

from __future__ import annotations

import subprocess
import sys

from tests.imports import ROOT
from tests.support.waiting import LONGEST_WAIT

WITHOUT_EXTRA = """
import sys
sys.modules["mcp"] = None  # as where it is not installed
import requests
from tests.support.serving import running_demo_app
with running_demo_app(step_seconds=0) as (_, app):
    print([requests.request(how, app.url + "/mcp", json={}, timeout=30).status_code for how in ("GET", "POST")])
"""


def test_without_the_extra_the_app_starts() -> None:
    """The app starts in a separate Python that has never imported the extra."""
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_EXTRA],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=2 * LONGEST_WAIT,
    )
    assert done.stdout.strip() == "[404, 404]", done.stderr
