"""Users with hashed passwords. The `user` command writes their file, and the app reloads it when it
changes."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import logging
import os
import stat
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal, Self
from unicodedata import category

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import hash_secret
from filelock import FileLock
from pydantic import TypeAdapter, ValidationError

from comfy.base.errors import ComfyError
from comfy.base.messages import message, plural
from ui.settings.folders import COMMAND

log = logging.getLogger(__name__)

Role = Literal["user", "operator"]
SHORTEST = 8  # characters in a password
_LONGEST_NAME = 100
_SIGNS = "._-@"  # that names may have besides letters and digits
_HASHER = PasswordHasher()  # RFC 9106's choice for low-memory machines: 64 MB, three passes
# Costs as much to verify as a real password, but is the hash of no password.
_NOBODYS = (
    f"$argon2id$v=19$m={_HASHER.memory_cost},t={_HASHER.time_cost},p={_HASHER.parallelism}"
    f"${'A' * 22}${'A' * 43}"
)
_NOT_OTHERS = 0o770
_OTHER_FILE = "Check its permissions, or choose another file (--users)."


@dataclass(frozen=True, slots=True)
class User:
    """User in the file. `password` is argon2's encoded hash, `added` is in seconds since 1970.
    `groups`: for the members of `[[group]]`."""

    name: str
    password: str
    role: Role = "user"
    added: float = 0.0
    groups: tuple[str, ...] = ()

    @classmethod
    def of_pair(cls, name: str, password: str, secret: bytes) -> Self:
        """Return a user with a password from the settings. The hash is the same at each start, so
        sessions survive restarts."""
        salt = hmac.digest(secret, name.encode(), hashlib.sha256)
        hashed = hash_secret(password.encode(), salt, 1, 8192, 1, 32, Type.ID)
        return cls(name, hashed.decode())

    @property
    def proof(self) -> str:
        """Return the text stored in sessions. It changes with the password, and differs for another
        user with the same name."""
        return hashlib.sha256(self.password.encode()).hexdigest()

    def knows(self, password: str) -> bool:
        """Return whether this is the password. Takes about 50 ms of processor time and 64 MB."""
        try:
            return _HASHER.verify(self.password, password)
        except (VerificationError, InvalidHashError):
            return False


def refuse_unknown(password: str) -> None:
    """Take as long as `User.knows`, so that the timing doesn't reveal which names exist."""
    User("", _NOBODYS).knows(password)


_Users = TypeAdapter(list[User])


def _hashed_password(password: str) -> str:
    """Return the hash of a new password. Raises ComfyError if the password is too short."""
    if len(password) < SHORTEST:
        raise ComfyError(
            plural(
                "The password must have at least {count} character.",
                "The password must have at least {count} characters.",
                count=SHORTEST,
            ),
            message("Choose a longer one."),
        )
    return _HASHER.hash(password)


def _check_name(name: str) -> None:
    """Raise ComfyError for a name that can't be typed on the sign-in page, or part of a path."""
    is_typed = all(category(one)[0] in "LMN" or one in _SIGNS for one in name)
    if not is_typed or not name.strip(_SIGNS) or len(name) > _LONGEST_NAME:
        raise ComfyError(
            message("A name must have 1 to 100 letters, digits or characters of “._-@”."),
            message("Choose another one."),
        )


def same_name(name: str, names: Iterable[str]) -> str:
    """Return which of these names differs from a name at most in case; "" without one."""
    return next((one for one in names if one.casefold() == name.casefold()), "")


class UnknownUser(ComfyError):
    """Error for a name that isn't in the users file."""


