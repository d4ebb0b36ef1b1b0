"""Space of a visitor or an address in the database, and the order in which results are removed."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import func, select

from comfy.base.errors import ComfyError
from comfy.comfyui.protocol.run_state import Phase, RunError
from comfy.records.blobs import BlobStore, HistoryLimits
from comfy.records.groups import Group
from comfy.records.presets import Preset
from comfy.records.record import Record
from comfy.records.sharing import SharedFile
from comfy.records.started_requests import StartingRequest
from comfy.records.store import RunStore
from comfy.records.tables import runs
from tests.support.samples.histories import BOB, begun, ended_record, ids, kept_image

MB = 1_000_000
ROOM = 8 * MB
SLACK = 7 * MB  # a hundredth of the room, the log beside the database, and a transaction's pages
EVE = "192.0.2.7"  # the address of many people
NOW = time.time() - 3600


@pytest.fixture
def history(tmp_path: Path) -> Iterator[RunStore]:
    """Open a history with 8 MB of space, 1 MB of it used by Bob."""
    with contextlib.closing(BlobStore(tmp_path / "kept")) as kept:
        limits = HistoryLimits(bytes=ROOM)
        with contextlib.closing(RunStore(f"sqlite:///{tmp_path}/h.db", kept, limits)) as history:
            for number in range(4):
                photo = kept_image(kept, bytes([number]) * 250_000)
                run = begun(f"bob {number}", BOB, at=NOW - 100 + number)
                history.end(ended_record(run, files=(photo,)))
            yield history


def size_of(folder: Path) -> int:
    """Return the bytes of the database and of SQLite's files next to it."""
    return sum(file.stat().st_size for file in folder.glob("h.db*"))


def is_whole(history: RunStore) -> bool:
    return ids(history.of(BOB)) == [f"bob {number}" for number in (3, 2, 1, 0)]


def told(number: int, characters: int, fields: int = 4, person: int = 0) -> Record:
    """Return a run with a text of this length in each of its fields."""
    text = f"{number} " + "x" * characters
    values = {f"{field}.text": text for field in range(fields)}
    prompt = {
        str(field): {"class_type": "Text", "inputs": {"text": text}} for field in range(fields)
    }
    run = begun(f"run {number}", f"browser:{person}", NOW + number, values=values, prompt=prompt)
    return replace(run, address=EVE)


@pytest.mark.parametrize("characters", [100_000, 9_000])
def test_finding_s5_failing_runs_do_not_fill_the_disk(
    history: RunStore, tmp_path: Path, characters: int
) -> None:
    """One user starts failing runs with long texts. The database stays within its limit, and
    another user's results remain."""
    largest = 0
    for number in range(120):
        run = told(number, characters)
        history.begin(run)
        history.end(ended_record(run, Phase.FAILED, started_at=NOW))
        largest = max(largest, size_of(tmp_path))
    assert largest < ROOM + SLACK
    assert is_whole(history)


def test_finding_s5_runs_with_results_count_their_texts(history: RunStore, tmp_path: Path) -> None:
    """Thirty users share an address. The app removes their oldest runs, even though another user's
    runs are older and each of the thirty has less data."""
    for number in range(60):
        history.end(ended_record(told(number, 100_000, 2, person=number % 30)))
    assert size_of(tmp_path) < ROOM + SLACK
    assert is_whole(history)
    assert history.get("run 59", "browser:29")
    assert history.get("run 0", "browser:0") is None


def test_finding_s5_batches_do_not_fill_the_disk(history: RunStore, tmp_path: Path) -> None:
    """The oldest finished batches of the fullest address make room. Another address keeps its
    batches."""
    mine = Group("bob's", BOB, "batch", NOW, "done", {}, ended_at=NOW)
    history.groups.put(mine, {"text": "x" * 100_000}, ())
    for number in range(40):
        about = {"address": EVE}
        stopped = Group(f"{number}", f"browser:{number}", "batch", NOW, "stopped", about)
        history.groups.put(replace(stopped, ended_at=NOW + number), {"text": "x" * 400_000}, ())
    assert size_of(tmp_path) < ROOM + SLACK
    assert history.groups.get("bob's", BOB)
    assert history.groups.get("39", "browser:39")
    assert is_whole(history)


def test_finding_s5_unfinished_batches_leave_room(history: RunStore) -> None:
    """The app forgets no unfinished batch. It refuses more batches from the same address, and
    another address finds room."""
    group = Group("0", "browser:0", "batch", NOW, "paused", {"address": EVE})
    history.groups.put(group, {"text": "x" * 600_000}, ())
    with pytest.raises(ComfyError, match="no room"):
        history.groups.put(replace(group, id="1"), {"text": "x" * 600_000}, ())
    history.groups.put(replace(group, id="2", about={}), {"text": "x" * 600_000}, ())


def test_finding_s5_progress_of_batches_counts(history: RunStore, tmp_path: Path) -> None:
    """The progress that a batch saves later counts too."""
    for number in range(40):
        about = {"address": EVE}
        group = Group(f"{number}", f"browser:{number}", "batch", NOW, "running", about)
        history.groups.put(group, {}, ())
        ended = replace(group, state="stopped", ended_at=NOW + number)
        history.groups.save(replace(ended, progress={"errors": "x" * 400_000}))
    assert size_of(tmp_path) < ROOM + SLACK


