"""Failures of the database, and what administrators do with the history."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from comfy.base.errors import ComfyError
from comfy.base.messages import Message, message
from comfy.comfyui.protocol.run_state import Phase
from comfy.records.audit import WantedEvents
from comfy.records.blobs import BlobStore
from comfy.records.store import RunStore
from comfy.records.tables import digest
from tests.support.samples.histories import ANN, BOB, begun, ended_record, ids, kept_image


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("nonsense", "address"),
        ("sqlite://", "in memory"),
        ("sqlite:///:memory:", "in memory"),
        ("nosuch://x/y", "address"),
        ("postgresql+nosuch://x/y", "address"),
        ("oracle+oracledb://x/y", "not installed"),
        ("sqlite:////proc/none/history.db", "/proc/none"),
        ("sqlite:////proc/cpuinfo", "history"),
    ],
)
def test_an_unusable_database_is_reported_with_a_sentence(
    kept: BlobStore, url: str, said: str
) -> None:
    """The error has one sentence and a hint."""
    with pytest.raises(ComfyError, match=said) as told:
        RunStore(url, kept)
    assert told.value.hint


def test_a_password_is_in_no_message(kept: BlobStore) -> None:
    """If the app can't read or reach a database address, the error contains no part of it, such as
    the password."""
    with pytest.raises(ComfyError) as told:
        RunStore("postgresql+nosuch://anna:secret@127.0.0.1/x", kept)
    assert "secret" not in f"{told.value} {told.value.hint}"


def test_a_file_that_is_not_a_database_is_left_unchanged(tmp_path: Path, kept: BlobStore) -> None:
    """The app reports the file and leaves it unchanged."""
    (tmp_path / "notes.db").write_text("my notes, " * 1000)
    with pytest.raises(ComfyError, match="database"):
        RunStore(f"sqlite:///{tmp_path}/notes.db", kept)
    assert (tmp_path / "notes.db").read_text().startswith("my notes")


def test_a_history_of_a_newer_version_is_left_alone(database: str, kept: BlobStore) -> None:
    """The app reports the newer version and doesn't write to the history."""
    RunStore(database, kept).close()
    engine = create_engine(database)
    with engine.begin() as connection:
        connection.execute(text("UPDATE history_version SET version_num = '0099'"))
    engine.dispose()
    with pytest.raises(ComfyError, match="newer version"):
        RunStore(database, kept)


def test_a_damaged_record_hides_no_other(database: str, history: RunStore) -> None:
    """The app leaves out the damaged record and lists the others. The owner can still delete the
    damaged one."""
    history.end(ended_record(begun("whole")))
    history.end(ended_record(begun("damaged")))
    engine = create_engine(database)
    with engine.begin() as connection:
        connection.execute(text("UPDATE runs SET record = '{' WHERE id = 'damaged'"))
    engine.dispose()
    assert ids(history.of(ANN)) == ["whole"]
    assert history.get("damaged", ANN) is None
    assert history.delete("damaged", ANN)


def test_the_history_is_for_this_account_only(tmp_path: Path, kept: BlobStore) -> None:
    """Other accounts on the machine can read neither the database nor the data about to be written
    to it."""
    history = RunStore(f"sqlite:///{tmp_path}/new/history.db", kept)
    history.end(ended_record(begun()))
    files = list((tmp_path / "new").iterdir())
    assert len(files) == 3
    assert all(file.stat().st_mode & 0o077 == 0 for file in files)
    history.close()


def test_a_lost_database_is_reported_with_a_sentence(tmp_path: Path, kept: BlobStore) -> None:
    """If tables vanish while the program runs, the error message contains neither the SQL statement
    nor its values."""
    history = RunStore(f"sqlite:///{tmp_path}/history.db", kept)
    engine = create_engine(f"sqlite:///{tmp_path}/history.db")
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE files"))
        connection.execute(text("DROP TABLE runs"))
    engine.dispose()
    with pytest.raises(ComfyError, match="couldn't be") as told:
        history.begin(begun(values={"a": "private words"}))
    assert "private" not in str(told.value)
    assert "INSERT" not in str(told.value)
    with pytest.raises(ComfyError, match="couldn't be"):
        history.of(ANN)
    history.close()


def test_a_run_that_no_json_can_hold(history: RunStore) -> None:
    """The app refuses a workflow nested too deeply, says why, and writes nothing."""
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(ComfyError, match="nested"):
        history.begin(begun(values={"x": deep}))
    assert history.unfinished() == ()


WEEK = 7 * 24 * 3600.0


def end(
    history: RunStore, name: str, at: float, seconds: float | None, phase: Phase = Phase.DONE
) -> None:
    """Record a run that ended at a time, after these seconds on its server, None if it never
    started there."""
    record = replace(ended_record(begun(name, at=at - 100)), sent=True)
    started_at = None if seconds is None else at - seconds
    state = replace(record.state, phase=phase, started_at=started_at, finished_at=at)
    history.end(replace(record, state=state))


