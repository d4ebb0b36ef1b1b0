"""Figures of albums for the people who follow them: who has said how much, and their news."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, Select, case, func, literal, select, update

from comfy.records.rows import unescaped
from comfy.records.tables import reading, transaction
from comfyforms.plugins.albums.filters import IN_ROUND, LISTED, decided_by, of_album
from comfyforms.plugins.albums.store import GUEST
from comfyforms.plugins.albums.tables import album_comments as _comments
from comfyforms.plugins.albums.tables import album_items as _items
from comfyforms.plugins.albums.tables import album_reviews as _reviews
from comfyforms.plugins.albums.tables import albums as _albums

_MOST_REVIEWERS = 20  # in a list
_CROWD, _CROWD_VOTES = 3, 20  # guests at an address, and their votes, that an owner sees


@dataclass(frozen=True, slots=True)
class Reviewer:
    """A person, how many of the latest round's results they have kept or rejected, and how many
    comments they wrote."""

    by: str
    reviewed: int
    comments: int


@dataclass(frozen=True, slots=True)
class Crowd:
    """Several guests at one address, and their votes."""

    people: int
    votes: int


class Summaries:
    """Figures of all albums. Thread-safe. All methods raise ComfyError if the database can't be
    used."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def new_comments(self, person: str) -> dict[str, int]:
        """Return the numbers of other people's comments in this person's albums since they looked,
        by album."""
        is_new = (_comments.c.n > _albums.c.seen) & (_comments.c.person != person)
        query: Select[Any] = select(_items.c.album, func.count())
        query = query.join(_items, _items.c.n == _comments.c.item)
        query = query.join(_albums, _albums.c.id == _items.c.album).where(is_new, LISTED)
        query = query.where(_albums.c.owner == person).group_by(_items.c.album)
        with reading(self._engine) as connection:
            return {album: int(count) for album, count in connection.execute(query)}

    def note_seen(self, album: str) -> None:
        """Note that an album's owner has looked at its comments."""
        newest = select(func.coalesce(func.max(_comments.c.n), 0)).join(_items)
        newest = newest.where(_items.c.album == album)
        which = update(_albums).where(_albums.c.id == album)
        with transaction(self._engine) as connection:
            connection.execute(which.values(seen=newest.scalar_subquery()))

    def waiting_for(self, person: str) -> int:
        """Return how many results in open albums this person hasn't reviewed, and how many comments
        are new."""
        query = select(func.count()).join(_albums, _albums.c.id == _items.c.album)
        query = query.where(_albums.c.access != "private", LISTED, IN_ROUND, ~decided_by(person))
        with reading(self._engine) as connection:
            unreviewed = int(connection.execute(query).scalar_one())
        return unreviewed + sum(self.new_comments(person).values())

    def reviewers(self, album: str) -> list[Reviewer]:
        """Return who has reviewed items or commented on them, the busiest first."""
        is_counted = IN_ROUND & (_reviews.c.verdict != "")
        said = (
            (_reviews, func.sum(case((is_counted, 1), else_=0)), literal(0)),
            (_comments, literal(0), func.count()),
        )
        known: dict[str, Reviewer] = {}
        with reading(self._engine) as connection:
            for table, *counts in said:
                query: Select[Any] = select(table.c.person, func.max(table.c.by), *counts)
                query = query.join(_items, _items.c.n == table.c.item).where(of_album(album))
                query = query.group_by(table.c.person)
                for person, by, reviewed, comments in connection.execute(query):
                    one = known.get(person, Reviewer(unescaped(by), 0, 0))
                    reviewed, comments = one.reviewed + int(reviewed), one.comments + int(comments)
                    known[person] = Reviewer(one.by, reviewed, comments)
        busiest = sorted(known.values(), key=lambda x: (-x.reviewed, -x.comments, x.by))
        return busiest[:_MOST_REVIEWERS]

    def crowd(self, album: str) -> Crowd | None:
        """Return the guests at the address with the most votes, if they are several with many."""
        people, votes = func.count(_reviews.c.person.distinct()), func.count()
        query = select(people, votes).join(_items, _items.c.n == _reviews.c.item)
        query = query.where(of_album(album), _reviews.c.person.startswith(GUEST))
        query = query.where(_reviews.c.share != "").group_by(_reviews.c.share)
        query = query.having((people >= _CROWD) & (votes >= _CROWD_VOTES))
        with reading(self._engine) as connection:
            found = connection.execute(query.order_by(votes.desc()).limit(1)).first()
        return Crowd(*found) if found else None
