"""A process that freezes while it removes files."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from comfy.base.errors import ComfyError
from comfy.records.store import RunStore
from comfy.records.used_files import RemovalLock
from comfyforms.plugins.cluster.tables import limit_silence
from tests.records.test_used_files import processes
from tests.support.samples.histories import begun

__all__ = ["processes"]


def test_a_frozen_removal_blocks_no_other_process(processes: tuple[RunStore, RunStore]) -> None:
    """A process freezes while it removes files. Runs start elsewhere, and the process removes
    nothing more when it wakes up."""
    here, there = processes
    limit_silence(here.engine)
    digests = [here.files.add([data])[0] for data in (b"first", b"second")]

    def freeze_after_the_first() -> Iterator[str]:
        yield digests[0]
        there.begin(begun("meanwhile"))
        yield digests[1]

    removal = RemovalLock(here.engine)
    with removal, pytest.raises(ComfyError):
        here.files.remove_all(removal.guarded(freeze_after_the_first()))
    assert [here.files.path(digest) is None for digest in digests] == [True, False]
    with removal:
        here.files.remove_all(removal.guarded(digests))
    assert here.files.path(digests[1]) is None
