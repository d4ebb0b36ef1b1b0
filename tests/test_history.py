"""The history on disk: exact, its owner's alone, within its limits, and never half of anything.

Every test runs on SQLite; with COMFYFORMS_TEST_DATABASE=postgresql+psycopg://… (a database to be emptied) also on that.
"""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, text

from comfy.errors import ComfyError, NodeError
from comfy.files_kept import FilesKept
from comfy.history import History, HistoryLimits
from comfy.job import Job, KeptInput, Record
from comfy.outputs import OutputFile, TextOutput
from comfy.run_state import Phase, RunError, waiting

ANN, BOB = "browser:ann", "user:bob"
OTHER = os.environ.get("COMFYFORMS_TEST_DATABASE", "")
PROMPT = {"3": {"class_type": "KSampler", "inputs": {"seed": 2**64 - 1, "model": ["4", 0]}, "_meta": {"title": "Ü"}}}


@pytest.fixture(params=["sqlite", "other"] if OTHER else ["sqlite"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/history.db"
    engine = create_engine(OTHER)
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE IF EXISTS files, runs, about"))
    engine.dispose()
    return OTHER


@pytest.fixture
def kept(tmp_path: Path) -> FilesKept:
    return FilesKept(tmp_path / "kept")


@pytest.fixture
def history(address: str, kept: FilesKept) -> Iterator[History]:
    history = History(address, kept)
    yield history
    history.close()


def begun(run_id: str = "r1", owner: str = ANN, at: float = 1000.0, **job: object) -> Record:
    """A run that was just submitted."""
    asked = Job(**{"prompt": PROMPT, "workflow": "portrait", "title": "Portrait", **job})  # type: ignore[arg-type]
    return Record(run_id, owner, asked, at, waiting(run_id, asked.prompt, asked.outputs))


def ended(record: Record, phase: Phase = Phase.DONE, at: float | None = None, **state: object) -> Record:
    """The same run at its end."""
    told = {"phase": phase, "finished_at": record.submitted_at + 1 if at is None else at, **state}
    return replace(record, state=replace(record.state, **told))  # type: ignore[arg-type]


def picture(kept: FilesKept, data: bytes, holder: str = "", name: str = "a.png") -> OutputFile:
    """A file of the server's of which a copy is kept here."""
    digest, size = kept.add([data], holder=holder)
    return OutputFile(name, "", "output", "image", "9", digest, size)


def ids(records: tuple[Record, ...]) -> list[str]:
    return [record.id for record in records]


EVERYTHING = replace(
    begun(
        "everything",
        outputs=frozenset({"9", "12"}),
        values={"3.seed": 2**64 - 1, "2.text": "Grün \U0001f3ee", "x": -(2**63), "y": 0.1, "z": None, "l": [1, "b"]},
        inputs={"7.image": KeptInput("mein Foto.png", "ab" * 32)},
    ),
    sent=True,
    keeps_going=True,
)
EVERYTHING = ended(
    EVERYTHING,
    Phase.FAILED,
    prompt_id="the server's own",
    files=(
        OutputFile("a.png", "sub", "output", "image", "9", "cd" * 32, 2**40),
        OutputFile("b", "", "temp", "3d", "1"),
    ),
    texts=(TextOutput("12", "said\n<b>so</b>"),),
    error=RunError("It failed.", "Try.", "3", "Sampler", "detail"),
    node_errors=(NodeError("3", None, "KSampler", "t", "m", "d"), NodeError("4", "seed", "K", "t", "m", "d")),
    started_at=1000.1,
    finished_at=1003.0000001,
)


def test_a_record_comes_back_as_it_was(history: History) -> None:
    """Every part of it: 64-bit integers, nulls, lists, files of a terabyte, errors, moments."""
    history.end(EVERYTHING)
    assert history.get("everything", ANN) == EVERYTHING
    assert history.of(ANN) == (EVERYTHING,)


WORDS = st.text(st.characters(codec=None), max_size=30)  # lone surrogates and NULs among them
PLAIN = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | WORDS


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(WORDS, PLAIN, max_size=4), WORDS, WORDS, WORDS, WORDS)
def test_any_text_comes_back_as_it_was(
    history: History, values: dict[str, object], owner: str, title: str, prompt_id: str, said: str
) -> None:
    """Whatever somebody typed or a server sent is kept exactly, found by its owner, and no reason for an error."""
    record = begun("hostile", owner, values=values, title=title, workflow=title)
    history.begin(record)
    history.sent("hostile", prompt_id)
    record = ended(replace(record, sent=True), texts=(TextOutput("1", said),), prompt_id=prompt_id)
    history.end(record)
    assert history.get("hostile", owner) == record
    assert history.of(owner, workflow=title, text=title) in ((record,), ())
    assert history.of(owner, workflow=title) == (record,)
    assert history.get("hostile", owner + "x") is None
    assert history.delete("hostile", owner)


def test_everything_is_found_again_by_the_next_program(address: str, kept: FilesKept) -> None:
    """After closing and opening, all is as it was."""
    first = History(address, kept)
    first.begin(begun("waits"))
    first.end(EVERYTHING)
    first.close()
    again = History(address, kept)
    assert again.get("everything", ANN) == EVERYTHING
    assert again.unfinished() == (begun("waits"),)
    again.close()


def test_a_run_on_its_way(history: History) -> None:
    """Begun, handed over, handed over under another id, finished: each is on disk at once."""
    record = begun()
    history.begin(record)
    assert history.unfinished() == (record,)
    history.sent("r1", "p1")
    (found,) = history.unfinished()
    assert (found.sent, found.state.prompt_id) == (True, "p1")
    history.sent("r1", "p2")
    assert history.unfinished()[0].state.prompt_id == "p2"
    assert history.of(ANN) == ()
    done = ended(replace(record, sent=True))
    history.end(done)
    assert history.unfinished() == ()
    assert history.of(ANN) == (done,)


def test_unfinished_runs_come_oldest_first(history: History) -> None:
    """Those of all owners, in the order in which they were submitted."""
    history.begin(begun("b", BOB, at=2))
    history.begin(begun("a", ANN, at=1))
    history.begin(begun("c", ANN, at=3))
    assert ids(history.unfinished()) == ["a", "b", "c"]


def test_a_run_that_ends_without_having_begun_is_remembered(history: History) -> None:
    """The end says everything; nothing depends on what came before."""
    history.end(ended(begun()))
    assert ids(history.of(ANN)) == ["r1"]


def test_what_is_written_twice_is_there_once(history: History, kept: FilesKept) -> None:
    """The later word counts, files included."""
    history.end(ended(begun(), files=(picture(kept, b"1"),)))
    last = ended(begun(), files=(picture(kept, b"2"),))
    history.begin(begun())
    history.end(last)
    history.end(last)
    assert history.of(ANN) == (last,)


# Owners


def test_people_see_their_own_runs_only(history: History) -> None:
    """Listing, looking up, deleting and going on from a run all ask whose it is."""
    for at, owner in enumerate((ANN, BOB, ANN)):
        history.end(ended(begun(f"r{at}", owner, at=at)))
    assert ids(history.of(ANN)) == ["r2", "r0"]
    assert ids(history.of(BOB)) == ["r1"]
    assert history.of("") == history.of("browser:") == history.of(ANN.upper()) == ()
    assert history.get("r0", BOB) is None
    assert not history.delete("r0", BOB)
    assert history.of(BOB, before="r2") == ()
    assert history.get("r0", ANN) is not None


@pytest.mark.parametrize("run_id", ["", "none", "' OR 1=1 --", "%", "\0", "\ud800", "x" * 10_000])
def test_a_run_that_never_was(history: History, run_id: str) -> None:
    """An unknown id of any kind is nothing, not an error."""
    history.end(ended(begun()))
    assert history.get(run_id, ANN) is None
    assert not history.delete(run_id, ANN)
    assert history.of(ANN, before=run_id) == (() if run_id else history.of(ANN))
    history.sent(run_id, "p")


# Order, pages, search


def test_newest_first_in_pages(history: History) -> None:
    """Page after page, every run comes once, also those that finished in the same instant."""
    for number in range(25):
        history.end(ended(begun(f"r{number:02}", at=100.0 + number // 10), at=200.0 + number // 10))
    seen: list[str] = []
    while page := history.of(ANN, limit=4, before=seen[-1] if seen else ""):
        assert len(page) <= 4
        seen += ids(page)
    assert len(seen) == len(set(seen)) == 25
    ends = [record.state.finished_at for record in history.of(ANN, limit=200)]
    assert ends == sorted(ends, reverse=True)
    assert ids(history.of(ANN, limit=200)) == seen == ids(history.of(ANN, limit=200))


@pytest.mark.parametrize(("limit", "come"), [(0, 1), (-5, 1), (10**9, 3)])
def test_a_page_has_bounds(history: History, limit: int, come: int) -> None:
    """However many are asked for, there is at least one and never all at once."""
    for number in range(3):
        history.end(ended(begun(f"r{number}")))
    assert len(history.of(ANN, limit=limit)) == come


def test_of_one_workflow(history: History) -> None:
    """A workflow's past is its own, told by its exact name."""
    for name in ("portrait", "Portrait", "por"):
        history.end(ended(begun(name, workflow=name)))
    assert ids(history.of(ANN, workflow="portrait")) == ["portrait"]
    assert len(history.of(ANN)) == 3


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("lighthouse", True),
        ("LIGHTHOUSE dusk", True),
        ("dusk lighthouse", True),
        ("house port", True),
        ("über STRASSE", True),
        ("U\u0308ber", True),
        ("12345678901234567890", True),
        ("said so", True),
        ("photo.png", True),
        ("lighthouse dawn", False),
        ("light%house", False),
        ("l_ghthouse", False),
        ("100%", True),
        ("100%x", False),
        ("a_b", True),
        ("back\\slash", True),
        ("/", False),
        ("'; DROP TABLE runs; --", False),
        ("  ", True),
        ("\0", True),
        ("\ud800", False),
        ("x" * 100_000, False),
        (" ".join(["lighthouse"] * 1000), True),
    ],
)
def test_search(history: History, asked: str, found: bool) -> None:
    """All words, in any order and case, as they are: no wildcards, no patterns, no statement."""
    values = {"a": "A lighthouse at Dusk", "b": "Über die Straße, 100% a_b back\\slash", "s": 12345678901234567890}
    record = begun(values=values, inputs={"p": KeptInput("Photo.PNG", "ab" * 32)})
    history.end(ended(record, texts=(TextOutput("1", "She said: SO"),)))
    assert (history.of(ANN, text=asked) != ()) is found


def test_ten_thousand_runs(history: History) -> None:
    """Among 10,000 runs of one person a page, a search without a hit and a look-up take less than 50 ms each."""
    prompt = {str(n): {"class_type": "X", "inputs": {"text": "y" * 100}} for n in range(20)}
    record = begun(prompt=prompt, values={"2.text": "a lighthouse at dusk, " * 8, "5.seed": 2**63})
    with history._changing() as connection:  # each in a transaction of its own would take minutes on a slow disk
        for number in range(10_000):
            one = replace(record, id=f"r{number:05}", submitted_at=float(number))
            history._put(connection, ended(one), float(number))
    asks = {
        "page": lambda: history.of(ANN, workflow="portrait"),
        "deep page": lambda: history.of(ANN, before="r05000"),
        "search": lambda: history.of(ANN, workflow="portrait", text="lighthouse harbour"),
        "rare word": lambda: history.of(ANN, text="9223372036854775809"),
        "one": lambda: history.get("r00005", ANN),
        "another's": lambda: history.of(BOB, text="lighthouse"),
    }
    for name, ask in asks.items():
        took = []
        for _ in range(5):
            began = time.perf_counter()
            ask()
            took.append(time.perf_counter() - began)
        assert min(took) < 0.05, f"{name}: {min(took) * 1000:.0f} ms"


# Files, deleting, limits


def test_deleting_removes_files(history: History, kept: FilesKept) -> None:
    """The run is unknown afterwards and its bytes are gone, its inputs' too."""
    photo, _ = kept.add([b"photo"])
    file = picture(kept, b"result", holder="r1")
    history.begin(begun(inputs={"7.image": KeptInput("p.png", photo)}))
    history.end(ended(begun(inputs={"7.image": KeptInput("p.png", photo)}), files=(file,)))
    assert history.delete("r1", ANN)
    assert history.get("r1", ANN) is None
    assert history.of(ANN) == ()
    assert kept.path(file.digest) is kept.path(photo) is None
    assert not history.delete("r1", ANN)


def test_bytes_of_two_runs_stay_until_both_are_deleted(history: History, kept: FilesKept) -> None:
    """Also where one has as an input what the other made, and where they are different people's."""
    file = picture(kept, b"shared")
    history.end(ended(begun("maker"), files=(file, file)))
    history.end(ended(begun("user", BOB, inputs={"7.image": KeptInput("x.png", file.digest)})))
    assert history.delete("maker", ANN)
    assert kept.path(file.digest) is not None
    assert history.delete("user", BOB)
    assert kept.path(file.digest) is None


def test_bytes_of_a_run_that_is_about_to_end_stay(history: History, kept: FilesKept) -> None:
    """One run is deleted while another has fetched the same bytes and is not yet written down."""
    file = picture(kept, b"same")
    history.end(ended(begun("old"), files=(file,)))
    picture(kept, b"same", holder="new")
    assert history.delete("old", ANN)
    assert kept.path(file.digest) is not None
    history.end(ended(begun("new"), files=(file,)))
    assert kept.path(file.digest) is not None
    assert history.delete("new", ANN)
    assert kept.path(file.digest) is None


def test_a_run_that_goes_on_is_not_deleted(history: History) -> None:
    """It has to be stopped first."""
    history.begin(begun())
    assert not history.delete("r1", ANN)
    assert history.get("r1", ANN) is not None


def test_files_of_a_run_that_did_not_come_to_be_are_let_go(history: History, kept: FilesKept) -> None:
    """Unless a record has the same bytes."""
    file = picture(kept, b"of a record")
    history.end(ended(begun(), files=(file,)))
    refused, _ = kept.add([b"refused"])
    history.let_go([refused, file.digest])
    assert kept.path(refused) is None
    assert kept.path(file.digest) is not None


def test_old_runs_are_swept(address: str, kept: FilesKept) -> None:
    """Runs older than the limit go with their files; younger ones and those that go on stay, however old."""
    history = History(address, kept, HistoryLimits(days=2))
    now = time.time()
    old, new = picture(kept, b"old"), picture(kept, b"new")
    for number in range(120):
        history.end(ended(begun(f"old{number}"), at=now - 3 * 86400, files=(old,)))
    history.end(ended(begun("new"), at=now - 86400, files=(new,)))
    history.begin(begun("goes on", at=1.0))
    history.sweep()
    assert ids(history.of(ANN, limit=200)) == ["new"]
    assert ids(history.unfinished()) == ["goes on"]
    assert kept.path(old.digest) is None
    assert kept.path(new.digest) is not None
    history.close()


def test_the_oldest_go_when_files_take_too_much_room(address: str, kept: FilesKept) -> None:
    """Down to the limit and no further; bytes of several runs count once."""
    history = History(address, kept, HistoryLimits(bytes=350))
    now = time.time()
    for number in range(6):
        files = (picture(kept, bytes([number]) * 100), picture(kept, b"s" * 100))
        history.end(ended(begun(f"r{number}"), at=now - 100 + number, files=files))
    history.sweep()
    assert ids(history.of(ANN)) == ["r5", "r4"]
    assert kept.total() == 300
    history.sweep()
    assert len(history.of(ANN)) == 2
    history.close()


def test_files_without_a_record_are_swept_once_they_are_old(history: History, kept: FilesKept) -> None:
    """What a killed program left is removed; what was just added may belong to a run that is not yet written down."""
    left, _ = kept.add([b"left"])
    young, _ = kept.add([b"young"])
    mine = picture(kept, b"mine")
    history.end(ended(begun(), at=time.time(), files=(mine,)))
    for digest in (left, mine.digest):
        path = kept.path(digest)
        assert path is not None
        os.utime(path, (1.0, 1.0))
    history.sweep()
    assert kept.path(left) is None
    assert kept.path(young) is not None
    assert kept.path(mine.digest) is not None


# Many at once


def test_two_threads_ending_deleting_and_sweeping_at_once(history: History, kept: FilesKept) -> None:
    """Runs with the same bytes end, are deleted and swept by many threads: no error, and each record has its file."""
    wrong: list[object] = []
    now = time.time()

    def work(name: str) -> None:
        for number in range(12):
            run_id = f"{name}-{number}"
            try:
                record = begun(run_id, at=now)
                history.begin(record)
                history.sent(run_id, run_id)
                file = picture(kept, b"the same", holder=run_id)
                history.end(ended(record, at=now, files=(file,)))
                if kept.path(file.digest) is None:
                    wrong.append(f"{run_id} lost its file")
                history.sweep()
                if not history.delete(run_id, ANN):
                    wrong.append(f"{run_id} was not there")
            except Exception as error:
                wrong.append(error)

    threads = [threading.Thread(target=work, args=(str(n),)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert wrong == []
    assert history.of(ANN) == history.unfinished() == ()
    assert kept.total() == 0


KILLED = """
import sys
from pathlib import Path
from comfy.files_kept import FilesKept
from comfy.history import History
sys.path.insert(0, "tests")
from test_history import ANN, begun, ended, picture

kept = FilesKept(Path(sys.argv[2]))
history = History(sys.argv[1], kept)
for number in range(10**6):
    record = begun(f"r{number}", at=float(number))
    history.begin(record)
    history.end(ended(record, files=(picture(kept, f"{number}".encode() * 1000, holder=record.id),)))
    print(number, flush=True)
"""


def test_a_killed_program_loses_no_finished_run(address: str, tmp_path: Path) -> None:
    """Killed in the middle of its work: every run it said was finished is there, whole, and so are its files."""
    folder = tmp_path / "kept"
    command = [sys.executable, "-c", textwrap.dedent(KILLED), address, str(folder)]
    with subprocess.Popen(command, cwd=Path(__file__).parent.parent, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        said = [int(program.stdout.readline()) for _ in range(20)]
        program.send_signal(signal.SIGKILL)
        said += map(int, program.stdout.read().split())
    kept = FilesKept(folder)
    history = History(address, kept)
    found = {record.id: record for record in history.of(ANN, limit=200)}
    for number in said[-200:]:
        (file,) = found[f"r{number}"].state.files
        path = kept.path(file.digest)
        assert path is not None
        assert hashlib.sha256(path.read_bytes()).hexdigest() == file.digest
    assert len(history.unfinished()) <= 1
    history.close()


# What cannot be used


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
def test_a_database_that_cannot_be_used_is_told_in_words(kept: FilesKept, url: str, said: str) -> None:
    """One sentence and what to do."""
    with pytest.raises(ComfyError, match=said) as told:
        History(url, kept)
    assert told.value.hint


def test_a_password_is_in_no_message(kept: FilesKept) -> None:
    """Nor is any other part of an address that cannot be reached told with it."""
    with pytest.raises(ComfyError) as told:
        History("postgresql+nosuch://anna:secret@127.0.0.1/x", kept)
    assert "secret" not in f"{told.value} {told.value.hint}"


def test_a_file_that_is_no_database(tmp_path: Path, kept: FilesKept) -> None:
    """It is left as it is."""
    (tmp_path / "notes.db").write_text("my notes, " * 1000)
    with pytest.raises(ComfyError, match="database"):
        History(f"sqlite:///{tmp_path}/notes.db", kept)
    assert (tmp_path / "notes.db").read_text().startswith("my notes")


def test_a_history_of_a_newer_version_is_left_alone(address: str, kept: FilesKept) -> None:
    """It is not written to, and the sentence says so."""
    History(address, kept).close()
    engine = create_engine(address)
    with engine.begin() as connection:
        connection.execute(text("UPDATE about SET version = 99"))
    engine.dispose()
    with pytest.raises(ComfyError, match="newer version"):
        History(address, kept)


def test_a_damaged_record_hides_no_other(address: str, history: History) -> None:
    """It is left out; the others are listed and it can still be deleted."""
    history.end(ended(begun("whole")))
    history.end(ended(begun("damaged")))
    engine = create_engine(address)
    with engine.begin() as connection:
        connection.execute(text("UPDATE runs SET record = '{' WHERE id = 'damaged'"))
    engine.dispose()
    assert ids(history.of(ANN)) == ["whole"]
    assert history.get("damaged", ANN) is None
    assert history.delete("damaged", ANN)


def test_the_history_is_for_this_account_only(tmp_path: Path, kept: FilesKept) -> None:
    """Other accounts of the machine can read neither the database nor what is about to be written to it."""
    history = History(f"sqlite:///{tmp_path}/new/history.db", kept)
    history.end(ended(begun()))
    files = list((tmp_path / "new").iterdir())
    assert len(files) == 3
    assert all(file.stat().st_mode & 0o077 == 0 for file in files)
    history.close()


def test_a_database_that_goes_away_is_told_in_words(tmp_path: Path, kept: FilesKept) -> None:
    """Tables that vanish under the program are a sentence, without the statement and the values in it."""
    history = History(f"sqlite:///{tmp_path}/history.db", kept)
    engine = create_engine(f"sqlite:///{tmp_path}/history.db")
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE files"))
        connection.execute(text("DROP TABLE runs"))
    engine.dispose()
    with pytest.raises(ComfyError, match="could not be") as told:
        history.begin(begun(values={"a": "private words"}))
    assert "private" not in str(told.value)
    assert "INSERT" not in str(told.value)
    with pytest.raises(ComfyError, match="could not be"):
        history.of(ANN)
    history.close()


def test_a_run_that_no_json_can_hold(history: History) -> None:
    """A workflow nested without end is refused in words, and nothing of it is written."""
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(ComfyError, match="nested"):
        history.begin(begun(values={"x": deep}))
    assert history.unfinished() == ()
