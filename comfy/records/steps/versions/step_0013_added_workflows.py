"""Who has added which workflow for everybody."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Make the table, which is empty at first."""
    op.create_table(
        "added_workflows",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("content", sa.String(64), nullable=False),
    )