class UsersFile:
    """The file and its users as of the last read. Thread-safe."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.users: Mapping[str, User] = {}
        self._seen: object = None
        self._has_failed = False
        self._reading = threading.Lock()

    def refresh(self) -> bool:
        """Reload the file if it has changed. Return True if so.

        Raises ComfyError if it is unreadable. After the second failure in a row no user is valid
        until it is readable again, because removed users are unknown. A missing file has no users.
        """
        with self._reading:
            try:
                stamp = self._stamp()
                if stamp == self._seen:
                    return False
                users = {user.name: user for user in self._read()}
            except ComfyError:
                if self._has_failed:
                    self.users = {}
                self._seen, self._has_failed = None, True
                raise
            self.users, self._seen, self._has_failed = users, stamp, False
            return True

    def role(self, name: str) -> Role:
        """Return a user's role. Unknown names have the role `user`."""
        user = self.users.get(name)
        return user.role if user else "user"

    def add(self, name: str, password: str, role: Role, groups: Iterable[str] = ()) -> None:
        """Add a user. Raises ComfyError if the name is taken, also in another case, or invalid, or
        the password too short."""
        _check_name(name)
        own = tuple(dict.fromkeys(groups))
        user = User(name, _hashed_password(password), role, time.time(), own)

        def added(users: dict[str, User]) -> None:
            if taken := same_name(name, users):
                raise ComfyError(
                    message("The user {name} already exists.", name=taken),
                    message("Choose another one."),
                )
            users[name] = user

        self._change(added)

    def remove(self, name: str) -> None:
        """Remove a user. Raises ComfyError for an unknown name."""

        def removed(users: dict[str, User]) -> None:
            del users[_known(name, users)]

        self._change(removed)

    def set_password(self, name: str, password: str) -> None:
        """Change a user's password. Raises ComfyError for an unknown name or a short password."""
        hashed = _hashed_password(password)

        def changed(users: dict[str, User]) -> None:
            users[name] = replace(users[_known(name, users)], password=hashed)

        self._change(changed)

    def set_role(self, name: str, role: Role) -> None:
        """Change a user's role. Raises ComfyError for an unknown name."""

        def changed(users: dict[str, User]) -> None:
            users[name] = replace(users[_known(name, users)], role=role)

        self._change(changed)

    def set_groups(self, name: str, groups: Iterable[str]) -> None:
        """Put a user in these groups and no others. Raises ComfyError for an unknown name."""
        own = tuple(dict.fromkeys(groups))

        def changed(users: dict[str, User]) -> None:
            users[name] = replace(users[_known(name, users)], groups=own)

        self._change(changed)

    def _change(self, change: Callable[[dict[str, User]], None]) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            lock = self.path.with_name(f"{self.path.name}.lock")
            with FileLock(lock, mode=0o600):
                _give_to_owner_of(self._owned, lock)
                users = {user.name: user for user in self._read()}
                change(users)
                self._write(users)
        except OSError as error:
            raise self._unusable(error) from error
        self.refresh()

    def _read(self) -> list[User]:
        try:
            return _Users.validate_json(self.path.read_bytes())
        except FileNotFoundError:
            return []
        except OSError as error:
            raise self._unusable(error) from error
        except ValidationError:
            raise ComfyError(
                f"The file {self.path} is damaged.", "Restore it from a backup."
            ) from None

    def _write(self, users: Mapping[str, User]) -> None:
        """Write the file atomically. It keeps the old file's permissions, except those for other
        users. Only one account can read a new file."""
        part = self.path.with_name(f"{self.path.name}.part")
        part.unlink(missing_ok=True)
        text = json.dumps([asdict(user) for user in users.values()], indent=1)
        opened = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(opened, "w", encoding="utf-8") as file:
            file.write(f"{text}\n")
            file.flush()
            os.fsync(file.fileno())
        _give_to_owner_of(self._owned, part)
        if self.path.exists():
            part.chmod(stat.S_IMODE(self.path.stat().st_mode) & _NOT_OTHERS)
        part.replace(self.path)

    @property
    def _owned(self) -> Path:
        """Return the path whose owner the file should have. Often root adds users, but the app's
        account reads them."""
        return self.path if self.path.exists() else self.path.parent

    def _stamp(self) -> object:
        try:
            status = self.path.stat()
        except FileNotFoundError:
            return "gone"
        except OSError as error:
            raise self._unusable(error) from error
        return status.st_mtime_ns, status.st_size, status.st_ino

    def _unusable(self, error: OSError) -> ComfyError:
        return ComfyError(f"The file {self.path} could not be used: {error.strerror}.", _OTHER_FILE)


def _give_to_owner_of(owned: Path, path: Path) -> None:
    """Give a file the owner and group of another one, as far as permissions allow."""
    if sys.platform != "win32":
        status = owned.stat()
        with contextlib.suppress(PermissionError):
            os.chown(path, status.st_uid, status.st_gid, follow_symlinks=False)


def _known(name: str, users: Mapping[str, User]) -> str:
    if name not in users:
        raise UnknownUser(
            message("There is no user {name}.", name=name),
            f"List the users with: {COMMAND} user list",
        )
    return name
