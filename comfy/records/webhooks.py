"""Webhooks to send when a run, a batch or a chain has ended, or when a batch has paused itself,
stored until they are delivered."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, Engine, Row, delete, func, insert, select, update

from comfy.records.database import AtStart
from comfy.records.tables import reading, transaction
from comfy.records.tables import webhooks as _hooks

# "pause" is about a batch: each time the batch pauses itself, it has "ended" for that webhook.
Subject = Literal["run", "batch", "chain", "pause"]


@dataclass(frozen=True, slots=True)
class Webhook:
    """Webhook to one address about the end of the `subject` with the id `about`. `host`: the
    address's host and port. `ended_at`: when its end was noticed, in seconds since 1970, None while
    it is active. `tries`: the number of attempts."""

    id: str
    subject: Subject
    about: str
    owner: str
    host: str
    url: str
    ended_at: float | None = None
    tries: int = 0


class WebhookStore:
    """Webhooks of all owners, in the history's database. Thread-safe.

    All methods raise ComfyError if the database can't be used.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, hooks: Iterable[Webhook]) -> None:
        """Store new webhooks; they are on disk when this returns."""
        rows = [_row_of(hook) for hook in hooks]
        with transaction(self._engine) as connection:
            connection.execute(insert(_hooks), rows)

    @staticmethod
    def adding(hooks_of: Callable[[str], Iterable[Webhook]]) -> AtStart:
        """Return statements that store the webhooks about a new run, batch or chain."""

        def add(started: str, connection: Connection) -> None:
            connection.execute(insert(_hooks), [_row_of(hook) for hook in hooks_of(started)])

        return add

    def waiting(self) -> tuple[Webhook, ...]:
        """Return the webhooks whose subject isn't known to have ended or to be paused."""
        which = _hooks.c.due_at.is_(None)
        with reading(self._engine) as connection:
            return tuple(map(_hook_of, connection.execute(select(_hooks).where(which))))

    def ended(self, hook_id: str) -> None:
        """Record that its subject has ended, which makes it due."""
        now = time.time()
        self._change(hook_id, ended_at=now, due_at=now)

    def told(self, hook_id: str) -> None:
        """Record that the pause of its subject was reported: it isn't due again until the pause
        ends."""
        self._change(hook_id, due_at=None)

    def goes_on(self, hook_id: str) -> None:
        """Record that its subject continues before its end was reported."""
        self._change(hook_id, ended_at=None, due_at=None, tries=0)

    def take(self, host: str, pauses: Sequence[float]) -> Webhook | None:
        """Return one due webhook for this host, fewest attempts first, or None. This attempt
        counts. The next one is due after the pause (seconds) for its number, even if the app stops;
        the last pause repeats."""
        now = time.time()
        which = (_hooks.c.host == host) & (_hooks.c.due_at <= now)
        first = select(_hooks).where(which).order_by(_hooks.c.tries, _hooks.c.due_at).limit(1)
        while True:
            with reading(self._engine) as connection:
                row = connection.execute(first).first()
            if row is None:
                return None
            # Another process on this database may have taken it meanwhile.
            same = (_hooks.c.id == row.id) & (_hooks.c.tries == row.tries)
            again = now + pauses[min(row.tries, len(pauses) - 1)]
            if self._update(same, tries=row.tries + 1, due_at=again):
                return replace(_hook_of(row), tries=row.tries + 1)

    def next_due(self, host: str) -> float | None:
        """Return when the next webhook for this host is due, in seconds since 1970; None if there
        isn't one."""
        soonest = select(func.min(_hooks.c.due_at)).where(_hooks.c.host == host)
        with reading(self._engine) as connection:
            due_at: float | None = connection.execute(soonest).scalar()
        return due_at

    def remove(self, hook_id: str) -> None:
        """Delete a webhook that was delivered or can't be."""
        self._remove(_hooks.c.id == hook_id)

    def remove_older(self, before: float) -> None:
        """Delete due webhooks whose subject ended before this moment, in seconds since 1970."""
        self._remove(_hooks.c.due_at.is_not(None) & (_hooks.c.ended_at < before))

    @property
    def undelivered(self) -> int:
        """Return the number of due webhooks."""
        count = select(func.count()).select_from(_hooks).where(_hooks.c.due_at.is_not(None))
        with reading(self._engine) as connection:
            return connection.execute(count).scalar_one()

    def _change(self, hook_id: str, **values: object) -> None:
        self._update(_hooks.c.id == hook_id, **values)

    def _update(self, which: ColumnElement[bool], **values: object) -> int:
        with transaction(self._engine) as connection:
            return connection.execute(update(_hooks).where(which).values(values)).rowcount

    def _remove(self, which: ColumnElement[bool]) -> None:
        with transaction(self._engine) as connection:
            connection.execute(delete(_hooks).where(which))


def new_webhooks(
    subject: Subject, ids: Iterable[str], owner: str, host: str, url: str
) -> tuple[Webhook, ...]:
    """Return a new webhook for each of these runs, batches or chains of this owner."""
    return tuple(Webhook(str(uuid.uuid4()), subject, one, owner, host, url) for one in ids)


def _row_of(hook: Webhook) -> dict[str, Any]:
    return {
        "id": hook.id,
        "subject": hook.subject,
        "about": hook.about,
        # Names may contain characters that no database can store as text.
        "owner": json.dumps(hook.owner),
        "host": hook.host,
        "url": hook.url,
        "tries": 0,
    }


def _hook_of(row: Row[Any]) -> Webhook:
    owner = json.loads(row.owner)
    return Webhook(
        row.id, row.subject, row.about, owner, row.host, row.url, row.ended_at, row.tries
    )
