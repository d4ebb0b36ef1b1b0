"""Workflows opened by users are private, limited in memory, and survive a restart."""

from __future__ import annotations

import errno
import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from comfy.base.errors import WorkflowError
from comfy.library.private import LARGEST, MARK, PrivateWorkflows, weight

PROMPT: dict[str, Any] = {"1": {"class_type": "A", "inputs": {"text": "a cat"}}}


def put(opened: PrivateWorkflows, owner: str, number: int = 0, padding: int = 0) -> str:
    """Open a workflow and return its name."""
    data = json.dumps(PROMPT | {"n": number, "x": "x" * padding}).encode()
    return opened.put(owner, "a cat.json", data).name


def test_only_its_owner_finds_an_opened_workflow() -> None:
    """The user who opened the workflow finds it again with its file. For other users it doesn't
    exist."""
    opened = PrivateWorkflows()
    name = put(opened, "ann")
    assert name.startswith(MARK)
    assert opened.get("ann", name).prompt == PROMPT
    assert opened.file("ann", name)[0] == "a cat.json"
    for owner, other in (("bob", name), ("", name), ("ann", name + "0"), ("ann", MARK)):
        with pytest.raises(WorkflowError, match="isn't available"):
            opened.get(owner, other)


def test_each_user_has_a_limit() -> None:
    """The workflow opened longest ago goes first. The app removes only that user's own
    workflows."""
    opened = PrivateWorkflows(keep=3)
    other = put(opened, "bob")
    names = [put(opened, "ann", number) for number in range(5)]
    for name in names[:2]:
        with pytest.raises(WorkflowError):
            opened.get("ann", name)
    assert all(opened.get("ann", name) for name in names[2:])
    assert opened.get("bob", other)
    assert [one.name for one in opened.opened_by("ann")] == names[:1:-1]


def test_all_files_together_have_a_limit() -> None:
    """Files and the memory of their workflows count. The newest workflow always stays."""
    opened = PrivateWorkflows(size=10_000)
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


def test_opened_workflows_survive_a_restart(tmp_path: Path) -> None:
    """Only the owner finds it after a restart. Forgotten and evicted workflows are gone, and no
    file names a user. A workflow added to the shared ones isn't listed, but batches that use it
    still find it."""
    opened = PrivateWorkflows(tmp_path / "opened", keep=3)
    names = [put(opened, "ann", number) for number in range(6)]
    other = put(opened, "bob")
    opened.forget("ann", names[3])
    opened.note_shared("ann", names[4])
    assert opened.get("ann", names[4])
    again = PrivateWorkflows(tmp_path / "opened")
    assert [one.name for one in again.opened_by("ann")] == [names[5]]
    for name in names[4:]:
        assert again.get("ann", name) == opened.get("ann", name)
    assert again.file("bob", other) == opened.file("bob", other)
    with pytest.raises(WorkflowError):
        again.get("eve", other)
    left = [*(tmp_path / "opened").iterdir()]
    assert [len(left), *(b"ann" in path.read_bytes() for path in left)] == [3, *[False] * 3]


def used_ago(folder: Path, name: str, days: float) -> None:
    (path,) = folder.glob(f"*{name}*")
    os.utime(path, (time.time() - days * 24 * 3600,) * 2)


@pytest.mark.parametrize("days", [30.0, 1.0, 0.1])
def test_unused_files_are_deleted(tmp_path: Path, days: float) -> None:
    """The app deletes an unused workflow with its file after this many days. Each use restarts the
    period, even across a restart."""
    opened = PrivateWorkflows(tmp_path)
    used, unused, other = (put(opened, "ann", number) for number in range(3))
    for name in (used, unused):
        used_ago(tmp_path, name, 0.9 * days)
    opened = PrivateWorkflows(tmp_path, days=days)
    assert len(opened.opened_by("ann")) == 3
    opened.get("ann", used)
    used_ago(tmp_path, unused, 1.1 * days)
    used_ago(tmp_path, other, 0.5 * days)
    again = PrivateWorkflows(tmp_path, days=days)
    assert {one.name for one in again.opened_by("ann")} == {used, other}
    assert not [*tmp_path.glob(f"*{unused}*")]


@pytest.mark.parametrize("just_used", [0, 1])
def test_nothing_expires_after_a_clock_jump(tmp_path: Path, just_used: int) -> None:
    """Nothing expires after a long shutdown of the machine either: all workflows used since then
    were used just now."""
    opened = PrivateWorkflows(tmp_path)
    names = [put(opened, "ann", number) for number in range(3)]
    for name in names[just_used:]:
        used_ago(tmp_path, name, 40)
    again = PrivateWorkflows(tmp_path, days=30)
    again.sweep()
    assert {one.name for one in again.opened_by("ann")} == set(names)


def test_the_newest_are_there_first_after_a_restart(tmp_path: Path) -> None:
    """The order is the same as before, regardless of the order of use since. Listing the workflows
    uses the newest first."""
    opened = PrivateWorkflows(tmp_path, keep=4)
    names = [put(opened, "ann", number) for number in range(4)]
    for name in names:
        used_ago(tmp_path, name, 3)
    again = PrivateWorkflows(tmp_path, keep=4)
    for one in again.opened_by("ann"):
        again.get("ann", one.name)
    again = PrivateWorkflows(tmp_path, keep=4)
    assert [one.name for one in again.opened_by("ann")] == names[::-1]
    put(again, "ann", 4)
    with pytest.raises(WorkflowError):
        again.get("ann", names[0])


def test_damage_on_disk_costs_one_workflow(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The app removes unreadable files, and half-written files that a killed process left."""
    opened = PrivateWorkflows(tmp_path)
    damaged, whole = put(opened, "ann", 1), put(opened, "ann", 2)
    (path,) = tmp_path.glob(f"*{damaged}*")
    path.write_bytes(path.read_bytes()[:-9])
    (tmp_path / "0f0f.part").write_bytes(b"half")
    again = PrivateWorkflows(tmp_path)
    assert [one.name for one in again.opened_by("ann")] == [whole]
    assert [path.name in caplog.text, len([*tmp_path.iterdir()])] == [True, 1]


def test_a_read_error_does_not_lose_the_workflow(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk error loses nothing permanently. A folder in place of a file doesn't keep the app from
    starting."""
    opened = PrivateWorkflows(tmp_path)
    unread, read = put(opened, "ann", 1), put(opened, "ann", 2)
    (tmp_path / "folder.json").mkdir()

    def read_bytes(path: Path) -> bytes:
        if unread in path.name:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return path.open("rb").read()

    with monkeypatch.context() as failing:
        failing.setattr(Path, "read_bytes", read_bytes)
        assert [one.name for one in PrivateWorkflows(tmp_path).opened_by("ann")] == [read]
    assert "Can't read an opened workflow" in caplog.text
    assert len(PrivateWorkflows(tmp_path).opened_by("ann")) == 2


def test_opening_works_if_the_folder_is_not_writable(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The app opens the workflow but keeps it only until the program ends. The log says why."""
    (tmp_path / "opened").write_text("a file")
    opened = PrivateWorkflows(tmp_path / "opened")
    name = put(opened, "ann")
    assert opened.get("ann", name)
    opened.forget("ann", name)
    assert "Can't save opened workflows to disk: File exists" in caplog.text


def test_weight_counts_every_value() -> None:
    """Each list, object, number and text has a base weight. A text also adds its length."""
    assert weight(None) == weight(1) == weight([]) == weight({}) == 100
    assert weight({"a": [1, 2, {"b": "text"}]}) == 100 * 6 + 4
