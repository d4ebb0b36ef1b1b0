"""The command `python app.py user …`."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest

import app
from ui.accounts.users import UsersFile

PASSWORD = "a lighthouse at dusk"


@pytest.fixture
def told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Return a function that runs a command on a data folder, checks its exit code and returns its
    output."""

    def run(*arguments: str, code: int = 0) -> str:
        assert app.main(["user", *arguments, "--data", str(tmp_path)]) == code
        out, err = capsys.readouterr()
        return err if code else out

    return run


@pytest.fixture
def piped(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Return a function that sets the text a command reads from standard input."""
    return lambda text: monkeypatch.setattr("sys.stdin", io.StringIO(text))


def test_users_are_added_listed_and_removed(
    told: Callable[..., str], piped: Callable[[str], None], tmp_path: Path
) -> None:
    """The command reads a password from a pipe, or from the first line of a file."""
    piped(f"{PASSWORD}\n")
    assert "from then on, all users must sign in" in told("add", "anna", "--operator")
    first_line = tmp_path / "password"
    first_line.write_text("a harbour in rain\nand more\n")
    assert told("add", "ben", "--password-file", str(first_line)) == "Added ben.\n"
    people = [line.split("\t")[:2] for line in told("list").splitlines()]
    assert people == [["anna", "operator"], ["ben", "user"]]
    file = UsersFile(tmp_path / "users.json")
    file.refresh()
    assert file.users["anna"].knows(PASSWORD)
    assert file.users["ben"].knows("a harbour in rain")
    piped("another lighthouse\n")
    assert "Changed the password of" in told("password", "anna")
    file.refresh()
    assert file.users["anna"].knows("another lighthouse")
    assert "belong to the next user who is added with this name" in told("remove", "anna")
    assert "has no more users" in told("remove", "ben")
    assert told("list") == "\n"


def test_the_first_administrator_may_be_in_the_settings_before(
    told: Callable[..., str], piped: Callable[[str], None]
) -> None:
    """Rights in the settings don't need users who exist, as they do at the app's start."""
    piped(f"{PASSWORD}\n")
    assert "Added anna." in told("add", "anna", "--operators", "anna", "--keep", "operators")


def test_a_password_is_typed_twice_and_not_shown(
    told: Callable[..., str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The command refuses two passwords that differ."""
    typed = iter([PASSWORD, PASSWORD, PASSWORD, "another one"])
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("getpass.getpass", lambda _: next(typed))
    told("add", "anna")
    assert "don't match" in told("add", "ben", code=2)
    assert "There is no user ben" in told("remove", "ben", code=2)


def test_errors_are_reported(
    told: Callable[..., str], piped: Callable[[str], None], tmp_path: Path
) -> None:
    """The command prints a sentence and exits with the code for wrong usage. It never repeats a
    password."""
    piped("short\n")
    assert "at least 8 characters" in told("add", "anna", code=2)
    piped("")
    assert "at least 8 characters" in told("add", "anna", code=2)
    assert "cannot be read" in told("add", "anna", "--password-file", str(tmp_path), code=2)
    assert not (tmp_path / "users.json").exists()
