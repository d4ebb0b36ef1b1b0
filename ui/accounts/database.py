"""The file of SQLite that keeps who has signed in, for the next start."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from comfy.base.errors import ComfyError
from comfy.base.messages import sentences

_LONGEST_LOCK = 30.0  # seconds that a change waits for another program to let go of the file


class SignInFileError(ComfyError):
    """The file cannot be used. `shown` says so to people, by its name alone."""

    def __init__(self, says: Callable[[str], str], hint: str, path: Path | None) -> None:
        """`says` returns the message for a file with this name."""
        super().__init__(says(str(path)), hint)
        self.shown = sentences(says(path.name if path else ""), hint)


class SignInDatabase:
    """A connection to the file, for any thread; several, of several programs too, may be open."""

    def __init__(self, path: Path | None, tables: str) -> None:
        """`path`: the file; None for as long as the program runs. `tables`: the statements that
        make those that are not there yet. SignInFileError where the file cannot be used."""
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
        """Return a number that is another one after another connection has changed the file."""
        with self._lock, self._said():
            return int(self._connection.execute("pragma data_version").fetchone()[0])

    @contextlib.contextmanager
    def changing(self) -> Iterator[sqlite3.Connection]:
        """For statements that are carried out together or not at all. SignInFileError where the
        file cannot be used."""
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
                "See who may read and write it, or choose another folder (--data).",
                self._path,
            ) from error
        except sqlite3.ProgrammingError as error:  # of a connection that is closed
            raise SignInFileError(
                lambda _: "The app is shutting down.",
                "Try again in a moment.",
                self._path,
            ) from error
        except sqlite3.DatabaseError as error:
            raise SignInFileError(
                lambda path: f"{path} is damaged.",
                "Delete it: everybody has to sign in again and to make new tokens, then.",
                self._path,
            ) from error