def test_finding_s21_presets_of_one_address_displace_no_others(
    history: RunStore, tmp_path: Path
) -> None:
    """When the presets exceed their space, the app chooses the address that uses the most, then its
    user who uses the most. It removes that user's least recently used presets."""
    presets = history.presets
    for number in range(8):
        presets.save(BOB, "text", Preset(f"{number}", {"2.text": "x" * 30_000}))
    for number in range(100):
        preset = Preset("mine", {"2.text": "x" * 30_000})
        presets.save(f"browser:{number}", "text", preset, EVE)
    assert len(presets.of(BOB, "text")) == 8
    assert presets.of("browser:99", "text")
    assert presets.of("browser:0", "text") == ()
    assert size_of(tmp_path) < ROOM + SLACK


def test_finding_s21_a_preset_in_use_outlasts_unused_ones(
    history: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The age of the preset doesn't matter."""
    monkeypatch.setattr("comfy.records.presets._MOST_IN_ALL", 3)
    monkeypatch.setattr("comfy.records.presets._HOUR", 0.0)
    for name in ("used", "unused", "c", "d"):
        history.presets.save(BOB, "text", Preset(name, {}))
        history.presets.get(BOB, "text", "used")
    assert {preset.name for preset in history.presets.of(BOB, "text")} == {"used", "c", "d"}


def test_finding_s5_shared_prompts_count(history: RunStore, tmp_path: Path) -> None:
    """Each shared link to a file repeats the prompt. The app counts these bytes toward the runs as
    long as the link exists, also for links to several files."""
    files = tuple(kept_image(history.files, bytes([number])) for number in range(40))
    history.end(ended_record(replace(told(0, 10), address=EVE), files=files))
    written = bytes_counted(history)
    for place in range(40):
        shared = [SharedFile("run 0", place, "😀" * 100_000)]
        history.shared.share("browser:0", shared)
        history.shared.share("browser:0", shared)
    assert 40 * 100_000 < bytes_counted(history) - written < 5 * MB
    one_each = bytes_counted(history)
    history.shared.share("browser:0", [SharedFile("run 0", place) for place in range(20)])
    assert bytes_counted(history) - one_each >= 20 * 2_000
    for place in range(40):
        history.shared.stop("browser:0", [SharedFile("run 0", place)])
    assert bytes_counted(history) == written
    assert size_of(tmp_path) < ROOM + SLACK


def bytes_counted(history: RunStore) -> float:
    with history.engine.connect() as connection:
        return float(connection.execute(select(func.sum(runs.c.size))).scalar_one())


def test_finding_s5_requests_of_programs_are_bounded(
    history: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The app forgets the oldest requests of an address that has too many, and no other address's
    requests."""
    monkeypatch.setattr("comfy.records.started_requests._MOST", 20)
    requests = history.requests

    def start(owner: str, run_id: str, address: str = "") -> None:
        starting = requests.begin(owner, "key", "run", address)
        assert isinstance(starting, StartingRequest)
        requests.started(starting, [run_id])

    start(BOB, "bob's")
    for number in range(50):
        start(f"browser:{number}", f"{number}", EVE)
    assert requests.begin(BOB, "key", "run") == ("bob's",)
    assert requests.begin("browser:49", "key", "run", EVE) == ("49",)
    start("browser:0", "again", EVE)


def test_finding_s5_a_run_without_results_keeps_only_short_texts(history: RunStore) -> None:
    """The app drops longer texts from the run's values, so that the form keeps its own, and marks
    the run as shortened. A run with a result keeps all texts."""
    short, long = {"1.text": "x" * 10_000}, {"2.text": "y" * 10_001}
    error = RunError("It failed.", "", detail="z" * 50_000)
    for name, values in (("short", short), ("long", short | long)):
        prompt = {
            key[0]: {"class_type": "T", "inputs": {"text": text}} for key, text in values.items()
        }
        run = begun(name, values=values, prompt=prompt)
        history.end(ended_record(run, Phase.FAILED, started_at=1.0, error=error))
        history.end(ended_record(replace(run, id=f"{name} done")))
        kept, done = history.get(name, run.owner), history.get(f"{name} done", run.owner)
        assert kept is not None
        assert done is not None
        assert kept.job.values == short
        assert kept.job.shortened == (name == "long")
        assert (kept.job.prompt == prompt) == (name == "short")
        assert kept.state.error is not None
        assert len(kept.state.error.detail) <= 10_000
        assert (done.job.values, done.job.prompt, done.job.shortened) == (values, prompt, False)


def test_finding_s5_removed_files_free_the_disk(history: RunStore, tmp_path: Path) -> None:
    """After a sweep, a large database shrinks again."""
    for number in range(15):
        history.end(ended_record(told(number, 100_000, 2)))
    assert size_of(tmp_path) > 5 * MB
    for number in range(15):
        history.delete(f"run {number}", "browser:0")
    history.sweep()
    assert size_of(tmp_path) < 3 * MB
    assert is_whole(history)
