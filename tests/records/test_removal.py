"""Runs deleted by users, and runs removed for their age or for the disk limit."""

from __future__ import annotations

import os
import time

from comfy.records.blobs import BlobStore, HistoryLimits
from comfy.records.record import KeptInput
from comfy.records.store import RunStore
from tests.support.samples.histories import (
    ANN,
    BOB,
    begun,
    bytes_kept,
    ended_record,
    ids,
    kept_image,
)


def test_deleting_removes_files(history: RunStore, kept: BlobStore) -> None:
    """The history no longer knows the run, and its files and inputs are gone."""
    photo, _ = kept.add([b"photo"])
    file = kept_image(kept, b"result", holder="r1")
    history.begin(begun(inputs={"7.image": KeptInput("p.png", photo)}))
    history.end(ended_record(begun(inputs={"7.image": KeptInput("p.png", photo)}), files=(file,)))
    assert history.delete("r1", ANN)
    assert history.get("r1", ANN) is None
    assert history.of(ANN) == ()
    assert kept.path(file.digest) is kept.path(photo) is None
    assert not history.delete("r1", ANN)


def test_bytes_of_two_runs_stay_until_both_are_deleted(history: RunStore, kept: BlobStore) -> None:
    """The bytes stay even if one run's result is another user's input."""
    file = kept_image(kept, b"shared")
    history.end(ended_record(begun("maker"), files=(file, file)))
    history.end(
        ended_record(begun("user", BOB, inputs={"7.image": KeptInput("x.png", file.digest)}))
    )
    assert history.delete("maker", ANN)
    assert kept.path(file.digest) is not None
    assert history.delete("user", BOB)
    assert kept.path(file.digest) is None


def test_bytes_of_a_run_that_is_about_to_end_stay(history: RunStore, kept: BlobStore) -> None:
    """A user deletes a run while another run has fetched the same bytes but has no finished record
    yet."""
    file = kept_image(kept, b"same")
    history.end(ended_record(begun("old"), files=(file,)))
    kept_image(kept, b"same", holder="new")
    assert history.delete("old", ANN)
    assert kept.path(file.digest) is not None
    history.end(ended_record(begun("new"), files=(file,)))
    assert kept.path(file.digest) is not None
    assert history.delete("new", ANN)
    assert kept.path(file.digest) is None


def test_a_running_run_is_not_deleted(history: RunStore) -> None:
    """The user must stop the run first."""
    history.begin(begun())
    assert not history.delete("r1", ANN)
    assert history.get("r1", ANN) is not None


def test_files_of_a_refused_run_are_removed(history: RunStore, kept: BlobStore) -> None:
    """A file stays if a record has the same bytes."""
    file = kept_image(kept, b"of a record")
    history.end(ended_record(begun(), files=(file,)))
    refused, _ = kept.add([b"refused"])
    history.remove_unreferenced([refused, file.digest])
    assert kept.path(refused) is None
    assert kept.path(file.digest) is not None


def test_old_runs_are_swept(database: str, kept: BlobStore) -> None:
    """The sweep deletes runs older than the limit with their files. Younger runs stay. Unfinished
    runs stay, however old."""
    history = RunStore(database, kept, HistoryLimits(days=2))
    now = time.time()
    old, new = kept_image(kept, b"old"), kept_image(kept, b"new")
    for number in range(120):
        history.end(ended_record(begun(f"old{number}"), at=now - 3 * 86400, files=(old,)))
    history.end(ended_record(begun("new"), at=now - 86400, files=(new,)))
    history.begin(begun("goes on", at=1.0))
    history.sweep()
    assert ids(history.of(ANN, limit=200)) == ["new"]
    assert ids(history.unfinished()) == ["goes on"]
    assert kept.path(old.digest) is None
    assert kept.path(new.digest) is not None
    history.close()


def test_the_oldest_go_when_files_take_too_much_room(database: str, kept: BlobStore) -> None:
    """The sweep removes runs only until the limit is met. Bytes that several runs share count
    once."""
    history = RunStore(database, kept, HistoryLimits(bytes=350_000))
    now = time.time()
    for number in range(6):
        files = (kept_image(kept, bytes([number]) * 100_000), kept_image(kept, b"s" * 100_000))
        history.end(ended_record(begun(f"r{number}"), at=now - 100 + number, files=files))
    history.sweep()
    assert ids(history.of(ANN)) == ["r5", "r4"]
    assert bytes_kept(kept) == 300_000
    history.sweep()
    assert len(history.of(ANN)) == 2
    history.close()


def test_files_without_a_record_are_swept_once_they_are_old(
    history: RunStore, kept: BlobStore
) -> None:
    """The sweep removes the files that a killed process left. It keeps a recent file, which may
    belong to a run that isn't recorded yet."""
    left, _ = kept.add([b"left"])
    young, _ = kept.add([b"young"])
    mine = kept_image(kept, b"mine")
    history.end(ended_record(begun(), at=time.time(), files=(mine,)))
    for digest in (left, mine.digest):
        path = kept.path(digest)
        assert path is not None
        os.utime(path, (1.0, 1.0))
    history.sweep()
    assert kept.path(left) is None
    assert kept.path(young) is not None
    assert kept.path(mine.digest) is not None
