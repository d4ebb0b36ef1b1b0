"""States of a batch's rows: one letter per row, plus a few details."""

from __future__ import annotations

import itertools
import secrets
import uuid
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from comfy.base.messages import message_from_json, message_to_json
from comfy.batches.runner import row_id
from comfy.launch.once import run_id_of

RowState = Literal["waiting", "running", "done", "failed", "stopped"]

_LETTERS: Mapping[str, RowState] = {"w": "waiting", "d": "done", "f": "failed", "s": "stopped"}
_WORDS = {word: letter for letter, word in _LETTERS.items()}


class RowStates:
    """State of each row by its index, and its last run. Not thread-safe.

    A running row counts as waiting here; the run records have its outcome.
    """

    def __init__(self, batch: str, count: int, data: Mapping[str, Any] | None = None) -> None:
        """Restore the states from the output of `to_json`."""
        data = data or {}
        states = data.get("states", "")
        self._batch = uuid.UUID(batch)
        self._states = bytearray(
            states.encode() if isinstance(states, str) and len(states) == count else b"w" * count
        )
        self._tries = {int(at): int(tries) for at, tries in dict(data.get("tries", {})).items()}
        errors = dict(data.get("errors", {})).items()
        self._errors = {int(at): str(message_from_json(said)) for at, said in errors}
        self._instance, self._changes = secrets.token_hex(4), 0
        self._changed: dict[int, int] = {}  # number of the last change of each changed row

    def to_json(self) -> dict[str, Any]:
        """Return JSON values."""
        return {
            "states": self._states.decode(),
            "tries": self._tries,
            "errors": {at: message_to_json(said) for at, said in self._errors.items()},
        }

    def copy(self) -> RowStates:
        """Return a copy."""
        copied = RowStates(str(self._batch), len(self._states), self.to_json())
        copied._instance, copied._changes = self._instance, self._changes
        copied._changed = self._changed.copy()
        return copied

    @property
    def mark(self) -> str:
        """Return a marker of the current state for `changed_since`."""
        return f"{self._instance}-{self._changes}"

    def changed_since(self, mark: str) -> set[int] | None:
        """Return the rows whose state or run may have changed since this mark. None if the mark is
        invalid or comes from another process of the app."""
        instance, _, changes = mark.partition("-")
        if instance != self._instance or not changes.isdecimal():
            return None
        return {at for at, change in self._changed.items() if change > int(changes)}

    def __len__(self) -> int:
        return len(self._states)

    def __getitem__(self, index: int) -> RowState:
        return _LETTERS[chr(self._states[index])]

    def count(self, state: RowState) -> int:
        """Return the number of rows in this state."""
        return self._states.count(_WORDS[state].encode())

    def places(self, *states: RowState) -> list[int]:
        """Return the indexes of the rows in these states."""
        letters = {ord(_WORDS[state]) for state in states}
        return [at for at, letter in enumerate(self._states) if letter in letters]

    def set(self, places: Iterable[int], state: RowState) -> None:
        """Set the state of these rows."""
        self._changes += 1
        for index in places:
            self._states[index] = ord(_WORDS[state])
            self._errors.pop(index, None)
            self._changed[index] = self._changes

    def tried(self, index: int, run: str) -> None:
        """Note that a row was started as this run."""
        self._changes += 1
        self._changed[index] = self._changes
        task = row_id(self._batch, index)
        self._tries[index] = next(at for at in itertools.count() if run_id_of(task, at) == run)

    def tell(self, index: int, error: str) -> None:
        """Note that a row failed without a run, with its error."""
        self.set([index], "failed")
        self._errors[index] = error

    def error(self, index: int) -> str:
        """Return a failed row's error from `tell`; "" for other rows."""
        return self._errors.get(index, "")

    def begun(self) -> dict[int, str]:
        """Return the ids of the last runs of the waiting rows that have run, by index."""
        return {at: self.run(at) for at in self._tries if self[at] == "waiting"}

    def run(self, index: int) -> str:
        """Return the id of the row's last run, or "" if it never ran."""
        tries = self._tries.get(index)
        return "" if tries is None else run_id_of(row_id(self._batch, index), tries)
