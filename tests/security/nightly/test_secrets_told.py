"""Errors contain no password, and visitors see nothing of the machine."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from comfy.base.errors import ComfyError, NodeError
from comfy.comfyui.client.http_errors import rejected
from comfy.comfyui.protocol.events import ExecutionError
from comfy.comfyui.protocol.execution_errors import without_folders
from comfy.comfyui.protocol.run_state import RunError, concluded, waiting
from comfy.form.model import Form
from comfy.form.server_errors import place_errors
from comfy.records.database import open_database
from comfy.records.tables import as_comfy_errors
from tests.support.http_client import finished, get, start
from tests.support.serving import running_demo_app
from ui.settings.logs import LINES, LogLimit
from ui.settings.web_settings import WebSettings

SECRET = "hunter2"


@pytest.mark.parametrize(
    "address",
    [
        f"postgresql+psycopg://ann:p@ss:{SECRET}/runs",
        f"postgresql+psycopg://ann:{SECRET}@[::1/runs",
        f"sqlite:///{{folder}}/x.sqlite?timeout={SECRET}",
        f"{SECRET}://ann@host/runs",
        f"sqlite+{SECRET}:///x",
    ],
)
def test_attack_a_password_in_a_mistyped_database(address: str, tmp_path: Path) -> None:
    """If the app can't read the database's address, the error repeats no part of the address, and
    there is no traceback."""
    with pytest.raises(ComfyError, match="is invalid") as refused:
        open_database(address.format(folder=tmp_path))
    assert SECRET not in f"{refused.value} {refused.value.hint}"


def test_attack_a_visitor_is_not_told_where_the_database_is(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The app logs the driver's message about a remote database's host, port and account, and shows
    it to no visitor."""
    said = (
        'connection to server at "db.internal" (10.0.0.7), port 5432 failed: no password for user'
        ' "svc"'
    )
    with caplog.at_level(logging.WARNING), pytest.raises(ComfyError) as failed, as_comfy_errors():
        raise OperationalError("SELECT 1", {}, Exception(said))
    assert "db.internal" not in f"{failed.value} {failed.value.hint}"
    assert "db.internal" in caplog.text


def test_attack_passwords_in_an_error_that_shows_the_settings() -> None:
    """The web server's settings print no password, for example in a failing assertion."""
    assert SECRET not in repr(WebSettings(users=(("ann", SECRET),)))


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            "No such file: '/home/ann smith/ComfyUI/models/a.safetensors'",
            "No such file: '…/a.safetensors'",
        ),
        (
            "full_output_folder: /srv/comfyui\n output_dir: /srv/comfyui/output",
            "full_output_folder: …\n output_dir: …",
        ),
        (r"cannot open C:\Users\ann\ComfyUI\input\b.png (5)", "cannot open …/b.png (5)"),
        (r"[Errno 2] 'D:\\ComfyUI\\models'", "[Errno 2] '…'"),
        ("the folder /home/ann, and (/srv/x/y.json)", "the folder …, and (…/y.json)"),
        ("1/2 of a/b/c at https://host/a/b, and/or /view or ' / '", None),
        ("comfyforms/0123/a.png [output] is 512x512/8", None),
    ],
)
def test_attack_server_folders_are_removed_from_errors(said: str, told: str | None) -> None:
    """In ComfyUI's error messages, the app keeps file names and removes folders, which may contain
    the account's name."""
    assert without_folders(said) == (said if told is None else told)


def test_attack_server_folders_are_removed_from_input_errors() -> None:
    """The errors of failed and refused runs name no folder, not even in the technical details."""
    place = "/home/ann/ComfyUI/output"
    node = NodeError(
        "1",
        "image",
        "LoadImage",
        "custom_validation_failed",
        "",
        f"image - not below {place}/x.png",
    )
    other = NodeError("1", "image", "LoadImage", "unheard_of", f"not below {place}", "")
    form = Form("", "", (), ())
    error = ExecutionError("1", "1", "SaveImage", "OSError", f"not below {place}")
    ended = concluded(replace(waiting("1", {}), verdict=error), RunError("", ""))
    told = [
        str(ended.error),
        *(str(place_errors(form, [one])) for one in (node, other)),
        str(
            rejected(
                {"error": {"type": "new", "message": f"not below {place}", "details": f"'{place}'"}}
            )
        ),
    ]
    assert "ann" not in " ".join(told)
    assert all("not below" in one for one in told)


def test_attack_requests_for_missing_files_fill_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A hundred requests for an archive add ten lines to the log. The lines omit each file's own
    name: its author chose it, and it may be private or look like other log lines."""
    caplog.handler.addFilter(limit := LogLimit())
    try:
        with caplog.at_level(logging.INFO), running_demo_app(step_seconds=0) as (_, app):
            run = finished(start(app, **{"5.steps": 1, "7.filename_prefix": "a secret"}))
            for file in run.state.files:
                app.services.runs.history.files.remove(file.digest)
            for _ in range(30):
                assert get(app, f"/files/{run.id}/all.zip").status_code == 404
    finally:
        caplog.handler.removeFilter(limit)
    told = [line for line in caplog.messages if "missing in an archive" in line]
    assert len(told) == LINES
    assert "secret" not in " ".join(told)
