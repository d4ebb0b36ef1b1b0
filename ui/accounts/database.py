"""SQLite file of sign-ins, which survive a restart."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from comfy.base.errors import ComfyError
from comfy.base.messages import sentences

_LONGEST_LOCK = 30.0  # seconds that a change waits for another program's lock on the file


class SignInFileError(ComfyError):
    """Error for a sign-in file that can't be used. `shown` is the message for users, with the
    file's name but not its path."""

    def __init__(self, says: Callable[[str], str], hint: str, path: Path | None) -> None:
        """Create the error. `says` returns the message for a file with this name."""
        super().__init__(says(str(path)), hint)
        self.shown = sentences(says(path.name if path else ""), hint)


class SignInDatabase:
    """Connection to the file, for any thread. Several connections may be open, also from several
    programs."""

    def __init__(self, path: Path | None, tables: str) -> None:
        """Open the file at `path`; None keeps the data in memory. `tables`: statements that create
        missing tables. Raises SignInFileError if the file can't be used."""
        self._lock = threading.Lock()
        self._path = path
        with self._said():
            if path is not None:
                os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
            self._connection = sqlite3.connect(
                path or ":memory:",
                check_same_thread=False,
                isolation_level=None,
                timeout=_LONGEST_LOCK,
            )
            self._connection.executescript(tables)

    def close(self) -> None:
        """Close the file after the current writer; later calls raise SignInFileError."""
        with self._lock:
            self._connection.close()

    def version(self) -> int:
        """Return a number that changes when another connection changes the file."""
        with self._lock, self._said():
            return int(self._connection.execute("pragma data_version").fetchone()[0])

    @contextlib.contextmanager
    def changing(self) -> Iterator[sqlite3.Connection]:
        """Run statements in one transaction. Raises SignInFileError if the file can't be used."""
        with self._lock, self._said():
            self._connection.execute("begin immediate")
            try:
                yield self._connection
                self._connection.commit()
            except BaseException:
                self._connection.rollback()
                raise

    @contextlib.contextmanager
    def _said(self) -> Iterator[None]:
        try:
            yield
        except (OSError, sqlite3.OperationalError) as error:
            why = str(error)
            raise SignInFileError(
                lambda path: f"The file {path} could not be used: {why}.",
                "Check its permissions, or choose another folder (--data).",
                self._path,
            ) from error
        except sqlite3.ProgrammingError as error:  # the connection is closed
            raise SignInFileError(
                lambda _: "ComfyForms is shutting down.",
                "Try again in a moment.",
                self._path,
            ) from error
        except sqlite3.DatabaseError as error:
            raise SignInFileError(
                lambda path: f"{path} is damaged.",
                "Delete it. All users must then sign in again and create new tokens.",
                self._path,
            ) from error
