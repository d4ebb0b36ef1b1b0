"""Rows of people in every table: their declarations, their shares of the space, and their
deletion."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import LargeBinary, MetaData, String, Table, Text, func, insert, select

import comfy.records.store
from comfy.base.quota import level_of
from comfy.comfyui.protocol.run_state import Phase
from comfy.records import audit
from comfy.records.audit import AuditAction, WantedEvents
from comfy.records.people import kept_tables
from comfy.records.store import RunStore
from comfy.records.tables import ROWS, Bounded, Kept, PartOf, Unowned, all_tables, digest
from comfy.records.used_files import bytes_in_use
from tests.support.samples.histories import ANN, BOB, begun, ended_record

ALL = all_tables()
PEOPLE = ("owner", "person", "by", "share", "address")  # names of columns about a person
EVE = "192.0.2.7"  # the address of many people


def _every_table() -> list[Table]:
    """Return the tables of all databases, whichever module of the product declares them."""
    root, found = Path(comfy.__file__).parent.parent, dict[str, Table]()
    files = (one for part in ("comfy", "ui", "comfyforms") for one in (root / part).rglob("*.py"))
    for path in (one.relative_to(root) for one in files):
        if "tests" not in path.parts and "MetaData()" in (root / path).read_text("utf-8"):
            module = import_module(".".join(path.with_suffix("").parts))
            for metadata in (one for one in vars(module).values() if isinstance(one, MetaData)):
                found |= metadata.tables
    return list(found.values())


@pytest.mark.parametrize("table", _every_table(), ids=lambda table: table.name)
def test_every_table_declares_whose_its_rows_are(table: Table) -> None:
    """A table without a declaration would have no limits, and would outlast its people."""
    match table.info.get(ROWS):
        case Kept(owner, age, room):
            assert {owner, age, "share", "size"} <= set(table.c.keys())
            assert 0 < room <= 1
        case Bounded(owner, most):
            assert owner in table.c
            assert most
        case PartOf():
            assert any(key.ondelete == "CASCADE" for key in table.foreign_keys)
        case Unowned(why):
            assert why
            assert not set(PEOPLE) & set(table.c.keys())
        case other:
            pytest.fail(f"{table.name} declares {other!r} as its rows")


def test_the_rooms_leave_space_for_results() -> None:
    rooms = [kept.room for table, kept in kept_tables(with_files=True) if table.name != "runs"]
    assert sum(rooms) < 0.85


def fill(history: RunStore, owner: str, key: str) -> None:
    """Insert a row of this owner into each table, all of whose keys are equal."""
    number = int(digest(key)[:6], 16)
    with history.engine.begin() as connection:
        for table in ALL:
            if table.name.endswith("_version"):
                continue
            row: dict[str, Any] = {
                column.name: b"" if isinstance(column.type, LargeBinary) else number
                for column in table.columns
            }
            texts = [one.name for one in table.columns if isinstance(one.type, (String, Text))]
            row |= dict.fromkeys(texts, key)
            row |= {one.name: False for one in table.columns if str(one.type) == "BOOLEAN"}
            match table.info.get(ROWS):
                case Kept(owner=column) | Bounded(owner=column):
                    is_text = isinstance(table.c[column].type, Text)
                    row[column] = json.dumps(owner) if is_text else digest(owner)
            match table.info.get(ROWS):
                case Bounded(age=age, lasts=seconds) if seconds:
                    row[age] = time.time()
            row |= {
                key.parent.name: None for key in table.foreign_keys if key.column.table is table
            }
            if table.name == "preset_files":
                row["owner"] = digest(owner)
            connection.execute(insert(table).values(row))


def counted(history: RunStore, owner: str) -> dict[str, int]:
    """Return the numbers of an owner's rows by table."""
    found = {}
    with history.engine.connect() as connection:
        for table in ALL:
            match table.info.get(ROWS):
                case Kept(owner=column) | Bounded(owner=column):
                    whose = table.c[column].in_((digest(owner), json.dumps(owner)))
                    query = select(func.count()).select_from(table).where(whose)
                    found[table.name] = connection.execute(query).scalar_one()
    return found


def test_a_deleted_person_leaves_no_rows(history: RunStore) -> None:
    """Except those whose declaration says why they stay. Other people's rows stay."""
    fill(history, ANN, "ann")
    fill(history, BOB, "bob")
    assert set(counted(history, ANN).values()) == {1}
    history.forget_person(ANN)
    stays = {table.name for table in ALL if getattr(table.info[ROWS], "stays", "")}
    assert {name for name, count in counted(history, ANN).items() if count} == stays
    assert set(counted(history, BOB).values()) == {1}


def test_every_kept_table_counts_toward_the_limit(history: RunStore) -> None:
    """Each row that `fill` makes has its number as size, also for its files."""
    fill(history, ANN, "ann")
    size, kept = int(digest("ann")[:6], 16), list(kept_tables(with_files=True))
    with history.engine.connect() as connection:
        assert bytes_in_use(connection) == size * (len(kept) + 1)


def test_a_fair_level_takes_from_the_largest_only() -> None:
    assert level_of([1, 2, 9, 9], 13) == 5
    assert level_of([1, 2], 3) >= 2
    assert level_of([4, 4], 6) == 3


def events(history: RunStore) -> list[tuple[str, AuditAction, str, int]]:
    found = history.audit.of(WantedEvents())
    return [(one.account, one.action, one.what, one.count) for one in found]


def test_a_run_that_its_server_lost_does_not_count(history: RunStore) -> None:
    """The limit of runs in 24 hours ignores it. The page *Activity* has it as a failed run."""
    for run_id, phase in (("r1", Phase.FAILED), ("r2", Phase.LOST)):
        run = replace(begun(run_id, ANN), submitted_at=time.time())
        history.end(replace(ended_record(run, phase), sent=True))
    assert history.audit.runs_today(ANN).number == 1
    assert [action for _, action, _, _ in events(history)].count("failed") == 2


def test_downloads_push_out_no_other_events(
    history: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The oldest events of the address with the most go. Administrators' events have their own
    room, and the day's runs stay, because a group's limit counts them."""
    monkeypatch.setattr(audit, "_MOST", 5)
    monkeypatch.setattr(audit, "_MOST_OF_ADMINISTRATORS", 2)
    for number in range(3):
        history.audit.add("user:boss", "administer", f"action {number}")
    run = replace(begun("r1", ANN), submitted_at=time.time() - 3600)
    history.end(replace(ended_record(run), sent=True))
    history.audit.add(ANN, "share", "a result")
    for number in range(20):
        history.audit.add("", "download", f"file {number}", guest=f"{number}", address=EVE)
        history.audit.add(ANN, "download", "the same file")
    history.audit.sweep()
    kept = events(history)
    assert (ANN, "share", "a result", 1) in kept
    assert (ANN, "download", "the same file", 20) in kept
    assert [one[2] for one in kept if one[1] == "administer"] == ["action 2", "action 1"]
    assert [one[2] for one in kept if "guest" in one[0]] == ["file 19", "file 18", "file 17"]
    assert history.audit.runs_today(ANN).number == 1
