"""Marks in a user's history: favorites, and runs about to be deleted."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from comfy.comfyui.protocol.run_state import Phase, RunError
from comfy.records.blobs import BlobStore, HistoryLimits
from comfy.records.record import KeptInput
from comfy.records.rows import Wanted
from comfy.records.store import RunStore
from tests.support.samples.histories import ANN, BOB, begun, ended_record, ids, kept_image

RUN = 3300  # bytes that a run takes at most beside its files
FRUITFUL = Wanted(fruitless=False)


def test_favorites(history: RunStore) -> None:
    """Users can mark only their own finished runs. The history keeps and shows a mark until the
    user removes it."""
    history.end(ended_record(begun("mine")))
    history.end(ended_record(begun("plain", at=2000.0)))
    history.end(ended_record(begun("bob's", BOB)))
    history.begin(begun("goes on"))
    chosen = ["mine", "bob's", "goes on", "unknown", "\0"]
    assert history.set_favourite(chosen, ANN, favourite=True) == 1
    assert ids(history.of(ANN, Wanted(favourites=True))) == ["mine"]
    assert [record.favourite for record in history.of(ANN)] == [False, True]
    assert history.is_favourite("mine", ANN)
    assert not history.is_favourite("mine", BOB)
    history.end(ended_record(begun("mine")))
    assert history.is_favourite("mine", ANN)
    assert history.set_favourite(["mine"], ANN, favourite=False) == 1
    assert history.of(ANN, Wanted(favourites=True)) == ()


def test_favorites_are_kept_when_they_are_old(database: str, kept: BlobStore) -> None:
    """A sweep keeps favorites of any age and removes other old runs."""
    history = RunStore(database, kept, HistoryLimits(days=2))
    now = time.time()
    for name, age in (("old", 3), ("favourite", 4), ("new", 1.5)):
        history.end(ended_record(begun(name), at=now - age * 86400))
    history.set_favourite(["favourite"], ANN, favourite=True)
    history.sweep()
    assert ids(history.of(ANN)) == ["new", "favourite"]
    history.close()


def test_favorites_go_last_when_files_take_too_much_room(database: str, kept: BlobStore) -> None:
    """The app deletes runs of the user with the most files: first those that aren't favorites, then
    the oldest favorites. It touches no other user's runs for them."""
    history = RunStore(database, kept, HistoryLimits(bytes=3 * (RUN + 100_000)))
    now = time.time()
    for number in range(5):
        files = (kept_image(kept, bytes([number]) * 100_000),)
        history.end(ended_record(begun(f"r{number}"), at=now - 100 + number, files=files))
    history.end(
        ended_record(begun("bob's", BOB), at=now - 200, files=(kept_image(kept, b"b" * 100_000),))
    )
    history.set_favourite(["r0", "r1", "r2"], ANN, favourite=True)
    history.sweep()
    assert ids(history.of(ANN)) == ["r2", "r1"]
    assert ids(history.of(BOB)) == ["bob's"]
    history.close()


def test_runs_about_to_be_deleted(history: RunStore) -> None:
    """The run is in no list and no count, comes back as it was, and is reported once it is due."""
    for number in range(3):
        history.end(ended_record(begun(f"r{number}", at=1000.0 + number)))
    assert history.unlist(["r0", "r1"], BOB) == 0
    assert history.unlist(["r0", "r1"], ANN) == 2
    before = time.time()
    assert history.unlist(["r0"], ANN) == 1  # restarts its time
    assert ids(history.unlisted(before)) == ["r1"]
    assert ids(history.of(ANN)) == ["r2"]
    assert len(history.ends(ANN)) == 1
    assert history.unlisted(time.time() - 60) == ()
    assert ids(history.unlisted(time.time() + 60)) == ["r1", "r0"]
    assert history.relist(["r1"], BOB) == 0
    assert history.relist(["r1", "r2"], ANN) == 1
    assert ids(history.of(ANN)) == ["r2", "r1"]


@pytest.mark.parametrize("phase", [Phase.STOPPED, Phase.FAILED, Phase.REFUSED, Phase.LOST])
def test_runs_without_results_can_be_left_out(
    history: RunStore, kept: BlobStore, phase: Phase
) -> None:
    """A list can leave out runs without a result. A run with a result of its own is always
    listed."""
    history.end(ended_record(begun("nothing"), phase, started_at=1000.5))
    history.end(ended_record(begun("something"), phase, files=(kept_image(kept, b"result"),)))
    history.end(ended_record(begun("done")))
    assert sorted(ids(history.of(ANN, FRUITFUL))) == ["done", "something"]
    assert len(history.of(ANN)) == len(history.ends(ANN)) == 3


def test_a_run_removed_from_the_queue_is_not_recorded(history: RunStore, kept: BlobStore) -> None:
    """The history keeps nothing of the run, unless it has a reason for the stop, or has files to be
    removed from the server."""
    photo = KeptInput("a.png", kept_image(kept, b"photo").digest)
    with_photo = begun("sent", inputs={"4.image": photo})
    for record in (begun("out"), replace(begun("handed"), sent=True), begun("told"), with_photo):
        history.begin(record)
    history.end(ended_record(begun("out"), Phase.STOPPED))
    history.end(ended_record(replace(begun("handed"), sent=True), Phase.STOPPED))
    history.end(ended_record(begun("told"), Phase.STOPPED, error=RunError("Too long.", "")))
    history.end(ended_record(replace(with_photo, sent=True), Phase.STOPPED))
    assert sorted(ids(history.of(ANN))) == ["sent", "told"]
    assert history.unfinished() == ()
    assert kept.path(photo.digest) is not None
    history.begin(replace(with_photo, id="never sent"))
    assert history.delete("sent", ANN)
    history.end(ended_record(replace(with_photo, id="never sent"), Phase.STOPPED))
    assert kept.path(photo.digest) is None


def test_pages_by_their_previous_run(history: RunStore) -> None:
    """A page can start after any run and skip some runs, so the end of a long list is reached at
    once."""
    for number in range(9):
        history.end(ended_record(begun(f"r{number}", at=1000.0 + number)))
    assert ids(history.of(ANN, skip=7)) == ["r1", "r0"]
    assert ids(history.of(ANN, before="r5", skip=2, limit=2)) == ["r2", "r1"]
    assert history.of(ANN, skip=10**30) == ()
    assert history.ends(ANN) == sorted(history.ends(ANN), reverse=True)
