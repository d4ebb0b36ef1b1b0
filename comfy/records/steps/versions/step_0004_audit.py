"""Events of the audit log."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the table."""
    if sa.inspect(op.get_bind()).has_table("audit_events"):
        return  # the app created the new table for a while before this step existed
    op.create_table(
        "audit_events",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("person", sa.Text, nullable=False),
        sa.Column("action", sa.String(16), nullable=False),
        sa.Column("what", sa.Text, nullable=False),
        sa.Column("target", sa.Text, nullable=False),
    )
    op.create_index("audit_events_of_owner", "audit_events", ["owner", "action", "at"])
    op.create_index("audit_events_by_age", "audit_events", ["at"])
