"""Batches and chains, and the files that they need."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Make the tables, which are empty at first."""
    op.create_table(
        "groups",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("ended_at", sa.Double),
        sa.Column("state", sa.String(64), nullable=False),
        sa.Column("about", sa.Text, nullable=False),
        sa.Column("progress", sa.Text, nullable=False),
        sa.Column("content", sa.Text, nullable=False),
    )
    op.create_index("groups_of_owner", "groups", ["owner", "created_at"])
    op.create_index("groups_by_end", "groups", ["ended_at"])
    op.create_table(
        "group_files",
        sa.Column(
            "group", sa.String(64), sa.ForeignKey("groups.id", ondelete="CASCADE"), primary_key=True
        ),
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("size", sa.Double, nullable=False),
    )
    op.create_index("group_files_by_digest", "group_files", ["digest"])
