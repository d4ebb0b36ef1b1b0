"""Checks of docs/operating.md, the page for the administrator of a team's app."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.docs.test_operating_page import BACKUP
from tests.support.http_client import finished, get, start
from tests.support.serving import running_demo_app


@pytest.mark.skipif(shutil.which("cp") is None, reason="needs a shell of Unix")
def test_a_backup_of_a_running_app_is_complete(tmp_path: Path) -> None:
    """The page's commands make the backup while the app runs. An app started on the backup finds
    the run and its file."""
    data, backup = tmp_path / "data", tmp_path / "backup"
    with running_demo_app(step_seconds=0, data=data) as (_, app):
        (data / "secret").write_bytes(b"of a test")  # which an app of tests has not
        run = finished(start(app))
        first = finished(start(app))
        for _ in range(2):  # another day's replaces it
            subprocess.run(["sh", "-ec", BACKUP], cwd=tmp_path, check=True)
        finished(start(app))
    assert {path.name for path in backup.iterdir()} == {"history.sqlite", "files", "secret"}
    with running_demo_app(step_seconds=0, data=backup) as (_, app):
        found = {one["id"] for one in get(app, "/api/v1/runs?with_page=true").json()["runs"]}
        assert found == {run.id, first.id}
        file = run.state.files[0].filename
        assert get(app, f"/files/{run.id}/0/{file}").status_code == 200
