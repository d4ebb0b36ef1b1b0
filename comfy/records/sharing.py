"""Links to shared results. A visitor with the link sees its files until their owner stops sharing
or deletes them."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    delete,
    false,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from comfy.base.errors import RunNotFound
from comfy.records.database import erase_deleted
from comfy.records.record import Record
from comfy.records.rows import COLUMNS, escaped, record_of, unescaped
from comfy.records.tables import as_comfy_errors, digest, reading, transaction
from comfy.records.tables import runs as _runs
from comfy.records.tables import shared_results as _shared
from comfy.records.used_files import ROW

_TOKEN = 24  # bytes
_LONGEST = 10_000  # characters of a prompt
_MOST_NUMBER = 2**31 - 1  # of a file in a link


@dataclass(frozen=True, slots=True)
class SharedFile:
    """File of a link. `place`: its index among the run's files; `prompt`: the text to show next to
    it, "" for none, which also hides its settings and metadata."""

    run: str
    place: int
    prompt: str = ""


@dataclass(frozen=True, slots=True)
class Share:
    """Link to one or several files."""

    token: str
    files: tuple[SharedFile, ...]


@dataclass(frozen=True, slots=True)
class SharedLink:
    """Link for administrators: its owner's digest, the number of its files, one of their runs, and
    when the newest of these ended, in seconds since 1970."""

    token: str
    owner: str
    files: int
    run: str
    newest: float


@dataclass(frozen=True, slots=True)
class FoundFile:
    """File that a visitor with the link may see. `n`: its number in the link, which stays the same
    when other files are removed from it."""

    n: int
    file: SharedFile
    record: Record


class SharedResults:
    """Links of all owners, in the history's database. Thread-safe.

    All methods raise ComfyError if the database can't be used.
    """

    def __init__(self, engine: Engine, grew: Callable[[float], None]) -> None:
        """`grew`: see `comfy.records.blobs.Room`."""
        self._engine = engine
        self._grew = grew
        # Returns whether an owner may no longer sign in, which ends their links. The app sets it.
        self.is_removed: Callable[[str], bool] = lambda _: False

    def share(self, owner: str, files: Sequence[SharedFile]) -> Share:
        """Return the link to these files of this owner's finished runs, creating it if needed. From
        now on, the link shows these prompts, or the beginnings of long ones, and counts toward the
        runs' bytes. Raises RunNotFound if one of the runs doesn't exist."""
        short = tuple(SharedFile(one.run, one.place, one.prompt[:_LONGEST]) for one in files)
        with as_comfy_errors():
            try:
                token = self._share(owner, short)
            except IntegrityError:  # another tab created it at the same time
                token = self._share(owner, short)
        self._grew(sum(len(escaped(one.prompt)) for one in short))
        return Share(token, short)

    def _share(self, owner: str, files: Sequence[SharedFile]) -> str:
        which = _shared.c.content == _content(owner, files)
        runs = {escaped(one.run) for one in files}
        with self._engine.begin() as connection:
            # Write first, to take SQLite's write lock before reading.
            _count(connection, which, -1)
            query = select(_shared.c.token).where(which).limit(1)
            token = connection.execute(query).scalar() or secrets.token_urlsafe(_TOKEN)
            own = select(_runs.c.id).where(
                _runs.c.id.in_(runs), _runs.c.owner == digest(owner), _is_listed()
            )
            if not runs or set(connection.execute(own).scalars()) != runs:
                raise RunNotFound
            connection.execute(delete(_shared).where(which))
            rows = [
                {
                    "token": token,
                    "n": n,
                    "run": escaped(one.run),
                    "place": one.place,
                    "prompt": escaped(one.prompt),
                    "content": _content(owner, files),
                }
                for n, one in enumerate(files)
            ]
            connection.execute(insert(_shared), rows)
            _count(connection, which, 1)
        return token

    def of(self, owner: str, files: Sequence[SharedFile]) -> Share | None:
        """Return the link to exactly these files of this owner; None without one."""
        which = (_shared.c.content == _content(owner, files)) & _own(owner)
        with reading(self._engine) as connection:
            rows = connection.execute(select(_shared).where(which).order_by(_shared.c.n)).all()
        if not rows:
            return None
        found = (SharedFile(unescaped(r.run), r.place, unescaped(r.prompt)) for r in rows)
        return Share(rows[0].token, tuple(found))

    def others(self, owner: str, files: Sequence[SharedFile]) -> int:
        """Return the number of this owner's other links that show any of these files."""
        query = select(func.count(_shared.c.token.distinct())).where(
            _any_of(files),
            _own(owner),
            _shared.c.content.is_distinct_from(_content(owner, files)),
        )
        with reading(self._engine) as connection:
            return int(connection.execute(query).scalar_one())

    def count(self, owner: str, runs: Sequence[str]) -> int:
        """Return how many of these runs of this owner a link shows, also if they are being
        deleted."""
        which = _shared.c.run.in_(map(escaped, runs)) & _own(owner)
        query = select(func.count(_shared.c.run.distinct())).where(which)
        with reading(self._engine) as connection:
            return int(connection.execute(query).scalar_one())

    def stop(self, owner: str, files: Sequence[SharedFile]) -> bool:
        """Remove these files from all links; return False if no link shows them. A link ends with
        its last file."""
        which = _any_of(files) & _own(owner)
        with transaction(self._engine) as connection:
            _count(connection, which, -1)
            links = select(_shared.c.token).where(which).distinct()
            tokens = list(connection.execute(links).scalars())
            connection.execute(delete(_shared).where(which))
            # Sharing the same files again makes a new link.
            rest = update(_shared).where(_shared.c.token.in_(tokens))
            connection.execute(rest.values(content=_shared.c.token))
        if tokens:
            erase_deleted(self._engine)
        return bool(tokens)

    def all(self) -> list[SharedLink]:
        """Return the links of all owners."""
        each = _shared.c.token, _runs.c.owner
        facts = func.count(), func.max(_shared.c.run), func.max(_runs.c.ended_at)
        query = select(*each, *facts).join_from(_shared, _runs).group_by(*each)
        with reading(self._engine) as connection:
            rows = connection.execute(query).all()
        return [
            SharedLink(token, owner, number, unescaped(run), newest)
            for token, owner, number, run, newest in rows
        ]

    def end(self, token: str) -> None:
        """Remove a link of any owner."""
        which = _shared.c.token == token
        with transaction(self._engine) as connection:
            _count(connection, which, -1)
            connection.execute(delete(_shared).where(which))
        erase_deleted(self._engine)

    def find(self, token: str, n: int | None = None) -> tuple[FoundFile, ...]:
        """Return a link's files with their runs, or only the one with this number; none if the link
        is unknown or removed, or its owner was removed. Files that are deleted or being deleted are
        left out."""
        columns = (_shared.c.n, _shared.c.place, _shared.c.prompt, *COLUMNS)
        which = (_shared.c.token == escaped(token)) & _is_listed()
        if n is not None:
            which &= _shared.c.n == max(-1, min(n, _MOST_NUMBER))
        query = select(*columns).join_from(_shared, _runs).where(which).order_by(_shared.c.n)
        with reading(self._engine) as connection:
            rows = connection.execute(query).all()
        found = []
        for row in rows:
            try:
                record = record_of(row)
            except (ValueError, TypeError, AttributeError):  # don't show an unreadable run
                continue
            if row.place < len(record.state.files) and not self.is_removed(record.owner):
                file = SharedFile(record.id, row.place, unescaped(row.prompt))
                found.append(FoundFile(row.n, file, record))
        return tuple(found)


