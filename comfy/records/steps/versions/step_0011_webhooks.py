"""Whom programs want to be told of the ends of their runs, batches and chains."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Make the table, which is empty at first."""
    op.create_table(
        "webhooks",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("subject", sa.String(64), nullable=False),
        sa.Column("about", sa.String(64), nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("host", sa.Text, nullable=False),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("ended_at", sa.Double),
        sa.Column("due_at", sa.Double),
        sa.Column("tries", sa.Integer, nullable=False),
    )
    op.create_index("webhooks_due", "webhooks", ["host", "due_at"])
