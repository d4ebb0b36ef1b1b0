"""All runs that a run was made from, of which there was one until now.

The column of that one stays, empty from now on: a program of before may go on writing it. Its index
goes, without which that program takes longer to find what was made from a run, and no more.
"""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

_runs = sa.table(
    "runs", sa.column("id", sa.Text), sa.column("parent", sa.Text), sa.column("record", sa.Text)
)
_LONGEST = 64  # characters of an id


def upgrade() -> None:
    """Make the table with what the column has, and write `parents` to each record of a run that
    was made from one; a record that cannot be read stays as it is."""
    parents = op.create_table(
        "parents",
        sa.Column(
            "run", sa.String(64), sa.ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True
        ),
        sa.Column("parent", sa.String(64), primary_key=True),
    )
    connection = op.get_bind()
    made = sa.select(_runs.c.id).where(_runs.c.parent != "")
    for run in connection.execute(made).scalars().all():
        this = _runs.c.id == run
        try:
            found = sa.select(_runs.c.parent, _runs.c.record).where(this)
            parent, text = connection.execute(found).one()
        except sa.exc.OperationalError:  # what SQLite keeps as a text may be none
            continue
        if (record := _with_parents(text)) is None or len(parent) > _LONGEST:
            continue
        connection.execute(sa.insert(parents).values(run=run, parent=parent))
        connection.execute(sa.update(_runs).where(this).values(record=record))
    op.create_index("parents_by_parent", "parents", ["parent"])
    op.drop_index("runs_by_parent", "runs")


def _with_parents(text: object) -> str | None:
    """The record with its parents; None for one that has none, or is none."""
    try:
        record = json.loads(text)  # type: ignore[arg-type]  # SQLite keeps any type in any column
        return json.dumps(record | {"parents": [record["parent"]]})
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
