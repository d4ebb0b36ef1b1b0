"""State that outlives a process: held files and starts."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import insert, select, update

from comfy.base.errors import TooManyRuns
from comfy.records.blobs import BlobStore
from comfy.records.presets import Preset, PresetFile
from comfy.records.record import KeptInput
from comfy.records.state import (
    HOUR,
    RecentStarts,
    Start,
    StartStore,
)
from comfy.records.store import RunStore
from comfy.records.tables import held_files as table
from comfy.records.tables import starts as starts_table
from comfy.runs.limits import RunLimits
from tests.records.conftest import ROOMY
from tests.support.postgres import empty
from tests.support.samples.histories import ANN, BOB, begun, ended_record, kept_image


@pytest.fixture
def processes(postgres: str, tmp_path: Path) -> Iterator[tuple[RunStore, RunStore]]:
    """Two stores with their own locks, as in two processes."""
    empty(postgres)
    with (
        closing(RunStore(postgres, BlobStore(tmp_path / "kept"), ROOMY)) as one,
        closing(RunStore(postgres, BlobStore(tmp_path / "kept"), ROOMY)) as other,
    ):
        yield one, other


def test_bytes_that_another_process_needs_stay(processes: tuple[RunStore, RunStore]) -> None:
    """A user deletes a run while another process has fetched or held the same bytes but has
    recorded nothing yet."""
    here, there = processes
    for number, hold in enumerate(
        (
            lambda digest: kept_image(there.files, b"same", holder="new").digest == digest,
            lambda digest: there.files.hold(digest, "new"),
        )
    ):
        file = kept_image(here.files, b"same")
        here.end(ended_record(begun(f"old {number}"), files=(file,)))
        assert hold(file.digest)
        assert here.delete(f"old {number}", ANN)
        assert here.files.path(file.digest) is not None
        there.end(ended_record(begun("new"), files=(file,)))
        assert here.delete("new", ANN)
        assert here.files.path(file.digest) is None
        assert not there.files.hold(file.digest, "late")
        there.files.release("late")
    with here.engine.connect() as connection:
        assert connection.execute(select(table)).all() == []


def test_a_file_is_never_removed_while_a_run_begins(processes: tuple[RunStore, RunStore]) -> None:
    """One process starts and deletes runs with a file, while the other does the same with the same
    bytes. Each run has its file from its start to its deletion."""
    lacking, together = list[str](), threading.Barrier(2)

    def work(store: RunStore, owner: str) -> None:
        together.wait(10)
        for number in range(40):
            run_id = f"{owner} {number}"
            digest, _ = store.files.add([b"same"], holder=run_id)
            record = begun(run_id, owner, inputs={"7.image": KeptInput("p.png", digest)})
            store.begin(record)
            store.end(ended_record(record))
            if store.files.path(digest) is None:
                lacking.append(run_id)
            store.delete(run_id, owner)

    threads = [
        threading.Thread(target=work, args=pair) for pair in zip(processes, (ANN, BOB), strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert lacking == []
    digest, _ = processes[0].files.add([b"same"])
    processes[0].remove_unreferenced([digest])
    assert processes[0].files.path(digest) is None


def test_presets_keep_files_in_all_processes(processes: tuple[RunStore, RunStore]) -> None:
    """A preset's file stays when the other process deletes the last run with it."""
    here, there = processes
    file = kept_image(here.files, b"same")
    here.end(ended_record(begun("old"), files=(file,)))
    preset = Preset("warm", {}, {"7.image": (PresetFile("p.png", file.digest),)})
    there.presets.save(ANN, "portrait", preset)
    assert here.delete("old", ANN)
    assert here.files.path(file.digest) is not None
    assert here.presets.delete(ANN, "portrait", "warm")
    assert here.files.path(file.digest) is None


def test_a_killed_process_holds_files_for_a_day(processes: tuple[RunStore, RunStore]) -> None:
    """Then a sweep forgets what it held."""
    here, there = processes
    file = kept_image(there.files, b"same", holder="never recorded")
    here.remove_unreferenced([file.digest])
    assert here.files.path(file.digest) is not None
    with here.engine.begin() as connection:
        connection.execute(update(table).values(at=time.time() - 25 * 3600))
    here.sweep()
    here.remove_unreferenced([file.digest])
    assert here.files.path(file.digest) is None


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
        together.wait(10)
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
        thread.join(60)
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
