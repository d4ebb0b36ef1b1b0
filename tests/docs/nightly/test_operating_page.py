"""Checks of docs/storage.md, for the administrator of a team's app."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

import app as program
from tests.docs.test_operating_page import BACKUP
from tests.support.http_client import finished, get, start
from tests.support.serving import running_demo_app


def test_a_backup_of_a_running_app_is_complete(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page's commands make the backup while the app runs, check it and restore it. An app
    started on the restored folder finds the runs and their files."""
    data, new = tmp_path / "data", tmp_path / "new" / "data"
    monkeypatch.setenv("COMFYFORMS_DATA", str(data))
    (tmp_path / "backups").mkdir()
    with running_demo_app(step_seconds=0, data=data) as (_, app):
        (data / "secret").write_bytes(b"of a test")  # which an app of tests has not
        run = finished(start(app))
        first = finished(start(app))
        for line in BACKUP.replace("/srv", str(tmp_path)).splitlines():
            _, *arguments = shlex.split(line)
            assert program.main(arguments) == 0
        finished(start(app))
    assert {"history.sqlite", "files", "secret"} == {path.name for path in new.iterdir()}
    with running_demo_app(step_seconds=0, data=new) as (_, app):
        found = {one["id"] for one in get(app, "/api/v1/runs?with_page=true").json()["runs"]}
        assert found == {run.id, first.id}
        file = run.state.files[0].filename
        assert get(app, f"/files/{run.id}/0/{file}").status_code == 200
