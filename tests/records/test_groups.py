"""Batches and chains in the history, on SQLite and on Postgres."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from comfy.base.errors import ComfyError
from comfy.records import groups as groups_module
from comfy.records.blobs import BlobStore, HistoryLimits
from comfy.records.groups import Group, GroupTooLarge
from comfy.records.store import RunStore
from tests.support.samples.histories import begun, ended_record, kept_image

ANN, BOB = "user:ann", "user:bob"
ODD = {"title": "nul \0, half \ud800, “cat”"}


def group(number: int = 1, owner: str = ANN, **values: object) -> Group:
    made = Group(f"group {number}", owner, "batch", 1000.0 + number, "running", ODD, {"n": number})
    return replace(made, **values)  # type: ignore[arg-type]


def test_groups_are_kept_for_their_owner(database: str, tmp_path: Path) -> None:
    """After a restart, the groups are exactly as they were, newest first, with their progress.
    Other users' groups and deleted groups are absent."""
    content = {"base": {"2.text": "half \udfff"}}
    with contextlib.closing(BlobStore(tmp_path / "kept")) as kept:
        with contextlib.closing(RunStore(database, kept)) as history:
            for number, owner in ((1, ANN), (2, ANN), (3, BOB)):
                history.groups.put(group(number, owner), content, ())
            done = group(2, state="done", ended_at=3000.5, progress={"n": 7})
            history.groups.save(done)
        kept.close()
        kept = BlobStore(tmp_path / "kept")
        with contextlib.closing(RunStore(database, kept)) as history:
            groups = history.groups
            assert groups.of(ANN, "batch") == (done, group(1))
            assert groups.of(ANN, "chain") == ()
            assert groups.unfinished("batch") == (group(3, BOB), group(1))
            assert groups.get("group 1", ANN) == group(1)
            assert groups.content("group 1", ANN) == content
            assert groups.get("group 1", BOB) is groups.content("group 1", BOB) is None
            assert not groups.delete("group 1", BOB)
            assert groups.delete("group 1", ANN)
            assert not groups.delete("group 1", ANN)
            history.groups.save(group(1))
            assert groups.of(ANN, "batch") == (done,)
        kept.close()


def test_a_damaged_group_is_left_out(history: RunStore, database: str) -> None:
    """The app still lists the other groups. A group with damaged content is listed without
    content."""
    for number in range(4):
        history.groups.put(group(number), {"a": 1}, ())
    engine = create_engine(database)
    changes = {"about": ("0", "{"), "content": ("1", "["), "progress": ("2", "x")}
    with engine.begin() as connection:
        for column, (number, told) in changes.items():
            statement = f"UPDATE groups SET {column} = :told WHERE id = :which"
            connection.execute(text(statement), {"told": told, "which": f"group {number}"})
    engine.dispose()
    assert [one.id for one in history.groups.of(ANN, "batch")] == ["group 3", "group 2", "group 1"]
    assert history.groups.content("group 1", ANN) is None
    assert history.groups.get("group 2", ANN) == group(2, progress={})


def test_a_group_in_an_unknown_state_counts_as_stopped(history: RunStore) -> None:
    """Its owner sees that it doesn't continue, and can delete it. The app doesn't resume it at the
    next start."""
    history.groups.put(group(state="resting"), {}, ())
    history.groups.put(group(2), {}, ())
    stopped = group(state="stopped", ended_at=1001.0)
    assert history.groups.of(ANN, "batch") == (group(2), stopped)
    assert history.groups.unfinished("batch") == (group(2),)
    assert history.groups.delete("group 1", ANN)


def test_files_of_groups_stay_as_long_as_something_has_them(
    history: RunStore, kept: BlobStore
) -> None:
    """The files also survive a sweep of unused files. They count toward the history's files. They
    are deleted with the group unless a run has the same bytes."""
    photo, mask = (kept.add([data])[0] for data in (b"photo", b"mask"))
    history.groups.put(group(), {}, {photo, mask})
    history.remove_unreferenced([photo, mask])
    history.sweep()
    sizes = {one.digest: one.size for one in history.groups.uses()}
    assert (sizes[photo], sizes[mask]) == (5, 4)
    assert kept.path(photo)
    history.end(ended_record(begun("run", ANN), files=(kept_image(kept, b"photo"),)))
    assert history.groups.delete("group 1", ANN)
    assert kept.path(photo)
    assert not kept.path(mask)


def test_a_refused_put_keeps_the_previous_content(history: RunStore, kept: BlobStore) -> None:
    """A refused put also keeps the group's files. A successful put removes files that nothing uses
    anymore."""
    photo, mask, other = (kept.add([data])[0] for data in (b"photo", b"mask", b"other"))
    history.groups.put(group(), {"a": 1}, {photo, mask})
    with pytest.raises(GroupTooLarge):
        history.groups.put(group(state="done"), {"a": "x" * 4_000_000}, {other})
    assert history.groups.get("group 1", ANN) == group()
    assert history.groups.content("group 1", ANN) == {"a": 1}
    assert kept.path(photo)
    history.groups.put(group(state="done"), {"a": 2}, {mask, other})
    assert history.groups.content("group 1", ANN) == {"a": 2}
    assert not kept.path(photo)
    assert kept.path(mask)
    assert kept.path(other)


def test_group_sizes_and_counts_are_limited(database: str, tmp_path: Path) -> None:
    """The app refuses content or files that are too large, and keeps nothing. If a user has too
    many groups, the oldest finished one is removed."""
    limits = HistoryLimits(bytes=4_000_000)
    with (
        contextlib.closing(BlobStore(tmp_path / "kept")) as kept,
        contextlib.closing(RunStore(database, kept, limits)) as history,
    ):
        groups = history.groups
        with pytest.raises(GroupTooLarge):
            groups.put(group(), {"x": "x" * 4_000_000}, ())
        large = [kept.add([letter * 150_000])[0] for letter in (b"a", b"b")]
        groups.put(group(1), {}, large[:1])
        with pytest.raises(ComfyError, match="MB in total"):
            groups.put(group(2), {}, large[1:])
        for number in range(3, 56):
            groups.put(group(number, ended_at=2000.0 + number), {}, ())
        left = [one.id for one in groups.of(ANN, "batch")]
        assert len(left) == 50
        assert left[-2:] == ["group 7", "group 1"]
        groups.forget_ended(2054.5)
        assert [one.id for one in groups.of(ANN, "batch")] == ["group 55", "group 1"]


def test_one_address_does_not_displace_the_batches_of_others(
    history: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many owners at one address count together when all batches are too many."""
    monkeypatch.setattr(groups_module, "_MOST_IN_ALL", 8)
    for number in range(5):
        history.groups.put(group(number, ended_at=2000.0 + number), {}, ())
    at = {"about": {"address": "192.0.2.1"}}
    for number in range(10, 30):
        visitor = group(number, f"browser:{number}", ended_at=3000.0 + number, **at)
        history.groups.put(visitor, {}, ())
    assert len(history.groups.of(ANN, "batch")) == 4
    assert history.groups.of("browser:29", "batch")
