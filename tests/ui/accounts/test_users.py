"""Users with hashed passwords in a file."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from comfy.base.errors import ComfyError
from ui.accounts.users import User, UsersFile

PASSWORD = "a lighthouse at dusk"


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a file with anna, an operator, and ben."""
    file = UsersFile(tmp_path_factory.mktemp("users") / "users.json")
    file.add("anna", PASSWORD, "operator")
    file.add("ben", "a harbour in rain", "user")
    return file.path


@pytest.fixture
def file(written: Path, tmp_path: Path) -> UsersFile:
    """Return a copy of this file."""
    copy = tmp_path / "users.json"
    copy.write_bytes(written.read_bytes())
    users = UsersFile(copy)
    users.refresh()
    return users


def test_a_password_is_hashed_by_argon2(written: Path) -> None:
    """The file doesn't contain the password, and only this system account can read it."""
    text = written.read_text()
    assert PASSWORD not in text
    assert text.count("$argon2id$") == 2
    assert stat.S_IMODE(written.stat().st_mode) == 0o600
    assert not list(written.parent.glob("*.part"))


def test_a_changed_user_file_is_read_again(file: UsersFile) -> None:
    """The next refresh finds another program's change. Without a change, a refresh reads
    nothing."""
    other = UsersFile(file.path)
    assert not file.refresh()
    other.remove("anna")
    assert file.refresh()
    assert set(file.users) == {"ben"}
    assert not file.refresh()
    file.path.unlink()
    assert file.refresh()
    assert file.users == {}


def test_an_unreadable_file_lets_no_user_sign_in(file: UsersFile) -> None:
    """The first failed refresh keeps the users, because a program may be writing the file. From the
    second, no user can sign in until the file is readable again."""
    whole = file.path.read_bytes()
    file.path.write_bytes(whole[:-9])
    for left in ({"anna", "ben"}, set[str](), set[str]()):
        with pytest.raises(ComfyError, match="damaged"):
            file.refresh()
        assert set(file.users) == left
    file.path.write_bytes(whole)
    assert file.refresh()
    assert set(file.users) == {"anna", "ben"}


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root gives away")
def test_files_written_by_root_belong_to_the_apps_account(tmp_path: Path) -> None:
    """A new file gets the owner and group of its folder. A changed file keeps its owner, group and
    mode. The lock file belongs to the same account, which can then change the users too."""

    def owners() -> set[tuple[int, int]]:
        return {(one.stat().st_uid, one.stat().st_gid) for one in tmp_path.iterdir()}

    os.chown(tmp_path, 10001, 10002)
    file = UsersFile(tmp_path / "users.json")
    file.add("anna", PASSWORD, "user")
    assert owners() == {(10001, 10002)}
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600
    os.chown(file.path, 10003, 10004)
    file.path.chmod(0o640)
    file.set_password("anna", "a harbour in rain")
    assert owners() == {(10003, 10004)}
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o640


def test_a_password_is_right_or_wrong(file: UsersFile) -> None:
    """After a change, only the new password is right. The proof that sessions store changes too."""
    anna = file.users["anna"]
    assert anna.knows(PASSWORD)
    assert not anna.knows(PASSWORD[:-1])
    file.set_password("anna", "another lighthouse")
    changed = file.users["anna"]
    assert changed.knows("another lighthouse")
    assert not changed.knows(PASSWORD)
    assert changed.proof != anna.proof
    assert (changed.role, changed.added) == (anna.role, anna.added)


def test_a_damaged_hash_lets_no_one_in() -> None:
    """The check returns False without an error."""
    assert not User("anna", "x").knows("x")
    assert not User("anna", "").knows("")


def test_a_password_from_the_settings_has_a_stable_proof() -> None:
    """Another secret, user or password gives another proof."""
    first = User.of_pair("anna", PASSWORD, b"secret")
    assert first.knows(PASSWORD)
    assert not first.knows("x")
    assert User.of_pair("anna", PASSWORD, b"secret").proof == first.proof
    others = [("anna", PASSWORD, b"other"), ("ben", PASSWORD, b"secret"), ("anna", "x", b"secret")]
    assert first.proof not in {User.of_pair(*one).proof for one in others}


@pytest.mark.parametrize("name", ["", " anna", "anna ", "a\nb", "a" * 101, "\x00", "x y/..", ".."])
def test_a_name_is_one_that_can_be_typed(file: UsersFile, name: str) -> None:
    """The app refuses other names and leaves the file unchanged."""
    before = file.path.read_bytes()
    with pytest.raises(ComfyError, match="A name must have"):
        file.add(name, PASSWORD, "user")
    assert file.path.read_bytes() == before


def test_impossible_user_changes_are_reported(file: UsersFile) -> None:
    """The app reports a name that is taken or unknown, a short password, and a damaged file."""
    before = file.path.read_bytes()
    for change, said in (
        (lambda: file.add("anna", PASSWORD, "user"), "The user anna already exists"),
        (lambda: file.add("Anna", PASSWORD, "user"), "The user anna already exists"),
        (lambda: file.add("cleo", "short", "user"), "at least 8 characters"),
        (lambda: file.set_password("anna", "short"), "at least 8 characters"),
        (lambda: file.set_password("cleo", PASSWORD), "no user cleo"),
        (lambda: file.remove("cleo"), "no user cleo"),
    ):
        with pytest.raises(ComfyError, match=said):
            change()
    assert file.path.read_bytes() == before
    file.path.write_text('[{"name": "anna"}]')
    with pytest.raises(ComfyError, match="damaged"):
        file.refresh()
    assert set(file.users) == {"anna", "ben"}
