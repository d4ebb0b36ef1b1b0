"""What is told to whom when something fails: no password in a message, nothing of the machine to a visitor."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from comfy.errors import ComfyError
from comfy.history_database import open_database
from comfy.history_tables import in_words
from ui.server import WebSettings

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
    """The address of a database that cannot be read ends in a sentence that repeats nothing of it, in no traceback."""
    with pytest.raises(ComfyError, match="cannot be read") as refused:
        open_database(address.format(folder=tmp_path))
    assert SECRET not in f"{refused.value} {refused.value.hint}"


def test_attack_a_visitor_asks_where_the_database_is(caplog: pytest.LogCaptureFixture) -> None:
    """What the driver of a database elsewhere says of host, port and account is logged, and told to no visitor."""
    said = 'connection to server at "db.internal" (10.0.0.7), port 5432 failed: no password for user "svc"'
    with caplog.at_level(logging.WARNING), pytest.raises(ComfyError) as failed, in_words():
        raise OperationalError("SELECT 1", {}, Exception(said))
    assert "db.internal" not in f"{failed.value} {failed.value.hint}"
    assert "db.internal" in caplog.text


def test_attack_passwords_in_an_error_that_shows_the_settings() -> None:
    """Whoever prints what the web server was started with, as a failing assertion does, prints no password."""
    assert SECRET not in repr(WebSettings(users=(("ann", SECRET),)))
