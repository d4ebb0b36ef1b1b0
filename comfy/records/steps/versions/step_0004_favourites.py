"""Favourites, runs that came to nothing, and runs that are about to be deleted."""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_runs = sa.table(
    "runs",
    sa.column("id", sa.Text),
    sa.column("record", sa.Text),
    sa.column("fruitless", sa.Boolean),
)
_INDEX = "runs_listed"
_INDEXED = ("owner", "ended_at", "submitted_at", "id", "workflow")
_NEW = ("fruitless", "favourite", "deleted_at")


def upgrade() -> None:
    """Add three columns and an index of them. No run of before is a favourite, none is deleted;
    a record that cannot be read came to something."""
    for name in ("fruitless", "favourite"):
        column = sa.Column(name, sa.Boolean, nullable=False, server_default=sa.false())
        op.add_column("runs", column)
    op.add_column("runs", sa.Column("deleted_at", sa.Double))
    connection = op.get_bind()
    for run in connection.execute(sa.select(_runs.c.id)).scalars().all():
        this = _runs.c.id == run
        try:
            text = connection.execute(sa.select(_runs.c.record).where(this)).scalar()
        except sa.exc.OperationalError:  # what SQLite keeps as a text may be none
            continue
        if _came_to_nothing(text):
            connection.execute(sa.update(_runs).where(this).values(fruitless=True))
    op.create_index(_INDEX, "runs", [*_INDEXED, *_NEW])


def _came_to_nothing(text: object) -> bool:
    try:
        state = json.loads(text)["state"]  # type: ignore[arg-type]  # SQLite keeps any type
        kept = any(file["type"] == "output" for file in state.get("files", ()))
        return state["phase"] in ("stopped", "failed", "refused", "lost") and not kept
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return False
