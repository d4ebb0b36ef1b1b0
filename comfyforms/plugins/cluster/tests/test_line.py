"""Changes of the cluster's queue."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Connection, Engine, create_engine, text

from comfyforms.plugins.cluster.line import LineThread
from comfyforms.plugins.cluster.rows import Fence, LiveRow, add_live, read_live, write_states
from comfyforms.plugins.cluster.tables import make_cluster_tables
from tests.support.postgres import empty
from tests.support.waiting import LONGEST_WAIT, eventually

_WAITING = text("SELECT count(*) FROM pg_locks WHERE NOT granted")


def test_a_failing_change_keeps_back_no_other(
    postgres: str, caplog: pytest.LogCaptureFixture
) -> None:
    """It is tried again until it succeeds, and the log says once that it fails."""
    empty(postgres)
    engine = create_engine(postgres)
    make_cluster_tables(engine)
    line = LineThread(engine, None, lambda _: None, lambda: None)
    failures, written, repaired = [0], threading.Event(), threading.Event()

    def fail_twice(connection: Connection) -> None:
        add_live(connection, LiveRow("failed", "ann", "", 1.0))
        if failures[0] < 2:
            failures[0] += 1
            raise ValueError

    with caplog.at_level(logging.INFO, "comfyforms.plugins.cluster.line"):
        line.change(fail_twice, lambda _: repaired.set())
        line.start()
        line.change(
            lambda connection: add_live(connection, LiveRow("other", "ann", "", 2.0)),
            lambda _: written.set(),
        )
        assert written.wait(LONGEST_WAIT)
        assert repaired.wait(LONGEST_WAIT)
        line.close()
    with engine.connect() as connection:
        assert set(read_live(connection)) == {"failed", "other"}
    engine.dispose()
    levels = [record.levelno for record in caplog.records]
    assert levels == [logging.ERROR, logging.INFO]


def test_states_and_changes_of_the_queue_do_not_wait_for_each_other(postgres: str) -> None:
    empty(postgres)
    engine = create_engine(postgres)
    make_cluster_tables(engine)
    first, second = Fence("first", 0), Fence("second", 0)
    with engine.begin() as connection:
        add_live(connection, LiveRow("first", "ann", "", 1.0))
        add_live(connection, LiveRow("second", "ann", "", 2.0))
    with ThreadPoolExecutor(1) as pool:
        with engine.begin() as connection:
            second.update(connection, over=True)
            states = {first: (1, b"1"), second: (1, b"2")}
            writing = pool.submit(write_states, engine, states)
            eventually(lambda: _is_waiting(engine), "the state waits for the row")
            first.update(connection, over=True)
        assert writing.result(LONGEST_WAIT) == []
    with engine.connect() as connection:
        rows = read_live(connection, states=True).values()
    assert {(row.run, row.over, row.state) for row in rows} == {
        ("first", True, b"1"),
        ("second", True, b"2"),
    }
    engine.dispose()


def _is_waiting(engine: Engine) -> bool:
    with engine.connect() as connection:
        return connection.execute(_WAITING).scalar() == 1
