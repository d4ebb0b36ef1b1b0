"""Archive of all results, with or without missing files."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import pytest
import requests

from tests.support.http_client import finished, get, start
from tests.support.serving import Served, running_demo_app
from tests.ui.api.page.test_history import SMALL, kept_files
from tests.ui.files.test_result_files import unsaved_run
from ui.web.urls import file_address


def test_finding_14_an_archive_leaves_out_missing_files(no_traceback: None, served: Served) -> None:
    """The archive leaves out files that disappeared from disk. It still opens, and the log has no
    traceback."""
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
    assert "no longer exists" in answer.json()["detail"]


def test_finding_14_an_archive_leaves_out_files_not_fully_sent(no_traceback: None) -> None:
    """The archive leaves out a file that the ComfyUI server refuses or sends only in part. It
    contains the other files completely."""
    ways: tuple[Any, ...] = ("http_500", "cut", "answer_lost")
    with running_demo_app(step_seconds=0) as served:
        demo, app = served
        run = unsaved_run(served, images=3)
        for how in ways:
            demo.script(how, at="GET /view", after=1)
            answer = get(app, f"/files/{run.id}/all.zip")
            assert answer.status_code == 200, how
            with zipfile.ZipFile(io.BytesIO(answer.content)) as bundle:
                assert bundle.testzip() is None, how
                assert len(bundle.namelist()) == 2, how
            demo.behave()
        demo.stop()
        assert get(app, f"/files/{run.id}/all.zip").status_code == 404


def test_finding_14_an_interrupted_file_is_a_failed_download(no_traceback: None) -> None:
    """If ComfyUI sends half of a file, the browser gets a failed download, and the log has no
    traceback."""
    with running_demo_app(step_seconds=0) as served:
        demo, app = served
        run = unsaved_run(served)
        (file,) = run.state.files
        demo.script("answer_lost", at="GET /view", count=5)
        with pytest.raises(requests.RequestException):
            get(app, file_address(run.id, 0, file))
        demo.behave()
        assert get(app, file_address(run.id, 0, file)).status_code == 200