def _content(owner: str, files: Sequence[SharedFile]) -> str:
    """Return the digest of an owner's files, which identifies their link."""
    return digest(json.dumps([owner, *([escaped(one.run), one.place] for one in files)]))


def _any_of(files: Sequence[SharedFile]) -> ColumnElement[bool]:
    each = ((_shared.c.run == escaped(one.run)) & (_shared.c.place == one.place) for one in files)
    return or_(false(), *each)


def _count(connection: Connection, which: ColumnElement[bool], times: Literal[1, -1]) -> None:
    """Add the bytes of these rows to their runs' bytes, or subtract them."""
    taken = (
        select(func.sum(ROW + func.length(_shared.c.prompt)))
        .where(which, _shared.c.run == _runs.c.id)
        .correlate(_runs)
        .scalar_subquery()
    )
    shared = _runs.c.id.in_(select(_shared.c.run).where(which))
    connection.execute(update(_runs).where(shared).values(size=_runs.c.size + times * taken))


def _is_listed() -> ColumnElement[bool]:
    return _runs.c.ended_at.is_not(None) & _runs.c.deleted_at.is_(None)


def _own(owner: str) -> ColumnElement[bool]:
    """Return the condition for links to runs of this owner."""
    return _shared.c.run.in_(select(_runs.c.id).where(_runs.c.owner == digest(owner)))
