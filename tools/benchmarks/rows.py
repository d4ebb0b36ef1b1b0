"""A batch of a thousand rows in the app: its effect on another user and on a page, and the state
after a kill midway."""

from __future__ import annotations

import os
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from itertools import pairwise

import requests
from playwright.sync_api import Page

from comfyui_standin import DemoServer
from tools.benchmarks.previews import NOTE_FRAMES
from tools.benchmarks.tools.app_process import started_app, wait_for_answer
from tools.benchmarks.tools.browser import opened_page
from tools.benchmarks.tools.clients import SEED, WORKFLOW, Person
from tools.benchmarks.tools.figure import Figure, percentile

ROWS = 1000
WARM, KILLED_AT = 200, 500  # rows that are done
VALUES = {"5.steps": 2, "4.width": 256, "4.height": 256}
STEP_SECONDS = 0.02
PRESSES = 10
WATCHED = 10.0  # seconds
_PAUSE = 0.1
_LONGEST = 1800.0  # seconds for a batch
_TIMEOUT = 60


def measure() -> list[Figure]:
    """Measure the effects on others beside a batch, and a batch interrupted by a kill."""
    return [*beside_others(), *with_a_kill()]


class Program:
    """Client program that sends a user's requests to the app at `url` with the user's cookie."""

    def __init__(self, url: str, cookie: str, values: Mapping[str, object] = VALUES) -> None:
        self._api, self._headers, self._values = f"{url}/api/v1", {"cookie": cookie}, values

    def batch(self, rows: int = ROWS) -> str:
        """Start a batch and return its id."""
        body = {"values": self._values, "axes": [{"field": SEED, "text": f"1..{rows}"}]}
        return str(self._told("POST", f"/workflows/{WORKFLOW}/batches", body)["id"])

    def run(self, seed: int) -> str:
        """Start a run and return its id."""
        body = {"values": {**self._values, SEED: seed}}
        return str(self._told("POST", f"/workflows/{WORKFLOW}/runs", body)["id"])

    def wait(self, batch: str, rows: int) -> None:
        end = time.monotonic() + _LONGEST
        while (told := self._told("GET", f"/batches/{batch}"))["done"] < rows:
            assert told["state"] == "running", told
            assert time.monotonic() < end, told
            time.sleep(_PAUSE)

    def _told(self, method: str, path: str, body: object = None) -> dict[str, object]:
        answer = requests.request(
            method, self._api + path, json=body, headers=self._headers, timeout=_TIMEOUT
        )
        answer.raise_for_status()
        return dict(answer.json())


def beside_others() -> list[Figure]:
    """Measure the rows that begin before another user's run, the page's frames per second, and the
    growth of the app's memory."""
    with (
        DemoServer(step_seconds=STEP_SECONDS, painted=64) as demo,
        started_app(demo.url) as app,
    ):
        wait_for_answer(app.url)
        with opened_page(app.url) as page:
            cookies = (f"{one['name']}={one['value']}" for one in page.context.cookies())
            owner = Program(app.url, "; ".join(cookies))
            batch = owner.batch()
            owner.wait(batch, 1)
            rate, slow = frames_of(page)
        owner.wait(batch, WARM)
        memory = app.memory()
        other = Program(app.url, Person(app.url).cookie)
        passed = [rows_before(demo, other, ROWS + at) for at in range(1, PRESSES + 1)]
        owner.wait(batch, ROWS)
        grown = app.memory() / memory
    return [
        Figure("rows: sent before another person's run", max(passed), "rows", 1),
        Figure("rows: frames a second of their page", rate, "", 50, at_least=True),
        Figure("rows: its frames p99", slow, "ms", 50),
        Figure(f"rows: memory after {ROWS} / after {WARM}", grown, "ratio", 1.05),
    ]


def frames_of(page: Page) -> tuple[float, float]:
    """Watch a page for a while. Return its frames per second and the 99th percentile of the
    milliseconds between two frames."""
    page.evaluate(NOTE_FRAMES)
    page.wait_for_timeout(1000 * WATCHED)
    drawn = page.evaluate("drawn")
    gaps = [later - earlier for earlier, later in pairwise(drawn)]
    return 1000 * len(gaps) / (drawn[-1] - drawn[0]), percentile(gaps, 0.99)


def rows_before(demo: DemoServer, other: Program, seed: int) -> int:
    run = other.run(seed)
    sent = len(demo.journal.all())
    while "success" not in demo.journal.of(run):
        time.sleep(_PAUSE)
    return max(0, list(demo.journal.all()).index(run) - sent)


def with_a_kill() -> list[Figure]:
    """Measure how the next app resumes a batch after a kill, according to the server's journal."""
    with (
        DemoServer(step_seconds=STEP_SECONDS, painted=64) as demo,
        tempfile.TemporaryDirectory() as data,
    ):
        options = ("--data", data)
        with started_app(demo.url, *options) as app:
            wait_for_answer(app.url)
            cookie = Person(app.url).cookie
            owner = Program(app.url, cookie)
            batch = owner.batch()
            owner.wait(batch, KILLED_AT)
            os.kill(app.pid, signal.SIGKILL)
        with started_app(demo.url, *options) as app:
            wait_for_answer(app.url)
            Program(app.url, cookie).wait(batch, ROWS)
        history, done = demo.queue.history(), Counter[int]()
        for prompt_id, entries in demo.journal.all().items():
            if "started" in entries:
                seed = history[prompt_id]["prompt"][2]["5"]["inputs"]["seed"]
                done[seed] += entries.count("started")
    return [
        Figure("rows: lost with an app that is killed", ROWS - len(done), "rows", 0),
        Figure("rows: done twice then", done.total() - len(done), "rows", 0),
    ]
