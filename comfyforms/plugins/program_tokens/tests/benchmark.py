"""The first preview of a ComfyUI client whose token is in its address, against a bare server."""

from __future__ import annotations

import re

import requests

from tools.benchmarks.overhead import LOADING, STEP_SECONDS, STEPS, to_first_preview
from tools.benchmarks.tools.app_process import running_app
from tools.benchmarks.tools.clients import WAIT
from tools.benchmarks.tools.figure import Figure
from tools.benchmarks.tools.frames import FrameSource

USER = "ann:lighthouse at dusk"


def measure() -> list[Figure]:
    """Measure the median ratio of paired runs on the same server, which load a model first."""
    source = FrameSource(STEPS, STEP_SECONDS, lead=LOADING)
    with (
        source.serve() as demo,
        running_app(demo.url, "--open", "yes", "--login", USER) as app,
        requests.Session() as browser,
    ):
        name, _, password = USER.partition(":")
        sign_in = {"username": name, "password": password}
        browser.post(f"{app.url}/login", sign_in, timeout=WAIT).raise_for_status()
        created = browser.post(f"{app.url}/account/programs", {"label": "it"}, timeout=WAIT)
        (address,) = re.findall(r'<b id="token">([^<]+)</b>', created.text)
        figure = to_first_preview("client with a token in the path", demo.url, address)
        return [Figure(*figure, "ratio", 1.05)]
