"""Starts of the last hour, counted by all processes together."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator

import pytest
from sqlalchemy import insert, select

from comfy.base.errors import TooManyRuns
from comfy.records.blobs import BlobStore
from comfy.records.starts import HOUR, RecentStarts, Start, StartStore
from comfy.records.store import RunStore
from comfy.records.tables import starts as starts_table
from comfy.runs.limits import RunLimits
from tests.records.conftest import ROOMY
from tests.support.samples.histories import begun
from tests.support.waiting import LONGEST_WAIT

ME = Start("me", "192.0.2.1")
BATCH = Start("me", "192.0.2.1", "a batch")


@pytest.fixture
def other(history: RunStore, database: str, kept: BlobStore) -> Iterator[RunStore]:
    """Return the store of a second process."""
    other = RunStore(database, kept, ROOMY)
    yield other
    other.engine.dispose()


def accept(_: RecentStarts) -> None:
    pass


def test_two_processes_count_together(history: RunStore, other: RunStore) -> None:
    """Each process sees the other's starts, and a batch of the other isn't counted again."""
    limits = RunLimits(hourly=3)
    for store, start in ((history, ME), (other, BATCH), (history, BATCH), (other, ME)):
        store.state.starts.count(start, limits.check_hourly)
    for store in (history, other):
        store.state.starts.count(BATCH, limits.check_hourly)
        with pytest.raises(TooManyRuns):
            store.state.starts.count(ME, limits.check_hourly)
        assert store.state.starts.recent(ME).number == 3


def test_concurrent_starts_respect_the_limit(history: RunStore, other: RunStore) -> None:
    """If two processes count 20 starts of one user at the same time, a limit of five still
    holds."""
    limits, together = RunLimits(hourly=5), threading.Barrier(20)

    def count(starts: StartStore) -> None:
        together.wait(LONGEST_WAIT)
        with contextlib.suppress(TooManyRuns):
            starts.count(ME, limits.check_hourly)

    threads = [
        threading.Thread(target=count, args=(store.state.starts,))
        for store in (history, other)
        for _ in range(10)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONGEST_WAIT)
    assert history.state.starts.recent(ME).number == 5


def test_a_refused_start_leaves_no_record(history: RunStore) -> None:
    """Count and record are one transaction: both are stored, or neither."""

    def refuse(_: RecentStarts) -> None:
        raise TooManyRuns("", "")

    record, starts = begun(), history.state.starts
    with pytest.raises(TooManyRuns):
        history.begin(record, lambda connection: starts.count_in(connection, ME, refuse))
    assert history.get(record.id, record.owner) is None
    assert starts.recent(ME) == RecentStarts()
    history.begin(record, lambda connection: starts.count_in(connection, ME, accept))
    assert history.get(record.id, record.owner) is not None
    assert starts.recent(ME).number == 1


def test_starts_count_for_an_hour(history: RunStore) -> None:
    """A sweep deletes older starts, and starts in the future, written by a wrong clock."""
    starts = history.state.starts
    starts.count(ME, accept)
    with history.engine.begin() as connection:
        row = dict(connection.execute(select(starts_table)).mappings().one())
        del row["id"]
        for at in (time.time() - HOUR - 1, time.time() + 2 * HOUR):
            connection.execute(insert(starts_table).values(row | {"at": at}))
    history.sweep()
    assert starts.recent(ME).number == 1
    with history.engine.connect() as connection:
        assert len(connection.execute(select(starts_table)).all()) == 1