def test_weeks_have_runs_failures_and_medians(history: RunStore) -> None:
    """The median counts successful runs only, and each week counts for itself."""
    now = time.time()
    starts = [now - 2 * WEEK, now - WEEK]
    for number, seconds in enumerate((1.0, 2.0, 9.0)):
        end(history, f"even{number}", now - 60, seconds)
    end(history, "last", now - 60, 4.0)
    end(history, "failed", now - 60, 100.0, Phase.FAILED)
    end(history, "stopped", now - 60, 100.0, Phase.STOPPED)
    end(history, "earlier", now - WEEK - 60, 7.0)
    end(history, "too early", now - 3 * WEEK, 7.0)
    newest, before = history.administration.usage.weeks(starts)
    assert (newest.week, newest.runs, newest.failed) == (1, 6, 1)
    assert newest.median is not None
    assert round(newest.median, 3) == 3.0
    assert (before.week, before.runs, before.failed) == (0, 1, 0)
    lately = history.administration.usage.ended_runs(now - WEEK)
    assert [one.failed for one in lately].count(True) == 1
    assert {round(one.waited) for one in lately if one.waited is not None} == {0, 91, 96, 98, 99}


def test_use_counts_deleted_runs(history: RunStore) -> None:
    """The log of actions still has them, with their workflows. A run that was stopped while it
    waited doesn't count, deleted or not."""
    now = time.time()
    end(history, "waited", now - 60, None, Phase.STOPPED)
    for name, phase in (("kept", Phase.DONE), ("done", Phase.DONE), ("failed", Phase.FAILED)):
        end(history, name, now - 60, 5.0, phase)
    usage = history.administration.usage

    def figures() -> tuple[object, ...]:
        (week,) = usage.weeks([now - 2 * WEEK, now - WEEK])
        day = usage.ended_runs(now - WEEK)
        owners = {one.owner for one in day}
        return replace(week, median=None), len(day), sum(one.failed for one in day), owners

    before = figures()
    assert before[1:3] == (3, 1)
    for name in ("done", "failed", "waited"):
        history.delete(name, ANN)
    assert figures() == before


def test_storage_counts_a_shared_file_once_per_owner(history: RunStore, kept: BlobStore) -> None:
    """Favorites never expire, so they aren't among the next to expire."""
    file = kept_image(kept, bytes(100_000))
    for name, owner in (("a1", ANN), ("a2", ANN), ("b1", BOB)):
        history.end(ended_record(begun(name, owner, at=1000.0), files=(file,)))
    history.set_favourite(["b1"], BOB, favourite=True)
    usage = history.administration.usage
    held, expiring = usage.holdings(time.time())
    assert {key: one.runs for key, one in held.items()} == {digest(ANN): 2, digest(BOB): 1}
    assert 100_000 <= held[digest(ANN)].bytes < 110_000
    assert expiring.keys() == {digest(ANN)}
    assert usage.total_bytes() < 120_000
    assert usage.owners([digest(BOB), "unknown"]) == {digest(BOB): BOB}
    history.unlist(["a1", "a2"], ANN)  # about to be deleted
    assert usage.holdings()[0].keys() == {digest(BOB)}


def test_hidden_runs_are_all_finished_ones_of_an_owner(history: RunStore) -> None:
    """Other owners' runs and unfinished ones stay."""
    for name, owner in (("a", ANN), ("b", BOB)):
        history.end(ended_record(begun(name, owner)))
    history.begin(begun("goes on"))
    history.forget_person(ANN)
    assert history.of(ANN) == ()
    assert [record.id for record in history.of(BOB)] == ["b"]


def test_actions_and_the_notice_are_kept(history: RunStore) -> None:
    """A sentence can still be translated. A new notice replaces the previous one."""
    store, anna = history.administration, "user:anna"
    removal = message("{person} removed {name}.", person="anna", name="ben")
    history.audit.add(anna, "administer", removal)
    history.audit.add(anna, "administer", "plain")
    plain, removed = history.audit.of(WantedEvents(action="administer"))
    assert plain.what == "plain"
    assert isinstance(removed.what, Message)
    assert removed.what == "anna removed ben."
    first = store.set_notice("one", None)
    second = store.set_notice("two", 5.0)
    assert first.id != second.id
    assert store.notice() == second
    assert second.is_over(6.0)
    store.remove_notice()
    assert store.notice() is None


def test_one_address_does_not_fill_the_list_of_model_requests(history: RunStore) -> None:
    """Its oldest request goes, whichever browser sent it. Other addresses and accounts keep
    theirs."""
    requests = history.administration.model_requests
    requests.add("user:anna", "anna", "w", "W", ())
    requests.add("browser:x", "", "w", "W", (), "192.0.2.1")
    for number in range(60):
        requests.add(f"browser:{number}", "", "w", f"{number}", (), "192.0.2.2")
    titles = [one.title for one in requests.all()]
    assert titles == ["W", "W", *map(str, range(20, 60))]
    assert requests.has("user:anna", "w")
    assert not requests.has("browser:0", "w")


def test_many_addresses_make_room_for_another_user(history: RunStore) -> None:
    """A full list drops the oldest request of the address with the most."""
    requests = history.administration.model_requests
    requests.add("user:anna", "anna", "w", "anna", ())
    for number in range(520):
        requests.add(f"browser:{number}", "", "w", "", (), f"192.0.2.{number // 26}")
    requests.add("user:ben", "ben", "w", "ben", ())
    found = requests.all()
    assert len(found) == 500
    assert (found[0].title, found[-1].title) == ("anna", "ben")


def test_the_oldest_confirmations_of_paid_workflows_are_forgotten(
    history: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One visitor can appear as many owners."""
    monkeypatch.setattr("comfy.records.paid._MOST", 3)
    for number in range(5):
        history.state.paid_consents.add(f"browser:{number}", "w")
    known = [history.state.paid_consents.has(f"browser:{number}", "w") for number in range(5)]
    assert known == [False, False, True, True, True]
