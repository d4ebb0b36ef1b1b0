"""Actions on one or several past runs over HTTP: favorites, deletion and undo, and a joint
archive."""

from __future__ import annotations

import io
import sqlite3
import zipfile
from contextlib import closing
from typing import Any

import requests

from comfy.comfyui.protocol.run_state import Phase
from comfy.records.lineage import given_files
from comfy.runs.interface import Run
from tests.support.http_client import ANN, BOB, cookie_of, finished, get, start
from tests.support.serving import RunningApp, running_demo_app
from tests.support.waiting import LONGEST_WAIT, eventually
from tests.ui.api.page.test_history import QUICK, photo
from tests.ui.api.page.test_history import served as served

SMALL = {"5.steps": 1, "4.width": 256, "4.height": 256}


def past(app: RunningApp, query: str = "") -> list[dict[str, Any]]:
    """Return ANN's listed runs."""
    return list(get(app, f"/api/v1/runs?with_page=true&{query}").json()["runs"])


def made(app: RunningApp, **values: object) -> Run:
    """Run a workflow as ANN and return the finished run."""
    return finished(start(app, **SMALL, **values))


def change(app: RunningApp, cookie: str = ANN, **what: object) -> int:
    """Return the status of a request to change several runs."""
    answer = requests.patch(
        f"{app.url}/api/v1/runs", json=what, cookies=cookie_of(cookie), timeout=LONGEST_WAIT
    )
    return answer.status_code


def test_favorites_belong_to_their_owner(app: RunningApp) -> None:
    """The list marks favorites and can be filtered by them. Another user can't mark them."""
    first, second = made(app), made(app)
    assert change(app, BOB, runs=[first.id], favourite=True) == 404
    assert change(app, runs=[first.id, "unknown"], favourite=True) == 200
    assert [told["page"]["favourite"] for told in past(app)] == [False, True]
    assert [told["id"] for told in past(app, "favourites=true")] == [first.id]
    assert get(app, f"/api/v1/runs/{first.id}?with_page=true").json()["page"]["favourite"]
    assert change(app, runs=[first.id, second.id], favourite=False) == 200
    assert past(app, "favourites=true") == []
    assert change(app, runs=[first.id]) == 404  # nothing to change


def test_a_deletion_can_be_undone_for_a_while(app: RunningApp) -> None:
    """A deleted run leaves the list, and the user can restore it unchanged. After the deadline, the
    app deletes the run and its files. Another user can neither delete nor restore it."""
    first, second = made(app), made(app)
    digest = second.state.files[0].digest
    assert change(app, BOB, runs=[first.id, second.id], listed=False) == 404
    assert change(app, runs=[first.id, second.id], listed=False) == 200
    assert past(app) == []
    assert change(app, BOB, runs=[first.id], listed=True) == 404
    assert change(app, runs=[first.id], listed=True) == 200
    assert [told["id"] for told in past(app)] == [first.id]
    app.deletion.delete_unlisted()
    assert app.services.copies.blobs.path(digest) is not None
    app.deletion.delete_unlisted(older=-60)
    assert app.services.copies.blobs.path(digest) is None
    assert change(app, runs=[second.id], listed=True) == 404
    assert [told["id"] for told in past(app)] == [first.id]
    assert get(app, f"/api/v1/runs/{second.id}?with_page=true").status_code == 404


def test_a_disk_that_fails_ends_no_deleting(app: RunningApp) -> None:
    """The app removes the run and still deletes later runs as usual."""
    values = QUICK | {"4.image": photo()}
    first, second = (finished(start(app, "image-to-image", **values)) for _ in range(2))
    blob = app.services.copies.blobs.path(given_files(first.record)[0])
    assert blob is not None
    folder = blob.parent
    aside = folder.rename(folder.with_suffix(".aside"))
    folder.symlink_to("x" * 300)  # a name that no system takes
    assert change(app, runs=[first.id], listed=False) == 200
    app.deletion.delete_unlisted(older=-60)
    folder.unlink()
    aside.rename(folder)
    assert [told["id"] for told in past(app)] == [second.id]
    assert change(app, runs=[second.id], listed=False) == 200
    app.deletion.delete_unlisted(older=-60)
    assert not blob.exists()


def test_a_run_that_cannot_be_deleted_keeps_no_other(app: RunningApp) -> None:
    """The app deletes the other runs in the same round. It retries the failed deletion in the next
    round."""
    first, second = made(app), made(app)
    file = app.services.copies.blobs.path(first.state.files[0].digest)
    assert file is not None
    history = next(
        one / "history.sqlite" for one in file.parents if (one / "history.sqlite").exists()
    )
    assert change(app, runs=[first.id, second.id], listed=False) == 200
    with closing(sqlite3.connect(history)) as database:
        refuse = f"WHEN OLD.id = '{second.id}' BEGIN SELECT RAISE(ABORT, 'refused'); END"
        database.execute(f"CREATE TRIGGER refused BEFORE DELETE ON runs {refuse}")
        app.deletion.delete_unlisted(older=-60)
        assert change(app, runs=[first.id], listed=True) == 404
        database.execute("DROP TRIGGER refused")
    app.deletion.delete_unlisted(older=-60)
    assert change(app, runs=[second.id], listed=True) == 404


def test_stopped_runs_can_be_left_out() -> None:
    """A list without fruitless runs leaves out stopped runs. No list contains a run that was
    stopped before it started."""
    with running_demo_app(step_seconds=0.02) as (demo, app):
        run = made(app)
        demo.speed.step = 2
        stopped, waiting = (start(app, **SMALL | {"5.steps": 40}) for _ in range(2))
        eventually(lambda: stopped.state.phase is Phase.RUNNING)
        for one in (waiting, stopped):
            one.cancel()
            finished(one)
        assert [told["id"] for told in past(app)] == [stopped.id, run.id]
        assert [told["id"] for told in past(app, "fruitless=false")] == [run.id]


def test_several_runs_in_one_archive(app: RunningApp) -> None:
    """The archive has all results of the named runs if the user owns all of them."""
    first, second = made(app, **{"4.batch_size": 2}), made(app)
    answer = get(app, f"/files/chosen.zip?run={first.id}&run={second.id}")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert [name[:4] for name in archive.namelist()] == ["001-", "002-", "003-"]
        assert archive.testzip() is None
    assert get(app, f"/files/chosen.zip?run={first.id}", BOB).status_code == 404
