"""What is remembered and kept: deleted for good, whole in an archive, safe from damage, clocks and full disks.

Findings 13, 14, 17, and of 26 what is about results.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st
from serving import RunningApp, open_history, running_demo_app
from test_history import ANN as ANNA
from test_history import BOB as BEN
from test_history import EVERYTHING, begun, ended, ids, picture
from test_ui_past import QUICK, SMALL, ask, kept_files, past, photo
from waiting import eventually
from web import ANN, finished, get, start

from comfy.demo import DemoServer
from comfy.errors import ComfyError, DiskFull
from comfy.files_kept import FilesKept
from comfy.history import History, HistoryLimits
from comfy.record_text import from_text, to_text
from comfy.run_state import Phase
from ui.files import file_address
from ui.past import entry
from ui.view import show

Served = tuple[DemoServer, RunningApp]
DAY = 86400.0
SECRET = "xylophone-marmalade"
ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def served() -> Iterator[Served]:
    """An app on a server that takes no time."""
    with running_demo_app(step_seconds=0) as (demo, app):
        yield demo, app


def found_in(folder: Path, word: str) -> list[str]:
    """The files below a folder that hold this word."""
    return [path.name for path in folder.rglob("*") if path.is_file() and word.encode() in path.read_bytes()]


@pytest.fixture
def no_traceback(caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]) -> Iterator[None]:
    """What happens in the test writes no traceback, neither to the log nor past it."""
    yield
    assert [record.getMessage() for record in caplog.records if record.exc_info] == []
    assert "Traceback" not in capsys.readouterr().err


# 13: deleted is deleted


def test_finding_13_no_word_of_a_deleted_run_is_left_in_the_database(tmp_path: Path) -> None:
    """Neither the file nor the log beside it holds a word of it, while the program goes on and others' runs are there:
    not of its title, values, texts and workflow, however long they were."""
    with contextlib.closing(open_history(tmp_path)) as history:
        for number in range(120):
            mine = number % 3 == 0
            words = f"{SECRET} {number} " * 400 if mine else f"harbour {number} " * 300
            prompt = {"2": {"class_type": "CLIPTextEncode", "inputs": {"text": words}}}
            record = begun(
                f"r{number}", ANNA if mine else BEN, title=words[:40], values={"2.text": words}, prompt=prompt
            )
            history.begin(record)
            history.end(ended(record, at=time.time() - 1000 + number))
        assert found_in(tmp_path, SECRET)
        for number in range(0, 120, 3):
            assert history.delete(f"r{number}", ANNA)
        assert found_in(tmp_path, SECRET) == []
        assert len(history.of(BEN, text="harbour", limit=200)) == 80
    assert found_in(tmp_path, SECRET) == []


def test_finding_13_what_a_reader_held_back_is_erased_later(tmp_path: Path) -> None:
    """Somebody reads the database while a run is deleted: the deletion does not wait for them for long, and the log is
    emptied with the next sweep."""
    with contextlib.closing(open_history(tmp_path)) as history:
        history.end(ended(begun("r1", title=SECRET), at=time.time()))
        with contextlib.closing(sqlite3.connect(tmp_path / "history.sqlite")) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM runs").fetchone()
            began = time.monotonic()
            assert history.delete("r1", ANNA)
            assert time.monotonic() - began < 6
        assert found_in(tmp_path, SECRET)
        history.sweep()
        assert found_in(tmp_path, SECRET) == []


def test_finding_13_comfyui_forgets_a_deleted_run(served: Served) -> None:
    """Its entry in ComfyUI's history is gone, what was uploaded for it is empty, copies made for forms are removed, and
    the answer says what ComfyUI keeps."""
    demo, app = served
    run = finished(start(app, "image-to-image", **QUICK, **{"4.image": photo()}))
    uploaded = demo.storage.find(run.job.prompt["4"]["inputs"]["image"])
    assert uploaded is not None
    assert uploaded.stat().st_size > 0
    assert demo.queue.history_of(run.state.prompt_id)
    places = [
        get(app, f"/history/{run.id}/values").json()["values"]["4.image"]["file"],
        app.backend.result(run.record, 0),
    ]
    assert all(app.backend.uploads.find(run.owner, place) for place in places)
    answer = ask(app, "DELETE", f"/history/{run.id}")
    assert answer.json() == {"stays": "The image server may keep its own copy of the result."}
    assert not demo.queue.history_of(run.state.prompt_id)
    assert uploaded.read_bytes() == b""
    assert not any(app.backend.uploads.find(run.owner, place) for place in places)
    assert kept_files(app).total() == 0


def test_finding_13_what_another_run_was_made_from_stays(served: Served) -> None:
    """A run that was started again names the same upload: it is emptied with the last one, and until then every run
    can be started again."""
    demo, app = served
    first = finished(start(app, "image-to-image", **QUICK, **{"4.image": photo()}))
    uploaded = demo.storage.find(first.job.prompt["4"]["inputs"]["image"])
    assert uploaded is not None
    new = ask(app, "POST", f"/runs/{first.id}/again").json()["run"]
    second = finished(app.backend.runs.get(new, f"browser:{ANN}"))
    answer = ask(app, "DELETE", f"/history/{first.id}").json()
    assert answer["stays"] == "The image server may keep its own copy of the result and of pictures you gave."
    assert uploaded.stat().st_size > 0
    third = ask(app, "POST", f"/runs/{second.id}/again").json()["run"]
    assert finished(app.backend.runs.get(third, f"browser:{ANN}")).state.phase is Phase.DONE
    place = get(app, f"/history/{second.id}/values").json()["values"]["4.image"]["file"]
    assert app.backend.uploads.find(second.owner, place)
    for run_id in (second.id, third):
        ask(app, "DELETE", f"/history/{run_id}")
    assert uploaded.read_bytes() == b""


def test_finding_13_a_comfyui_that_is_away_keeps_nothing_from_being_deleted(served: Served) -> None:
    """It is deleted here, and the answer says that ComfyUI may have all of it."""
    demo, app = served
    run = finished(start(app, "image-to-image", **QUICK, **{"4.image": photo()}))
    demo.stop()
    answer = ask(app, "DELETE", f"/history/{run.id}")
    assert answer.json()["stays"] == "The image server may keep its own copy of the result and of pictures you gave."
    assert past(app) == []
    assert kept_files(app).total() == 0


# 14: all in one archive


def test_finding_14_an_archive_leaves_out_what_is_gone(no_traceback: None, served: Served) -> None:
    """Files that vanished behind the app's back are not in it, it opens, and the log has no traceback."""
    _, app = served
    run = finished(start(app, **SMALL, **{"4.batch_size": 3}))
    kept = kept_files(app)
    gone = kept.path(run.state.files[1].digest)
    assert gone is not None
    gone.unlink()
    gone.mkdir()  # nor is what lies there now a file
    answer = get(app, f"/files/{run.id}/all.zip")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as bundle:
        assert bundle.testzip() is None
        assert [name[:3] for name in bundle.namelist()] == ["001", "003"]
    gone.rmdir()
    for file in run.state.files:
        kept.remove(file.digest)
    answer = get(app, f"/files/{run.id}/all.zip")
    assert answer.status_code == 404
    assert "kept here" in answer.json()["detail"]


