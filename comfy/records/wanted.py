"""Conditions that select a user's finished runs. Pure functions."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, select

from comfy.records.serialization import searchable
from comfy.records.tables import digest, files, runs

_SEARCH_LENGTH, _SEARCH_WORDS = 200, 10  # SQLite refuses very long patterns


@dataclass(frozen=True, slots=True)
class Wanted:
    """Finished runs of one workflow ("": of any), with all words of `text` somewhere in title,
    values or texts. `fruitless`: include runs that failed and left no result. `favourites`: only
    favorites."""

    workflow: str = ""
    text: str = ""
    fruitless: bool = True
    favourites: bool = False

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
        for word in searchable(self.text[:_SEARCH_LENGTH]).split()[:_SEARCH_WORDS]:
            which &= runs.c.words.contains(word, autoescape=True)
        return which


@dataclass(frozen=True, slots=True)
class WantedOfGroups(Wanted):
    """Finished runs of some groups."""

    groups: tuple[str, ...] = ()

    def of(self, owner: str) -> ColumnElement[bool]:
        """See `Wanted.of`."""
        return Wanted.of(self, owner) & runs.c.group.in_(self.groups)


@dataclass(frozen=True, slots=True)
class WantedOfFile(Wanted):
    """Finished runs that have a file with this digest as a result or input."""

    file: str = ""

    def of(self, owner: str) -> ColumnElement[bool]:
        """See `Wanted.of`."""
        having = select(files.c.run).where(files.c.digest == self.file)
        return Wanted.of(self, owner) & runs.c.id.in_(having)


@dataclass(frozen=True, slots=True)
class WantedOfAll(Wanted):
    """Finished runs of all owners, for statistics only, never for display."""

    def of(self, owner: str) -> ColumnElement[bool]:
        """Select runs that are done or left a result, for any owner."""
        return runs.c.ended_at.is_not(None) & ~runs.c.fruitless & runs.c.deleted_at.is_(None)


ALL = Wanted()
