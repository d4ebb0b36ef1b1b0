"""Idempotency keys: the runs that a request started, so that a client can safely send it again."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, Engine, delete, insert, select, true, update
from sqlalchemy.exc import IntegrityError

from comfy.base.errors import ComfyError, RunGoesOn
from comfy.records.tables import as_comfy_errors, digest, share_of
from comfy.records.tables import started_requests as _requests

_KEPT = 24 * 3600.0  # seconds
_MOST = 10_000  # per address, or per user with an account
_MOST_IN_ALL = 100_000
_STARTING = 60.0  # seconds after which a request that started nothing counts as interrupted


class OtherRequest(ComfyError):
    """Error for a key that belongs to a different request."""


class StartedRequests:
    """Requests of all owners from the last day, in the history's database. Only digests are stored,
    and the ids of the started runs, batch, chain or uploads. Thread-safe.

    All methods raise ComfyError if the database can't be used.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def begin(self, owner: str, key: str, content: str, address: str = "") -> tuple[str, ...]:
        """Return the runs that an earlier request of this owner with this key started; () for a new
        key, which the caller then confirms with `started` or `failed`.

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
        with as_comfy_errors(), self._engine.begin() as connection:
            # Write first, to take SQLite's write lock before reading.
            connection.execute(delete(_requests).where(old))
            try:
                with connection.begin_nested():
                    connection.execute(insert(_requests).values(row))
                _forget_beyond(connection, _MOST, _requests.c.share == share)
                _forget_beyond(connection, _MOST_IN_ALL, true())
            except IntegrityError:  # the key exists
                which = _requests.c.key == name
                known = connection.execute(select(_requests).where(which)).one()
            else:
                return ()
        if known.content != row["content"]:
            raise OtherRequest(
                "This Idempotency-Key belongs to another request.",
                "Use a new one for each run.",
            )
        if not (runs := tuple(json.loads(known.runs))):
            raise RunGoesOn("This request is already being started.")
        return runs

    def started(self, owner: str, key: str, runs: Sequence[str]) -> None:
        """Store the runs that a new request has started."""
        row = {"runs": json.dumps(list(runs))}
        which = _requests.c.key == _name(owner, key)
        with as_comfy_errors(), self._engine.begin() as connection:
            connection.execute(update(_requests).where(which).values(row))

    def failed(self, owner: str, key: str) -> None:
        """Forget a new request that started nothing, so that its key can be used again."""
        which = (_requests.c.key == _name(owner, key)) & (_requests.c.runs == "[]")
        with as_comfy_errors(), self._engine.begin() as connection:
            connection.execute(delete(_requests).where(which))


def _forget_beyond(connection: Connection, most: int, which: ColumnElement[bool]) -> None:
    """Forget the oldest of these requests if there are more than `most`."""
    times = select(_requests.c.made_at).where(which).order_by(_requests.c.made_at.desc())
    last = connection.execute(times.offset(most).limit(1)).scalar()
    if last is not None:
        connection.execute(delete(_requests).where(which, _requests.c.made_at <= last))


def _name(owner: str, key: str) -> str:
    return digest(json.dumps([owner, key]))
