"""Fixtures for an empty history and its files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from comfy.records.blobs import BlobStore, HistoryLimits
from comfy.records.store import RunStore

ROOMY = HistoryLimits(bytes=2**50)  # a sample has a file of a terabyte


@pytest.fixture
def kept(tmp_path: Path) -> BlobStore:
    return BlobStore(tmp_path / "kept")


@pytest.fixture
def history(database: str, kept: BlobStore) -> Iterator[RunStore]:
    history = RunStore(database, kept, ROOMY)
    yield history
    history.close()
