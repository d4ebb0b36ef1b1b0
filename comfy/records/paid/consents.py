"""Confirmations of paid workflows."""

from __future__ import annotations

import time

from sqlalchemy import ColumnElement, Engine, delete, insert, select

from comfy.records.tables import as_comfy_errors, digest, paid_consents

_MOST = 10_000  # in total, because a visitor can appear as many owners


class PaidConsents:
    """Confirmations of owners that runs of a workflow may cost credits. Thread-safe. All methods
    raise ComfyError if the database can't be used."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def has(self, owner: str, workflow: str) -> bool:
        """Return whether this owner has confirmed this workflow."""
        known = select(paid_consents.c.at).where(_of(owner, workflow))
        with as_comfy_errors(), self._engine.connect() as connection:
            return connection.scalar(known) is not None

    def add(self, owner: str, workflow: str) -> None:
        """Note a confirmation. Beyond 10,000, forget the oldest, whose owners are asked again."""
        row = {"owner": digest(owner), "workflow": digest(workflow), "at": time.time()}
        with as_comfy_errors(), self._engine.begin() as connection:
            # Write first, to take SQLite's write lock.
            connection.execute(delete(paid_consents).where(_of(owner, workflow)))
            connection.execute(insert(paid_consents).values(row))
            times = select(paid_consents.c.at).order_by(paid_consents.c.at.desc())
            if (oldest := connection.scalar(times.offset(_MOST).limit(1))) is not None:
                connection.execute(delete(paid_consents).where(paid_consents.c.at <= oldest))


def _of(owner: str, workflow: str) -> ColumnElement[bool]:
    return (paid_consents.c.owner == digest(owner)) & (paid_consents.c.workflow == digest(workflow))
