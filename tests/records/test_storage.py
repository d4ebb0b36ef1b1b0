"""Storage that an owner takes, and results that expire soon."""

from __future__ import annotations

import pytest

from comfy.comfyui.protocol.run_state import Phase
from comfy.records.blobs import BlobStore, HistoryLimits
from comfy.records.store import RunStore
from tests.support.samples.histories import ANN, BOB, begun, ended_record, kept_image

DAY = 24 * 3600.0
NOW = 1_800_000_000.0


def _ended(
    history: RunStore, name: str, days_ago: float, owner: str = ANN, **state: object
) -> None:
    record = begun(name, owner=owner)
    history.end(ended_record(record, at=NOW - days_ago * DAY, **state))  # type: ignore[arg-type]


def test_results_expire_a_week_before_their_end(database: str, kept: BlobStore) -> None:
    """An owner's results of the last week of their time count, without favorites, failed runs and
    other owners' results. They are all gone when the last of them goes."""
    history = RunStore(database, kept, HistoryLimits(days=30))
    for name, days_ago in (("old", 29), ("older", 24), ("new", 22), ("star", 29)):
        _ended(history, name, days_ago, files=(kept_image(kept, name.encode()),))
    _ended(history, "failed", 29, phase=Phase.FAILED)
    _ended(history, "his", 29, owner=BOB)
    history.set_favourite(["star"], ANN, favourite=True)
    use = history.storage.of(ANN, NOW)
    assert (use.days, use.expiring, use.is_nearly_full) == (30, 2, False)
    assert use.expire_by == pytest.approx(NOW + 6 * DAY)
    assert history.storage.kept_until(NOW) == NOW + 30 * DAY
    history.close()


def test_a_short_life_has_a_short_notice(database: str, kept: BlobStore) -> None:
    """Where results live for two days, they expire soon in the last half day."""
    history = RunStore(database, kept, HistoryLimits(days=2))
    _ended(history, "yesterday", 1)
    assert history.storage.of(ANN, NOW).expiring == 0
    assert history.storage.of(ANN, NOW + 0.6 * DAY).expiring == 1
    history.close()


def test_equal_files_count_once(database: str, kept: BlobStore) -> None:
    """A file of two runs takes its space once. Near the limit of all owners, storage is full."""
    history = RunStore(database, kept, HistoryLimits(days=30, bytes=1_000_000))
    image = kept_image(kept, b"x" * 400_000)
    for name in ("one", "two"):
        _ended(history, name, 1, files=(image,))
    before = history.storage.of(ANN, NOW)
    assert 400_000 < before.bytes < 450_000
    assert history.storage.of(BOB, NOW).bytes == 0
    assert not before.is_nearly_full
    _ended(history, "his", 1, owner=BOB, files=(kept_image(kept, b"y" * 550_000),))
    assert history.storage.of(ANN, NOW).is_nearly_full
    assert history.storage.of(ANN, NOW).bytes == before.bytes
    history.close()
