"""Calls of programs that wait for a run when the app shuts down."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from comfy.runs.interface import Origin
from tests.support.sampler import job
from tests.support.serving import RunningApp, running_demo_app
from tests.support.waiting import LONGEST_WAIT, eventually


def answer_at_shutdown(call: Callable[[RunningApp], str]) -> str:
    """Return what a call returns whose run still waits when the app shuts down."""
    with (
        running_demo_app() as (demo, app),
        demo.hold("POST /prompt") as held,
        ThreadPoolExecutor() as threads,
    ):
        app.runs.submit(job(), Origin("me"))
        assert held.reached.wait(LONGEST_WAIT)
        answer = threads.submit(call, app)
        eventually(lambda: app.runs.waiting == 2, "both runs wait")
        app.runs.close()
        return answer.result(LONGEST_WAIT)