@pytest.mark.parametrize("how", ["http_500", "cut", "answer_lost"])
def test_finding_14_an_archive_leaves_out_what_comfyui_does_not_send(how: Any, no_traceback: None) -> None:
    """A file of the server's that is refused, or breaks off in its middle, is not in it; the others are, whole."""
    with running_demo_app(step_seconds=0, remembers=False) as (demo, app):
        run = finished(start(app, **SMALL, **{"4.batch_size": 3}))
        demo.script(how, at="GET /view", after=1)
        answer = get(app, f"/files/{run.id}/all.zip")
        assert answer.status_code == 200
        with zipfile.ZipFile(io.BytesIO(answer.content)) as bundle:
            assert bundle.testzip() is None
            assert len(bundle.namelist()) == 2
        demo.stop()
        assert get(app, f"/files/{run.id}/all.zip").status_code == 404


def test_finding_14_a_file_that_breaks_off_is_no_whole_file(no_traceback: None) -> None:
    """One that ComfyUI sends half of reaches the browser as a broken download, and the log has no traceback."""
    with running_demo_app(step_seconds=0, remembers=False) as (demo, app):
        run = finished(start(app, **{"5.steps": 1}))
        (file,) = run.state.files
        demo.script("answer_lost", at="GET /view", count=5)
        with pytest.raises(requests.RequestException):
            get(app, file_address(run.id, 0, file))
        demo.behave()
        assert get(app, file_address(run.id, 0, file)).status_code == 200


