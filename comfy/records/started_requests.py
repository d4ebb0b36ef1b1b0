"""Idempotency keys: the runs that a request started, so that a client can safely send it again."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    delete,
    exists,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from comfy.base.errors import ComfyError, RunGoesOn
from comfy.records.people import forget_beyond
from comfy.records.tables import digest, share_of, transaction
from comfy.records.tables import groups as _groups
from comfy.records.tables import runs as _runs
from comfy.records.tables import started_requests as _requests

_KEPT = 24 * 3600.0  # seconds
_MOST = 10_000  # per address, or per user with an account
_MOST_IN_ALL = 100_000
_STARTING = 60.0  # seconds after which a request that started nothing counts as interrupted


class OtherRequest(ComfyError):
    """Error for a key that belongs to a different request."""


@dataclass(frozen=True, slots=True)
class StartingRequest:
    """Request with a new key that is being processed. `name`: the digest of the owner and key."""

    name: str
    made_at: float

    def note(self, started: str, connection: Connection) -> None:
        """Store that the request has started a run, batch or chain, in the transaction that records
        it: a repeat gets it even if this process dies right afterwards. Raises RunGoesOn if a
        repeat is being processed instead, because this one has taken too long."""
        noted = self.noted(connection)
        if noted is None:
            raise _being_started()
        self.store(connection, [*noted, started])

    def noted(self, connection: Connection) -> list[str] | None:
        """Return what the request has started, None if it has no row anymore. Locks the row."""
        # Write first, to take SQLite's write lock before reading.
        connection.execute(update(_requests).where(self.row).values(key=self.name))
        runs = connection.execute(select(_requests.c.runs).where(self.row)).scalar()
        return None if runs is None else list(json.loads(runs))

    def store(self, connection: Connection, started: Sequence[str]) -> None:
        """Store everything that the request has started."""
        values = {"runs": json.dumps(list(started))}
        connection.execute(update(_requests).where(self.row).values(values))

    @property
    def row(self) -> ColumnElement[bool]:
        """Return the condition for the request's row. A repeat has another one."""
        return (_requests.c.key == self.name) & (_requests.c.made_at == self.made_at)


class StartedRequests:
    """Requests of all owners from the last day, in the history's database. Only digests are stored,
    and the ids of the started runs, batch, chain or uploads. Thread-safe.

    All methods raise ComfyError if the database can't be used.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def begin(
        self, owner: str, key: str, content: str, address: str = ""
    ) -> StartingRequest | tuple[str, ...]:
        """Return the runs that an earlier request of this owner with this key started. For a new
        key, return the request, which the caller confirms with `started` or `failed`.

        `content` identifies the request. Raises OtherRequest if the key belongs to a different
        request, and RunGoesOn if the same request is still being processed. `address`: see
        `RunRegistry.submit`; if an address has too many keys, its oldest are forgotten.
        """
        now, name = time.time(), _name(owner, key)
        share = share_of(address) or digest(owner)
        row = {"key": name, "content": digest(content), "runs": "[]", "made_at": now}
        row["share"] = share
        old = (_requests.c.made_at < now - _KEPT) | (
            (_requests.c.key == name)
            & (_requests.c.runs == "[]")
            & (_requests.c.made_at < now - _STARTING)
        )
        with transaction(self._engine) as connection:
            # Write first, to take SQLite's write lock before reading.
            connection.execute(delete(_requests).where(old))
            try:
                with connection.begin_nested():
                    connection.execute(insert(_requests).values(row))
                near = _requests.c.share == share
                forget_beyond(connection, _requests, _MOST, near, counts=True)
            except IntegrityError:  # the key exists
                which = _requests.c.key == name
                known = connection.execute(select(_requests).where(which)).one()
            else:
                return StartingRequest(name, now)
        if known.content != row["content"]:
            raise OtherRequest(
                "This Idempotency-Key belongs to another request.",
                "Use a new one for each run.",
            )
        if not (runs := tuple(json.loads(known.runs))):
            raise _being_started()
        return runs

    def sweep(self) -> None:
        """Forget the oldest requests of the address or account with the most, beyond 100,000."""
        with transaction(self._engine) as connection:
            forget_beyond(connection, _requests, _MOST_IN_ALL, counts=True)

    def started(self, request: StartingRequest, runs: Sequence[str]) -> None:
        """Store everything that a new request has started."""
        with transaction(self._engine) as connection:
            request.store(connection, runs)

    def failed(self, request: StartingRequest) -> None:
        """Forget a new request, so that its key can be used again, unless something that it has
        started is on record."""
        with transaction(self._engine) as connection:
            noted = request.noted(connection) or []
            is_kept = or_(
                exists().where(_runs.c.id.in_(noted)), exists().where(_groups.c.id.in_(noted))
            )
            if not connection.execute(select(is_kept)).scalar():
                connection.execute(delete(_requests).where(request.row))


def forget_interrupted(connection: Connection) -> None:
    """Forget the requests that haven't started anything yet, because a process that was starting
    some is gone. If another process is starting one, it fails there and can be repeated."""
    connection.execute(delete(_requests).where(_requests.c.runs == "[]"))


def _being_started() -> RunGoesOn:
    return RunGoesOn("This request is already being started.")


def _name(owner: str, key: str) -> str:
    return digest(json.dumps([owner, key]))
