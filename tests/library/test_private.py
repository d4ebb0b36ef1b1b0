"""Workflows opened by users are private, limited in memory, survive a restart, and are the same in
all processes with one database."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from comfy.base.errors import ComfyError, WorkflowError
from comfy.library.private import LARGEST, MARK, PrivateWorkflows, weight
from comfy.records.blobs import BlobStore
from comfy.records.opened import OpenedStore
from comfy.records.store import RunStore
from comfy.records.tables import opened as table
from tests.support.postgres import database_of
from tests.support.waiting import LONGEST_WAIT, eventually

PROMPT: dict[str, Any] = {"1": {"class_type": "A", "inputs": {"text": "a cat"}}}


@pytest.fixture
def history(database: str, tmp_path: Path) -> Iterator[RunStore]:
    with closing(RunStore(database, BlobStore(tmp_path / "kept"))) as history:
        yield history


@pytest.fixture
def stored(history: RunStore) -> OpenedStore:
    return history.state.opened


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def files(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[OpenedStore]:
    if request.param == "memory":
        yield OpenedStore()
        return
    address = database_of(str(request.param), request, tmp_path)
    with closing(RunStore(address, BlobStore(tmp_path / "kept"))) as history:
        yield history.state.opened


def put(opened: PrivateWorkflows, owner: str, number: int = 0, padding: int = 0) -> str:
    """Open a workflow and return its name."""
    data = json.dumps(PROMPT | {"n": number, "x": "x" * padding}).encode()
    return opened.put(owner, "a cat.json", data).name


def test_only_its_owner_finds_an_opened_workflow(files: OpenedStore) -> None:
    """The user who opened the workflow finds it again with its file. For other users it doesn't
    exist."""
    opened = PrivateWorkflows(files)
    name = put(opened, "ann")
    assert name.startswith(MARK)
    assert opened.get("ann", name).prompt == PROMPT
    assert opened.file("ann", name)[0] == "a cat.json"
    for owner, other in (
        ("bob", name),
        ("", name),
        ("ann", name + "0"),
        ("ann", MARK),
        ("ann", "~\0"),
    ):
        with pytest.raises(WorkflowError, match="isn't available"):
            opened.get(owner, other)


def test_each_user_has_a_limit(files: OpenedStore) -> None:
    """The workflow opened longest ago goes first. The app removes only that user's own
    workflows."""
    opened = PrivateWorkflows(files, keep=3)
    other = put(opened, "bob")
    names = [put(opened, "ann", number) for number in range(5)]
    for name in names[:2]:
        with pytest.raises(WorkflowError):
            opened.get("ann", name)
    assert all(opened.get("ann", name) for name in names[2:])
    assert opened.get("bob", other)
    assert [one.name for one in opened.opened_by("ann")] == names[:1:-1]


def test_all_files_together_have_a_limit(files: OpenedStore) -> None:
    """Files and the memory of their workflows count. The newest workflow always stays."""
    opened = PrivateWorkflows(files, size=10_000)
    names = [put(opened, f"person {number}", number, padding=4000) for number in range(5)]
    still = [name for number, name in enumerate(names) if number in (3, 4)]
    assert [
        opened.get(f"person {number}", name).name for number, name in ((3, names[3]), (4, names[4]))
    ] == still
    with pytest.raises(WorkflowError):
        opened.get("person 0", names[0])
    huge = put(opened, "eve", padding=20_000)
    assert opened.get("eve", huge)


def test_a_file_that_expands_to_too_many_values_is_refused() -> None:
    """The app refuses a small file that expands to too many values, and says so."""
    count = LARGEST // 100
    data = ('{"1": {"class_type": "A", "inputs": {"a": [' + "0," * count + "0]}}}").encode()
    opened = PrivateWorkflows()
    with pytest.raises(WorkflowError, match="too large"):
        opened.put("ann", "a.json", data)


def test_opened_workflows_survive_a_restart(stored: OpenedStore) -> None:
    """Only the owner finds it after a restart. Forgotten and evicted workflows are gone, and no
    row names a user. A workflow added to the shared ones isn't listed, but batches that use it
    still find it."""
    opened = PrivateWorkflows(stored, keep=3)
    names = [put(opened, "ann", number) for number in range(6)]
    other = put(opened, "bob")
    opened.forget("ann", names[3])
    opened.note_shared("ann", names[4])
    assert opened.get("ann", names[4])
    again = PrivateWorkflows(stored)
    assert [one.name for one in again.opened_by("ann")] == [names[5]]
    for name in names[4:]:
        assert again.get("ann", name) == opened.get("ann", name)
    assert again.file("bob", other) == opened.file("bob", other)
    with pytest.raises(WorkflowError):
        again.get("eve", other)
    with stored._engine.connect() as connection:
        rows = connection.execute(select(table)).all()
    assert [len(rows), *("ann" in str(row) for row in rows)] == [3, *[False] * 3]


def test_a_process_sees_the_changes_of_another(database: str, tmp_path: Path) -> None:
    """A new workflow is found at once, also after it was unknown. Changed settings and a removal
    are seen within two seconds, and immediately in the list."""
    with (
        closing(RunStore(database, BlobStore(tmp_path / "one"))) as first,
        closing(RunStore(database, BlobStore(tmp_path / "two"))) as second,
    ):
        here, there = (PrivateWorkflows(one.state.opened) for one in (first, second))
        text = json.dumps(PROMPT).encode()
        name = here.put("ann", "a cat.json", text).name
        here.forget("ann", name)
        with pytest.raises(WorkflowError):
            there.get("ann", name)
        assert here.put("ann", "a cat.json", text).name == name
        assert there.get("ann", name) == here.get("ann", name)
        settings = 'title = "\u732b \\u0000"'
        here.set_settings("ann", name, settings, "[1]")
        assert there.settings("ann", name) == (settings, "[1]")
        eventually(lambda: there.get("ann", name).config is not None)
        assert there.get("ann", name) == here.get("ann", name)
        there.note_shared("ann", name)
        assert here.opened_by("ann") == ()
        assert here.get("ann", name)
        there.forget("ann", name)

        def is_gone() -> bool:
            try:
                here.get("ann", name)
            except WorkflowError:
                return True
            return False

        eventually(is_gone)


def test_an_unchanged_workflow_stays_the_same_object(stored: OpenedStore) -> None:
    """Forms are cached by it. Concurrent first readers get the same one, too."""
    name, together = put(PrivateWorkflows(stored), "ann"), threading.Barrier(8)
    opened, found = PrivateWorkflows(stored), list[object]()

    def get() -> None:
        together.wait(LONGEST_WAIT)
        found.append(opened.get("ann", name))

    threads = [threading.Thread(target=get) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONGEST_WAIT)
    found += opened.opened_by("ann")
    assert [len(found), len({id(one) for one in found})] == [9, 1]


def used_ago(stored: OpenedStore, name: str, days: float) -> None:
    which = update(table).where(table.c.name == name)
    with stored._engine.begin() as connection:
        connection.execute(which.values(used_at=time.time() - days * 24 * 3600))


@pytest.mark.parametrize("days", [30.0, 1.0, 0.1])
def test_unused_workflows_are_deleted(stored: OpenedStore, days: float) -> None:
    """The app deletes an unused workflow with its file after this many days. Each use restarts the
    period, even across a restart."""
    opened = PrivateWorkflows(stored)
    used, unused, other = (put(opened, "ann", number) for number in range(3))
    for name in (used, unused):
        used_ago(stored, name, 0.9 * days)
    opened = PrivateWorkflows(stored, days=days)
    assert len(opened.opened_by("ann")) == 3
    opened.get("ann", used)
    used_ago(stored, unused, 1.1 * days)
    used_ago(stored, other, 0.5 * days)
    again = PrivateWorkflows(stored, days=days)
    again.sweep()
    assert {one.name for one in again.opened_by("ann")} == {used, other}


@pytest.mark.parametrize("just_used", [0, 1])
def test_nothing_expires_after_a_clock_jump(stored: OpenedStore, just_used: int) -> None:
    """Nothing expires after a long shutdown of the machine either: all workflows used since then
    were used just now."""
    opened = PrivateWorkflows(stored)
    names = [put(opened, "ann", number) for number in range(3)]
    for name in names[just_used:]:
        used_ago(stored, name, 40)
    again = PrivateWorkflows(stored, days=30)
    again.sweep()
    assert {one.name for one in again.opened_by("ann")} == set(names)


def test_the_newest_are_there_first_after_a_restart(stored: OpenedStore) -> None:
    """The order is the same as before, regardless of the order of use since. Listing the workflows
    uses the newest first."""
    opened = PrivateWorkflows(stored, keep=4)
    names = [put(opened, "ann", number) for number in range(4)]
    for name in names:
        used_ago(stored, name, 3)
    again = PrivateWorkflows(stored, keep=4)
    for one in again.opened_by("ann"):
        again.get("ann", one.name)
    again = PrivateWorkflows(stored, keep=4)
    assert [one.name for one in again.opened_by("ann")] == names[::-1]
    put(again, "ann", 4)
    with pytest.raises(WorkflowError):
        again.get("ann", names[0])


def test_a_file_that_is_no_longer_readable_costs_one_workflow(
    stored: OpenedStore, caplog: pytest.LogCaptureFixture
) -> None:
    """A newer version of the app may refuse it. The app then deletes it."""
    opened = PrivateWorkflows(stored)
    damaged, whole = put(opened, "ann", 1), put(opened, "ann", 2)
    with stored._engine.begin() as connection:
        connection.execute(update(table).where(table.c.name == damaged).values(data=b"half"))
    again = PrivateWorkflows(stored)
    assert [one.name for one in again.opened_by("ann")] == [whole]
    assert "An opened workflow is deleted" in caplog.text
    assert len(stored.rows()) == 1


def test_a_known_workflow_outlasts_a_database_outage(
    stored: OpenedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It stays in its owner's list, and batches that use it continue. An unknown one can't be
    read."""
    opened = PrivateWorkflows(stored)
    name = put(opened, "ann")
    again = PrivateWorkflows(stored)

    def fail(*_: object) -> None:
        raise ComfyError("away")

    monkeypatch.setattr("comfy.library.private._FRESH", 0.0)
    monkeypatch.setattr(stored, "row", fail)
    monkeypatch.setattr(stored, "rows", fail)
    assert opened.opened_by("ann") == (opened.get("ann", name),)
    with pytest.raises(ComfyError, match="away"):
        again.get("ann", name)


def test_weight_counts_every_value() -> None:
    """Each list, object, number and text has a base weight. A text also adds its length."""
    assert weight(None) == weight(1) == weight([]) == weight({}) == 100
    assert weight({"a": [1, 2, {"b": "text"}]}) == 100 * 6 + 4
