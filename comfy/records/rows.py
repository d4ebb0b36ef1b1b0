"""Convert a `Record` to a row of the table of runs and back. Pure functions.

Conditions that select a user's finished runs. Pure functions.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, Row, select

from comfy.base.errors import ComfyError
from comfy.comfyui.protocol.run_state import Phase
from comfy.records.record import Record
from comfy.records.serialization import from_text, searchable, searched_text, to_text
from comfy.records.tables import digest, files, runs, shared_results
from comfy.records.used_files import ROW

_READ = ("id", "owner", "record", "sent", "prompt_id", "server", "ended_at", "favourite")
UNREADABLE = (ValueError, TypeError, AttributeError)  # SQLite stores any type in any column
COLUMNS = tuple(runs.c[name] for name in _READ)
_SEARCH_LENGTH, _SEARCH_WORDS = 200, 10  # SQLite refuses very long patterns


def row_of(record: Record, ended_at: float | None) -> dict[str, Any]:
    """Return the values of all columns that come from the record itself, without its id and share.
    Raises ComfyError if the record can't be written as text."""
    words, text = searched_text(record), _text(record)
    return {
        "owner": digest(record.owner),
        "workflow": digest(record.job.workflow),
        "submitted_at": record.submitted_at,
        "ended_at": ended_at,
        "sent": record.sent,
        "prompt_id": escaped(record.state.prompt_id),
        "words": words,
        "record": text,
        "size": ROW + len(words.encode()) + len(text),
        "server": escaped(record.server),
        "group": escaped(record.group),
        "fruitless": _came_to_nothing(record),
        "outcome": "" if ended_at is None else record.state.phase.value,
        "seconds": None if ended_at is None else _seconds(record, ended_at),
    }


def record_of(row: Row[Any]) -> Record:
    """Return the record in a row of `COLUMNS`. Raises one of `UNREADABLE`."""
    record = from_text(row.record)
    if digest(record.owner) != row.owner:
        raise ValueError("it has another owner")
    state = replace(record.state, prompt_id=unescaped(row.prompt_id))
    if row.ended_at is not None and not state.phase.finished:
        state = replace(state, phase=Phase.LOST)
    return replace(
        record,
        id=row.id,
        sent=row.sent,
        server=unescaped(row.server),
        state=state,
        favourite=bool(row.favourite),
    )


def escaped(text: str) -> str:
    """Escape a text reversibly for every database: Postgres can't store NUL, and no database can
    store lone surrogates."""
    return text.encode("unicode_escape").decode("ascii")


def unescaped(text: str) -> str:
    """Return the original text of an `escaped` text."""
    return text.encode("ascii").decode("unicode_escape")


def _seconds(record: Record, ended_at: float) -> float | None:
    """Return how long the run took on its server; None if it never started."""
    started_at = record.state.started_at
    return None if started_at is None else max(0.0, ended_at - started_at)


def _came_to_nothing(record: Record) -> bool:
    """Return whether the run ended without success and without a result."""
    phase = record.state.phase
    kept = any(file.type == "output" for file in record.state.files)
    return phase.finished and phase is not Phase.DONE and not kept


def _text(record: Record) -> str:
    try:
        return to_text(record, shortened=_came_to_nothing(record))
    except (ValueError, RecursionError) as error:
        raise ComfyError(
            "This run can't be recorded: its workflow is nested too deeply.", ""
        ) from error


def search_words(text: str) -> list[str]:
    return searchable(text[:_SEARCH_LENGTH]).split()[:_SEARCH_WORDS]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Finished runs of one workflow ("": of any), with all words of `text` somewhere in title,
    values or texts. `fruitless`: include runs that failed and left no result. `favourites`: only
    favorites; `shared`: only runs that a link shows."""

    workflow: str = ""
    text: str = ""
    fruitless: bool = True
    favourites: bool = False
    shared: bool = False

    def of(self, owner: str) -> ColumnElement[bool]:
        """Select this owner's runs, without those being deleted."""
        which = (runs.c.owner == digest(owner)) & runs.c.ended_at.is_not(None)
        which &= runs.c.deleted_at.is_(None)
        if self.workflow:
            which &= runs.c.workflow == digest(self.workflow)
        if not self.fruitless:
            which &= ~runs.c.fruitless
        if self.favourites:
            which &= runs.c.favourite
        if self.shared:
            which &= runs.c.id.in_(select(shared_results.c.run))
        for word in search_words(self.text):
            which &= runs.c.words.contains(word, autoescape=True)
        return which


@dataclass(frozen=True, slots=True)
class WantedOfGroups(Wanted):
    """Finished runs of some groups."""

    groups: tuple[str, ...] = ()

    def of(self, owner: str) -> ColumnElement[bool]:
        return Wanted.of(self, owner) & runs.c.group.in_(self.groups)


@dataclass(frozen=True, slots=True)
class WantedOfFile(Wanted):
    """Finished runs that have a file with this digest as a result or input."""

    file: str = ""

    def of(self, owner: str) -> ColumnElement[bool]:
        having = select(files.c.run).where(files.c.digest == self.file)
        return Wanted.of(self, owner) & runs.c.id.in_(having)


@dataclass(frozen=True, slots=True)
class WantedOfAll(Wanted):
    """Finished runs of all owners, for statistics only, never for display."""

    def of(self, owner: str) -> ColumnElement[bool]:
        """Select runs that are done or left a result, for any owner."""
        return runs.c.ended_at.is_not(None) & ~runs.c.fruitless & runs.c.deleted_at.is_(None)


ALL = Wanted()
