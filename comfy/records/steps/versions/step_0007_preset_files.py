"""Files that presets hold."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Make the table, which is empty at first."""
    keys = ("owner", "workflow", "name")
    op.create_table(
        "preset_files",
        *(sa.Column(key, sa.String(64), primary_key=True) for key in (*keys, "digest")),
        sa.Column("size", sa.Double, nullable=False),
        sa.ForeignKeyConstraint(keys, [f"presets.{key}" for key in keys], ondelete="CASCADE"),
    )
    op.create_index("preset_files_by_digest", "preset_files", ["digest"])
