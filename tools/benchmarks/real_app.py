"""The app in front of a real ComfyUI server: its page beside a batch, and a batch whose app is
killed midway."""

from __future__ import annotations

import os
import signal
import tempfile
from collections import Counter

import requests

from tools.benchmarks.rows import Program, frames_of
from tools.benchmarks.tools.app_process import started_app, wait_for_answer
from tools.benchmarks.tools.browser import opened_page
from tools.benchmarks.tools.figure import Figure

ROWS, KILLED_AT = 24, 8  # rows that are done
_TIMEOUT = 60


def page_and_kill(url: str, model: str) -> list[Figure]:
    """Measure the batch owner's page in frames per second, then how the next app resumes the batch,
    according to the server's history."""
    values = {"1.ckpt_name": model, "5.steps": 4, "4.width": 256, "4.height": 256}
    requests.post(f"{url}/history", json={"clear": True}, timeout=_TIMEOUT)
    with tempfile.TemporaryDirectory() as data:
        with started_app(url, "--data", data) as app:
            wait_for_answer(app.url)
            with opened_page(app.url) as page:
                cookies = (f"{one['name']}={one['value']}" for one in page.context.cookies())
                cookie = "; ".join(cookies)
                owner = Program(app.url, cookie, values)
                batch = owner.batch(ROWS)
                owner.wait(batch, 1)
                rate, slow = frames_of(page)
            owner.wait(batch, KILLED_AT)
            os.kill(app.pid, signal.SIGKILL)
        with started_app(url, "--data", data) as app:
            wait_for_answer(app.url)
            Program(app.url, cookie).wait(batch, ROWS)
    seeds = Counter(seeds_of(url))
    return [
        Figure("real: frames a second of a page beside a batch", rate, "", 50, at_least=True),
        Figure("real: its frames p99", slow, "ms", 50),
        Figure("real: rows lost with an app that is killed", ROWS - len(seeds), "rows", 0),
        Figure("real: rows done twice then", seeds.total() - len(seeds), "rows", 0),
    ]


def seeds_of(url: str) -> list[int]:
    history = requests.get(f"{url}/history", timeout=_TIMEOUT).json()
    return [entry["prompt"][2]["5"]["inputs"]["seed"] for entry in history.values()]
