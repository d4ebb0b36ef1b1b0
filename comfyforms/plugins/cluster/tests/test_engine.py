"""The engine that starts runs."""

from __future__ import annotations

import queue
from functools import partial

from sqlalchemy import make_url

from comfyforms.plugins.cluster.engine import Engine
from comfyforms.plugins.cluster.tests.apart import run_apart
from tests.support.postgres import postgres_server
from tests.support.waiting import LONGEST_WAIT


def test_an_ended_attempt_starts_again() -> None:
    """A new run may have the id of one that has ended. While one is executed, its id starts
    nothing."""
    with postgres_server() as server:
        run_apart(partial(_start_three_times, server.url))


def _start_three_times(address: str) -> None:
    began: queue.Queue[tuple[str, int]] = queue.Queue()
    ends: queue.Queue[None] = queue.Queue()

    def execute(run_id: str, attempt: int) -> None:
        began.put((run_id, attempt))
        ends.get()

    engine = Engine(make_url(address), "one", execute)
    engine.launch()
    try:
        engine.start("run", 1)
        assert began.get(timeout=LONGEST_WAIT) == ("run", 1)
        engine.start("run", 1)
        ends.put(None)
        while engine.unknown([("run", 1)]) == set():  # until its end is recorded
            pass
        assert began.empty()
        engine.start("run", 1)
        assert began.get(timeout=LONGEST_WAIT) == ("run", 1)
    finally:
        ends.put(None)
        engine.close()
