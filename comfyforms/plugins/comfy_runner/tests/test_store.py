"""Callers' values, which outlive a process."""

from __future__ import annotations

import threading
import time
from contextlib import closing

import pytest
from sqlalchemy import select, text, update

from comfy.records.blobs import BlobStore
from comfy.records.store import RunStore
from comfyforms.plugins.comfy_runner.store import RunnerValueStore, ValuesTooLarge
from comfyforms.plugins.comfy_runner.tables import SCHEMA, runner_values
from tests.records.conftest import ROOMY
from tests.support.waiting import LONGEST_WAIT


def put(values: RunnerValueStore, person: str, workflow: str = "boat", **added: object) -> None:
    values.change(person, workflow, lambda before: {**before, **added})


@pytest.fixture
def values(history: RunStore) -> RunnerValueStore:
    return RunnerValueStore(history.engine)


def test_values_belong_to_a_caller_and_a_workflow(values: RunnerValueStore) -> None:
    """Later values are added to earlier ones."""
    put(values, "ann", a="x \0 \ud800", b={"base64": "AA=="})
    put(values, "ann", a=[1, None])
    put(values, "ann", "lamp", a=2)
    assert values.of("ann", "boat") == {"a": [1, None], "b": {"base64": "AA=="}}
    assert values.of("ann", "lamp") == {"a": 2}
    assert values.of("bob", "boat") == {}
    values.change("ann", "boat", lambda _: {})
    assert values.of("ann", "boat") == {}


def test_values_used_longest_ago_make_room(
    values: RunnerValueStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All callers share the space. Values that don't fit at all are refused and change nothing."""
    monkeypatch.setattr("comfyforms.plugins.comfy_runner.store.VALUE_BYTES", 10_000)
    for number in range(4):
        put(values, f"person {number}", a="x" * 4000)
    assert [len(values.of(f"person {number}", "boat")) for number in range(4)] == [0, 0, 1, 1]
    with pytest.raises(ValuesTooLarge):
        put(values, "person 3", b="x" * 10_000)
    assert [list(values.of(f"person {number}", "boat")) for number in (2, 3)] == [["a"], ["a"]]


def test_processes_change_the_same_values(
    database: str, history: RunStore, kept: BlobStore
) -> None:
    """No change is lost if two processes make them at the same time."""
    other, together = RunStore(database, kept, ROOMY), threading.Barrier(10)

    def change(values: RunnerValueStore, key: str) -> None:
        together.wait(LONGEST_WAIT)
        put(values, "ann", **{key: 1})

    threads = [
        threading.Thread(target=change, args=(RunnerValueStore(store.engine), f"k{at}{name}"))
        for name, store in (("a", history), ("b", other))
        for at in range(5)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONGEST_WAIT)
    assert len(RunnerValueStore(history.engine).of("ann", "boat")) == 10
    other.engine.dispose()


def test_values_of_earlier_versions_stay(database: str, history: RunStore, kept: BlobStore) -> None:
    """The app had the table among its own, without steps."""
    put(RunnerValueStore(history.engine), "ann", a=1)
    with history.engine.begin() as connection:
        connection.execute(text(f"DROP TABLE {SCHEMA.version.name}"))
    with closing(RunStore(database, kept, ROOMY)) as again:
        assert RunnerValueStore(again.engine).of("ann", "boat") == {"a": 1}


def test_unused_values_expire(history: RunStore) -> None:
    """A sweep deletes them after 30 days without use. Reading counts as a use."""
    values = RunnerValueStore(history.engine)
    for person in ("ann", "bob"):
        put(values, person, a=1)
    for days in (29, 2):
        with history.engine.begin() as connection:
            used_at = runner_values.c.used_at - days * 24 * 3600
            connection.execute(update(runner_values).values(used_at=used_at))
        values.of("ann", "boat")
    history.sweep()
    with history.engine.connect() as connection:
        (used_at,) = connection.execute(select(runner_values.c.used_at)).scalars()
    assert time.time() - used_at < 3600
    assert values.of("ann", "boat") == {"a": 1}
