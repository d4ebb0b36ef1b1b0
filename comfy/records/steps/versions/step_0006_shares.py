"""Addresses and bytes of the audit log and of requests."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

# New indexes by table, and the texts that count toward a row's bytes.
_TABLES = {
    "audit_events": (("share", "owner", "at", "id", "size", "action"), ("person", "what")),
    "model_requests": (("share", "owner", "at", "id", "size"), ("person", "title", "files")),
}


def upgrade() -> None:
    """Add the columns and indexes that an earlier step hasn't made. Rows from before have no
    address. The audit log also has what was in `audit_lines`."""
    op.execute("DROP TABLE IF EXISTS audit_lines")
    inspector = sa.inspect(op.get_bind())
    for table, (index, texts) in _TABLES.items():
        known = {one["name"] for one in inspector.get_columns(table)}
        if "size" in known:
            continue
        new: list[tuple[str, sa.types.TypeEngine[Any], str]]
        new = [("share", sa.String(64), ""), ("size", sa.Double(), "0")]
        new += [("count", sa.Integer(), "1")] * (table == "audit_events")
        for name, kind, default in new:
            column = sa.Column(name, kind, nullable=False, server_default=default)
            op.add_column(table, column)
        lengths = " + ".join(f'length("{one}")' for one in texts)
        op.execute(f'UPDATE {table} SET "size" = 500 + {lengths}')
        op.create_index(f"{table}_by_share", table, list(index))
