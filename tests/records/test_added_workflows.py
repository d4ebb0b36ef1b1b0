"""Who has added which workflow, on SQLite and on Postgres."""

from __future__ import annotations

from comfy.records.store import RunStore
from comfy.records.tables import digest
from tests.support.samples.histories import ANN, BOB

ODD = "nul \0, half \ud800, “cat”/" + "long" * 60
FIRST, SECOND = digest("first"), digest("second")


def test_who_added_a_workflow_is_remembered(history: RunStore) -> None:
    """Under whatever name, until it is removed; who adds another one under that name is whose it
    is from then on."""
    added = history.added
    assert added.content("boat") is None
    for name in ("boat", ODD):
        added.note(ANN, name, FIRST)
        assert added.content(name) == added.content(name, ANN) == FIRST
        assert added.content(name, BOB) is None
    added.note(BOB, "boat", SECOND)
    assert (added.content("boat"), added.content("boat", ANN)) == (SECOND, None)
    added.forget("boat", FIRST)
    assert added.content("boat", BOB) == SECOND
    added.forget("boat", SECOND)
    assert (added.content("boat"), added.content(ODD)) == (None, FIRST)
