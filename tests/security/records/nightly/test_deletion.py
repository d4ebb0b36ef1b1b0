"""Deletion removes a run from the app, from the database and, as far as possible, from ComfyUI."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from pathlib import Path

from comfy.comfyui.protocol.run_state import Phase
from comfy.records.rows import Wanted
from comfy.runs.input_files import names_on_server
from tests.support.http_client import ANN, finished, get, start
from tests.support.samples.histories import ANN as ANNA
from tests.support.samples.histories import BOB as BEN
from tests.support.samples.histories import begun, bytes_kept, ended_record
from tests.support.serving import Served, open_history
from tests.ui.api.page.test_history import QUICK, ask, kept_files, past, photo

SECRET = "xylophone-marmalade"


def found_in(folder: Path, word: str) -> list[str]:
    """Return the files below a folder that contain this word."""
    return [
        path.name
        for path in folder.rglob("*")
        if path.is_file() and word.encode() in path.read_bytes()
    ]


def test_finding_13_no_text_of_a_deleted_run_is_in_the_database(tmp_path: Path) -> None:
    """Neither the database nor the log beside it contains the run's title, values, texts or
    workflow, however long. The app keeps running, and other users' runs remain."""
    with contextlib.closing(open_history(tmp_path)) as history:
        for number in range(120):
            mine = number % 3 == 0
            words = f"{SECRET} {number} " * 400 if mine else f"harbour {number} " * 300
            prompt = {"2": {"class_type": "CLIPTextEncode", "inputs": {"text": words}}}
            record = begun(
                f"r{number}",
                ANNA if mine else BEN,
                title=words[:40],
                values={"2.text": words},
                prompt=prompt,
            )
            history.begin(record)
            history.end(ended_record(record, at=time.time() - 1000 + number))
        assert found_in(tmp_path, SECRET)
        for number in range(0, 120, 3):
            assert history.delete(f"r{number}", ANNA)
        assert found_in(tmp_path, SECRET) == []
        assert len(history.of(BEN, Wanted(text="harbour"), limit=200)) == 80
    assert found_in(tmp_path, SECRET) == []


def test_finding_13_data_held_by_a_reader_is_erased_later(tmp_path: Path) -> None:
    """Another process reads the database during a deletion. The deletion doesn't wait for that
    reader, and the next sweep empties the log."""
    with contextlib.closing(open_history(tmp_path)) as history:
        history.end(ended_record(begun("r1", title=SECRET), at=time.time()))
        with contextlib.closing(sqlite3.connect(tmp_path / "history.sqlite")) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM runs").fetchone()
            assert history.delete("r1", ANNA)
        assert found_in(tmp_path, SECRET)
        history.sweep()
        assert found_in(tmp_path, SECRET) == []


def test_finding_13_comfyui_forgets_a_deleted_run(served: Served) -> None:
    """The app deletes the run's entry in ComfyUI's history, empties its uploads and removes the
    copies made for forms. The answer says that ComfyUI may keep copies."""
    demo, app = served
    run = finished(start(app, "image-to-image", **QUICK, **{"4.image": photo()}))
    uploaded = demo.storage.find(names_on_server(run.record)["4.image"])
    assert uploaded is not None
    assert uploaded.stat().st_size > 0
    assert demo.queue.history_of(run.state.prompt_id)
    places = [
        get(app, f"/api/v1/runs/{run.id}/values").json()["values"]["4.image"]["file"],
        app.services.copies.of_result(run.record, 0),
    ]
    assert all(app.services.copies.uploads.find(run.owner, place) for place in places)
    answer = ask(app, "DELETE", f"/api/v1/runs/{run.id}")
    assert answer.json() == {"stays": "The ComfyUI server may keep copies."}
    assert not demo.queue.history_of(run.state.prompt_id)
    assert uploaded.read_bytes() == b""
    assert not any(app.services.copies.uploads.find(run.owner, place) for place in places)
    assert bytes_kept(kept_files(app)) == 0


def test_finding_13_a_rerun_keeps_its_own_upload(served: Served) -> None:
    """A rerun has its own upload. The app empties each upload when its run is deleted; until then,
    the user can rerun each run."""
    demo, app = served
    first = finished(start(app, "image-to-image", **QUICK, **{"4.image": photo()}))
    new = ask(app, "POST", f"/api/v1/runs/{first.id}/again").json()["id"]
    second = finished(app.services.runs.get(new, f"browser:{ANN}"))
    gone, uploaded = (
        demo.storage.find(names_on_server(run.record)["4.image"]) for run in (first, second)
    )
    assert gone is not None
    assert uploaded is not None
    answer = ask(app, "DELETE", f"/api/v1/runs/{first.id}").json()
    assert answer["stays"] == "The ComfyUI server may keep copies."
    assert gone.read_bytes() == b""
    assert uploaded.stat().st_size > 0
    third = ask(app, "POST", f"/api/v1/runs/{second.id}/again").json()["id"]
    assert finished(app.services.runs.get(third, f"browser:{ANN}")).state.phase is Phase.DONE
    place = get(app, f"/api/v1/runs/{second.id}/values").json()["values"]["4.image"]["file"]
    assert app.services.copies.uploads.find(second.owner, place)
    for run_id in (second.id, third):
        ask(app, "DELETE", f"/api/v1/runs/{run_id}")
    assert uploaded.read_bytes() == b""


def test_finding_13_runs_are_deleted_even_if_comfyui_is_away(served: Served) -> None:
    """The app deletes its own data. The answer says that ComfyUI may keep copies."""
    demo, app = served
    run = finished(start(app, "image-to-image", **QUICK, **{"4.image": photo()}))
    demo.stop()
    answer = ask(app, "DELETE", f"/api/v1/runs/{run.id}")
    assert answer.json()["stays"] == "The ComfyUI server may keep copies."
    assert past(app) == []
    assert bytes_kept(kept_files(app)) == 0
