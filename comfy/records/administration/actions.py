"""Actions of administrators, and the notice that all pages show."""

from __future__ import annotations

import json
import secrets
import time
from dataclasses import dataclass

from sqlalchemy import Engine, delete, insert, select, update

from comfy.base.messages import message_from_json, message_to_json
from comfy.records.administration.model_requests import ModelRequestStore
from comfy.records.administration.tables import audit_lines, notices
from comfy.records.administration.usage import UsageReader
from comfy.records.tables import as_comfy_errors, digest, runs

_KEPT = 10_000  # audit lines


@dataclass(frozen=True, slots=True)
class AuditLine:
    """Action of an administrator, as a sentence that names them. `at`: seconds since 1970."""

    at: float
    sentence: str


@dataclass(frozen=True, slots=True)
class Notice:
    """Text that all pages show. `until`: seconds since 1970, None for no end."""

    id: str
    text: str
    until: float | None = None

    def is_over(self, now: float) -> bool:
        """Return whether the notice has ended."""
        return self.until is not None and self.until <= now


class AdministrationStore:
    """Audit lines and the notice in the history's database. All methods raise ComfyError if it
    can't be used."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.usage = UsageReader(engine)
        self.model_requests = ModelRequestStore(engine)

    def hide_runs(self, owner: str) -> int:
        """Hide all finished runs of this owner from lists, because they are about to be deleted.
        Return their number."""
        which = (runs.c.owner == digest(owner)) & runs.c.ended_at.is_not(None)
        with as_comfy_errors(), self._engine.begin() as connection:
            return connection.execute(
                update(runs).where(which).values(deleted_at=time.time())
            ).rowcount

    def add_line(self, sentence: str) -> None:
        """Record an action. The oldest lines are deleted at some number."""
        text = json.dumps(message_to_json(sentence))
        with as_comfy_errors(), self._engine.begin() as connection:
            made = connection.execute(
                insert(audit_lines).values(at=time.time(), sentence=text)
            ).inserted_primary_key
            last = int(made[0]) - _KEPT if made else 0
            connection.execute(delete(audit_lines).where(audit_lines.c.id <= last))

    def lines(self, most: int) -> tuple[AuditLine, ...]:
        """Return the newest actions, newest first."""
        order = audit_lines.c.id.desc()
        query = select(audit_lines.c.at, audit_lines.c.sentence).order_by(order).limit(most)
        with as_comfy_errors(), self._engine.connect() as connection:
            rows = connection.execute(query).all()
        return tuple(
            AuditLine(row.at, str(message_from_json(json.loads(row.sentence)))) for row in rows
        )

    def notice(self) -> Notice | None:
        """Return the notice, also one that has ended."""
        with as_comfy_errors(), self._engine.connect() as connection:
            row = connection.execute(select(notices)).first()
        return None if row is None else Notice(row.id, row.text, row.until)

    def set_notice(self, text: str, until: float | None) -> Notice:
        """Replace the notice and return it."""
        notice = Notice(secrets.token_hex(8), text, until)
        with as_comfy_errors(), self._engine.begin() as connection:
            connection.execute(delete(notices))
            connection.execute(insert(notices).values(id=notice.id, text=text, until=until))
        return notice

    def remove_notice(self) -> None:
        """Delete the notice."""
        with as_comfy_errors(), self._engine.begin() as connection:
            connection.execute(delete(notices))