# 17: damaged, foreign, odd


def damage(file: Path, how: str) -> None:
    data = bytearray(file.read_bytes())
    match how:
        case "no head":
            data[:100] = b"\0" * 100
        case "no middle":
            data[4096 : 3 * len(data) // 4] = b"\xa5" * (3 * len(data) // 4 - 4096)
        case "half":
            del data[len(data) // 2 :]
        case "junk":
            data = bytearray(b"junk " * 5000)
    file.write_bytes(data)


@pytest.mark.parametrize("how", ["no head", "no middle", "half", "junk"])
def test_finding_17_a_damaged_history_is_set_aside(
    no_traceback: None, tmp_path: Path, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The program starts with an empty history and says so in one line; the damaged file is kept as it was, and files
    of results stay as long as it does."""
    with contextlib.closing(open_history(tmp_path)) as history:
        for number in range(60):
            file = picture(history.files, b"%d" % number)
            history.end(ended(begun(f"r{number}", values={"a": "x" * 3000}), at=time.time(), files=(file,)))
        path = history.files.path(file.digest)
    assert path is not None
    damage(tmp_path / "history.sqlite", how)
    damaged = (tmp_path / "history.sqlite").read_bytes()
    os.utime(path, (1.0, 1.0))
    with contextlib.closing(open_history(tmp_path)) as history:
        assert [record.levelname for record in caplog.records] == ["WARNING"]
        assert "set aside" in caplog.text
        assert history.of(ANNA) == history.unfinished() == ()
        history.end(ended(begun("new"), at=time.time()))
        history.sweep()
        assert path.is_file()
        (aside,) = tmp_path.glob("history.damaged-*")
        assert aside.read_bytes() == damaged
        aside.unlink()
        history.sweep()
        assert not path.is_file()
    with contextlib.closing(open_history(tmp_path)) as history:
        assert ids(history.of(ANNA)) == ["new"]


def test_another_program_keeps_its_damaged_history(tmp_path: Path) -> None:
    """While another program has the folder, nothing is moved away under its hands: a sentence."""
    with contextlib.closing(open_history(tmp_path)) as first:
        first.end(ended(begun()))
        assert first.files.ours
        other = FilesKept(tmp_path / "files")
        (tmp_path / "other.sqlite").write_bytes(b"SQLite format 3\0" + b"junk" * 5000)
        with pytest.raises(ComfyError, match="history"):
            History(f"sqlite:///{tmp_path}/other.sqlite", other)
        other.close()
    assert list(tmp_path.glob("*.damaged-*")) == []


@pytest.mark.parametrize(
    "statements",
    [
        "CREATE TABLE runs (id INTEGER PRIMARY KEY, km REAL); INSERT INTO runs VALUES (1, 10.5)",
        "CREATE TABLE files (name TEXT)",
        "CREATE TABLE about (me TEXT); INSERT INTO about VALUES ('hello')",
        "CREATE TABLE about (version TEXT); INSERT INTO about VALUES ('hello')",
        "CREATE TABLE about (version INTEGER)",
        "CREATE VIEW runs AS SELECT 1 AS id",
    ],
)
def test_finding_17_a_foreign_database_is_refused_and_left_as_it_is(tmp_path: Path, statements: str) -> None:
    """A database of another program with a table of one of our names: a sentence, and not one byte is changed."""
    file = tmp_path / "other.db"
    with contextlib.closing(sqlite3.connect(file)) as connection:
        connection.executescript(statements)
    os.utime(file, (1e9, 1e9))
    before = file.read_bytes(), file.stat().st_mtime, file.stat().st_mode
    kept = FilesKept(tmp_path / "kept")
    with pytest.raises(ComfyError, match="not written by this program"):
        History(f"sqlite:///{file}", kept)
    kept.close()
    assert (file.read_bytes(), file.stat().st_mtime, file.stat().st_mode) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["kept", "other.db"]


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE runs DROP COLUMN words",
        "ALTER TABLE runs ADD COLUMN colour TEXT NOT NULL DEFAULT ''",
        "DROP TABLE files",
        "UPDATE about SET version = 0",
        "DELETE FROM about",
    ],
)
def test_finding_17_tables_of_another_shape_refuse_the_start(tmp_path: Path, change: str) -> None:
    """Not every run afterwards: a sentence at once, and the file is not set aside."""
    with contextlib.closing(open_history(tmp_path)) as history:
        history.end(ended(begun()))
    with contextlib.closing(sqlite3.connect(tmp_path / "history.sqlite")) as connection, connection:
        connection.execute(change)
    with contextlib.suppress(ComfyError), pytest.raises(ComfyError, match="not written by this program"):
        open_history(tmp_path)
    assert list(tmp_path.glob("*damaged*")) == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def places(told: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every part of a JSON document but the whole."""
    parts = told.items() if isinstance(told, dict) else enumerate(told) if isinstance(told, list) else ()
    for key, part in parts:
        yield (*path, key)
        yield from places(part, (*path, key))


@st.composite
def odd_records(draw: st.DrawFn) -> str:
    """A record of which parts are missing, of another type, or unknown."""
    told = json.loads(to_text(EVERYTHING))
    for _ in range(draw(st.integers(1, 6))):
        *way, last = draw(st.sampled_from(list(places(told))))
        place = told
        for key in way:
            place = place[key]
        match draw(st.sampled_from(["change", "leave out", "add"])):
            case "leave out":
                del place[last]
            case "add" if isinstance(place, dict):
                place[draw(st.text(max_size=5))] = draw(JSON)
            case _:
                place[last] = draw(JSON)
        if not list(places(told)):
            break
    return json.dumps(told)


@settings(max_examples=400, deadline=None)
@given(odd_records() | JSON.map(json.dumps) | st.text())
def test_finding_17_records_of_another_shape_are_read(text: str) -> None:
    """Whatever is missing, of another type or unknown in a record: it is a run that can be listed, shown and written
    again, or ValueError."""
    try:
        record = from_text(text)
    except ValueError:
        return
    assert from_text(to_text(record)) is not None
    json.dumps(entry(record))
    json.dumps(show(record, now=time.time()).to_json())


def test_finding_17_defaults_stand_for_what_is_missing() -> None:
    """A record of an older program loses nothing but what it never had; one of a newer program only what is new."""
    told = json.loads(to_text(EVERYTHING))
    del told["keeps_going"], told["state"]["node_errors"], told["job"]["inputs"], told["state"]["files"][0]["size"]
    told["colour"], told["state"]["files"][0]["colour"], told["state"]["phase"] = "red", "red", "melted"
    record = from_text(json.dumps(told))
    file = replace(EVERYTHING.state.files[0], size=0)
    assert record.state.files == (file, EVERYTHING.state.files[1])
    assert record.state.error == EVERYTHING.state.error
    assert (record.keeps_going, record.state.node_errors, record.job.inputs) == (False, (), {})
    assert record.job.values == EVERYTHING.job.values
    assert record.state.phase is Phase.LOST


def test_finding_17_runs_that_cannot_be_read_are_said_once_and_can_be_deleted(
    no_traceback: None, served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    """They are in no list; one log line stands for all; deleting one removes its files; none is taken up for ever."""
    _, app = served
    history = app.backend.runs.history
    assert history is not None
    runs = [finished(start(app, **SMALL, **{"5.seed": seed})) for seed in range(4)]
    with history._changing() as connection:
        connection.exec_driver_sql("UPDATE runs SET record = '[' || id")
    history.begin(begun("never ends", f"browser:{ANN}"))
    with history._changing() as connection:
        connection.exec_driver_sql("UPDATE runs SET record = '{}' WHERE id = 'never ends'")
    app.backend.runs._runs.clear()  # as after a restart
    before = len(caplog.records)
    assert past(app) == []
    assert history.unfinished() == ()
    assert get(app, f"/history/{runs[0].id}").status_code == 404
    assert len([record for record in caplog.records[before:] if "cannot be read" in record.getMessage()]) == 1
    assert ask(app, "DELETE", f"/history/{runs[0].id}", "b" * 43).status_code == 404
    for run in runs:
        assert ask(app, "DELETE", f"/history/{run.id}").status_code == 200
    assert kept_files(app).total() == 0
    assert history.delete("never ends", f"browser:{ANN}")


# 17: clocks


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The days by which the clock is wrong."""
    wrong, right = [0.0], time.time
    monkeypatch.setattr(time, "time", lambda: right() + wrong[0] * DAY)
    return wrong


@contextlib.contextmanager
def remembered(folder: Path, days: list[float]) -> Iterator[History]:
    """A history of runs that ended so many days ago, each with a file."""
    with contextlib.closing(open_history(folder)) as history:
        now = time.time()
        for number, ago in enumerate(days):
            file = picture(history.files, b"%d" % number)
            history.end(ended(begun(f"r{number}"), at=now - ago * DAY, files=(file,)))
        yield history


def test_finding_17_a_clock_that_is_ahead_removes_nothing(tmp_path: Path, clock: list[float]) -> None:
    """40 days ahead, at a start and with runs made meanwhile, and right again afterwards: all is there, in order."""
    with remembered(tmp_path, [29, 20, 3, 0]) as history:
        clock[0] = 40
        history.sweep()
        history.end(ended(begun("ahead"), at=time.time()))
        history.sweep()
        assert len(history.of(ANNA)) == 5
        clock[0] = 0
        history.sweep()
        assert ids(history.of(ANNA)) == ["ahead", "r3", "r2", "r1", "r0"]
        history.end(ended(begun("now"), at=time.time() + 1))
        assert ids(history.of(ANNA))[:2] == ["now", "ahead"], "a moment that is to come stands in nobody's way"
        assert history.files.total() == 4


def test_finding_17_a_machine_that_was_off_for_long_keeps_its_past(tmp_path: Path) -> None:
    """Nothing is removed by age when the newest run is older than the limit; in a day of use it is again."""
    with remembered(tmp_path, [50, 45, 41]) as history:
        history.sweep()
        assert len(history.of(ANNA)) == 3
        history.end(ended(begun("today"), at=time.time()))
        history.sweep()
        assert len(history.of(ANNA)) == 4
        history.end(ended(begun("yesterday"), at=time.time() - 1.1 * DAY))
        history.sweep()
        assert ids(history.of(ANNA)) == ["today", "yesterday"]


def test_a_clock_that_is_behind_removes_nothing(tmp_path: Path, clock: list[float]) -> None:
    """As of a small computer that begins at 1970: nothing goes, and the order is as it was once it is right again."""
    with remembered(tmp_path, [3, 2, 1]) as history:
        clock[0] = -20_000
        history.sweep()
        history.end(ended(begun("behind"), at=time.time()))
        history.sweep()
        clock[0] = 0
        history.sweep()
        assert ids(history.of(ANNA)) == ["r2", "r1", "r0"]
        assert history.files.total() == 3


def test_finding_17_a_run_from_years_ahead_does_not_live_for_ever(tmp_path: Path, clock: list[float]) -> None:
    """Written by a clock ten years ahead, it counts as of today once the clock is right, and goes in its turn."""
    with remembered(tmp_path, [3, 2]) as history:
        history.end(ended(begun("ahead"), at=time.time() + 3650 * DAY))
        history.sweep()
        clock[0] = 29
        for ago in (0, 2):
            history.end(ended(begun(f"later{ago}"), at=time.time() - ago * DAY))
        history.sweep()
        assert "ahead" in ids(history.of(ANNA))
        clock[0] = 31
        history.sweep()
        assert ids(history.of(ANNA)) == ["later0", "later2"]


def test_finding_17_a_clock_that_is_set_during_a_run_promises_no_odd_times(served: Served, clock: list[float]) -> None:
    """Set back by a year while a run is made: what runs usually take stays something a person can wait for."""
    demo, app = served
    with demo.hold("executing", after=1) as held:
        run = start(app, **SMALL)
        assert held.reached.wait(20)
        eventually(lambda: run.state.started_at is not None, "it has started")
        clock[0] = -365
        held.release()
        finished(run)
    typical = app.backend.runs.typical_seconds
    assert typical is not None
    assert 0 <= typical < 60


# 26: room


def test_finding_26_nobody_pushes_out_what_others_made(tmp_path: Path) -> None:
    """Somebody makes more than there is room for: their own oldest results go, and not one of somebody else's."""
    with contextlib.closing(FilesKept(tmp_path / "kept")) as kept:
        history = History(f"sqlite:///{tmp_path}/history.sqlite", kept, HistoryLimits(bytes=1000))
        now = time.time() - 2 * DAY
        for number in range(3):
            file = picture(kept, b"ann %d" % number + b"a" * 94)
            history.end(ended(begun(f"ann{number}", ANNA, at=now + number), files=(file,)))
        for number in range(40):
            file = picture(kept, b"ben %02d" % number + b"b" * 94)
            history.end(ended(begun(f"ben{number:02}", BEN, at=now + 100 + number), files=(file,)))
        history.sweep()
        assert len(history.of(ANNA)) == 3
        assert ids(history.of(BEN, limit=200)) == [f"ben{number}" for number in range(39, 32, -1)]
        assert kept.total() <= 1000
        history.close()


@pytest.mark.parametrize("mode", [0o755, 0o777])
def test_finding_26_folders_that_were_there_before_are_closed_to_others(tmp_path: Path, mode: int) -> None:
    """The data folder, what is in it and what comes into it are for this account only, whoever made the folders."""
    data = tmp_path / "data"
    for folder in (data, data / "files", data / "files" / "ab", data / "thumbnails"):
        folder.mkdir()
        folder.chmod(mode)
    (data / "files" / "ab" / ("ab" * 32)).write_bytes(b"old")
    before = os.umask(0o022)
    try:
        kept = FilesKept(data)
        digest, _ = kept.add([b"new"])
        history = History(f"sqlite:///{data}/history.sqlite", kept)
        history.close()
    finally:
        os.umask(before)
    new = kept.path(digest)
    assert new is not None
    assert stat.S_IMODE(data.stat().st_mode) == 0o700
    assert stat.S_IMODE((data / "files").stat().st_mode) == 0o700
    for file in (new, data / "files" / "ab" / ("ab" * 32), data / "history.sqlite"):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_finding_26_a_folder_that_is_not_ours_alone_is_left_as_it_is(tmp_path: Path) -> None:
    """In a folder with other things in it only what is ours is closed."""
    (tmp_path / "others.txt").write_text("others")
    tmp_path.chmod(0o755)
    FilesKept(tmp_path).close()
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755
    assert stat.S_IMODE((tmp_path / "files").stat().st_mode) == 0o700


FULL = """
import contextlib, sys
from pathlib import Path
sys.path.insert(0, "tests")
from serving import open_history, running_demo_app
from web import start, finished, get

folder = Path(sys.argv[1])
with running_demo_app(step_seconds=0, data=folder) as (demo, app):
    values = {"5.steps": 1, "4.width": 256, "4.height": 256}
    with demo.hold("GET /view") as held:
        run = start(app, **values)
        assert held.reached.wait(20)
        filler = folder / "filler"
        with contextlib.suppress(OSError), filler.open("wb", buffering=0) as full:
            while full.write(b"x" * 512):
                pass
        held.release()
        finished(run)
    print(get(app, f"/history/{run.id}").json()["advice"])
    try:
        start(app, **values)
    except Exception as problem:
        print(f"{type(problem).__name__}: {problem}")
    filler.unlink()
    run = finished(start(app, **values))
    print("kept" if run.state.files[0].digest else "lost")
"""


def test_finding_26_a_full_disk_is_called_one(tmp_path: Path) -> None:
    """On a disk of 2 MB that is full: the page says that this app's disk is, not that ComfyUI could not be asked; so
    does a run that cannot be remembered. With room again, all is well."""
    mounting = f"mount -t tmpfs -o size=2m none {tmp_path}"
    unshare = shutil.which("unshare")
    if unshare is None or subprocess.run([unshare, "-rm", "sh", "-c", mounting], capture_output=True).returncode:
        pytest.skip("needs to mount a small disk of its own (unshare -rm), which this machine does not allow")
    command = f'{mounting} && exec "$0" -c "$1" {tmp_path}'
    told = subprocess.run(
        [unshare, "-rm", "sh", "-c", command, sys.executable, FULL],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
        env=os.environ | {"TMPDIR": "/tmp"},
    )
    assert "Traceback" not in told.stderr, told.stderr
    result, refused, afterwards = told.stdout.splitlines()
    assert "The disk of this app is full" in result
    assert "image server" not in result
    assert refused == "DiskFull: The disk of this app is full: the history could not be written."
    assert afterwards == "kept"


def test_finding_26_no_room_has_a_sentence_of_its_own() -> None:
    """A disk or a quota that is used up is told as such, other errors by their own words."""
    import errno

    from comfy.errors import not_written

    for code in (errno.ENOSPC, errno.EDQUOT):
        told = not_written("the file could not be kept", OSError(code, "x"), "hint")
        assert isinstance(told, DiskFull)
        assert str(told) == "The disk of this app is full: the file could not be kept."
    other = not_written("the file could not be kept", OSError(errno.EACCES, "Permission denied"), "hint")
    assert (str(other), other.hint) == ("The file could not be kept: Permission denied.", "hint")
