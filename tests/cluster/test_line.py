"""The thread that changes the cluster's queue."""

from __future__ import annotations

import logging
import threading

import pytest
from sqlalchemy import Connection, create_engine

from comfy.cluster.line import LineThread
from comfy.cluster.rows import LiveRow, add_live, read_live
from comfy.cluster.tables import make_cluster_tables
from tests.support.postgres import empty
from tests.support.waiting import LONGEST_WAIT


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

    with caplog.at_level(logging.INFO, "comfy.cluster.line"):
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
