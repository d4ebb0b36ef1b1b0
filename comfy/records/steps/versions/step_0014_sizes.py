"""What each row takes, and whose share of the room it counts in."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"

_TEXTS = {
    "runs": ("record", "words"),
    "presets": ("preset",),
    "groups": ("about", "progress", "content"),
}
_INDEXES = {
    "runs": ("share", "owner", "favourite", "ended_at", "submitted_at", "id", "size"),
    "presets": ("share", "owner", "used_at", "workflow", "name", "size"),
    "groups": ("share", "owner", "ended_at", "id", "size"),
    "started_requests": ("share", "made_at"),
}


def upgrade() -> None:
    """Add the columns and their indexes. The owner of a row of before counts alone, as the address
    is not known any more."""
    for name in _INDEXES:
        share = sa.Column("share", sa.String(64), nullable=False, server_default="")
        op.add_column(name, share)
    used_at = sa.Column("used_at", sa.Double, nullable=False, server_default=sa.text("0"))
    op.add_column("presets", used_at)
    for name, texts in _TEXTS.items():
        size = sa.Column("size", sa.Double, nullable=False, server_default=sa.text("0"))
        op.add_column(name, size)
        table = sa.table(name, sa.column("size"), *map(sa.column, texts))
        taken: sa.ColumnElement[int] = sa.func.length(table.c[texts[0]])
        for one in texts[1:]:
            taken += sa.func.length(table.c[one])
        op.execute(sa.update(table).values(size=taken))
    for name, columns in _INDEXES.items():
        op.create_index(f"{name}_by_share", name, [*columns])
