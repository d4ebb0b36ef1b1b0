"""Files that a process uses stay for all processes."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import select, update

from comfy.records.blobs import BlobStore
from comfy.records.presets import Preset, PresetFile
from comfy.records.record import KeptInput
from comfy.records.store import RunStore
from comfy.records.tables import held_files as table
from tests.records.conftest import ROOMY
from tests.support.postgres import empty
from tests.support.samples.histories import ANN, BOB, begun, ended_record, kept_image
from tests.support.waiting import LONGEST_WAIT


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
        together.wait(LONGEST_WAIT)
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
        thread.join(LONGEST_WAIT)
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
