"""Idempotency keys: which runs a request started, so that a program can send it again safely."""

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
_MOST = 10_000  # of one address, or of one person with a login
_MOST_IN_ALL = 100_000
_STARTING = 60.0  # seconds after which a request that has started nothing was cut off


class OtherRequest(ComfyError):
    """The key of a request that asked for something else."""


class StartedRequests:
    """The requests of all owners of the last day, in the database of the history: of each nothing
    but digests and the ids of what it has started: runs, a batch, a chain or uploads. All methods
    may be called from any thread.

    ComfyError, with a sentence, wherever the database cannot be used.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def begin(self, owner: str, key: str, content: str, address: str = "") -> tuple[str, ...]:
        """Return the runs that an earlier request of this owner with this key started; () for a new
        key, which the caller then confirms with `started` or `failed`.

        `content` identifies the request. Raise OtherRequest if the key belongs to a different
        request, and RunGoesOn if the same request is still being processed. `address`: as in
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
            except IntegrityError:  # it was there
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
        """The runs that a new request has started."""
        row = {"runs": json.dumps(list(runs))}
        which = _requests.c.key == _name(owner, key)
        with as_comfy_errors(), self._engine.begin() as connection:
            connection.execute(update(_requests).where(which).values(row))

    def failed(self, owner: str, key: str) -> None:
        """A new request has started nothing: it may be sent again, or another one in its place."""
        which = (_requests.c.key == _name(owner, key)) & (_requests.c.runs == "[]")
        with as_comfy_errors(), self._engine.begin() as connection:
            connection.execute(delete(_requests).where(which))


def _forget_beyond(connection: Connection, most: int, which: ColumnElement[bool]) -> None:
    """Forget the oldest of these requests where there are more than `most`."""
    times = select(_requests.c.made_at).where(which).order_by(_requests.c.made_at.desc())
    last = connection.execute(times.offset(most).limit(1)).scalar()
    if last is not None:
        connection.execute(delete(_requests).where(which, _requests.c.made_at <= last))


def _name(owner: str, key: str) -> str:
    return digest(json.dumps([owner, key]))
