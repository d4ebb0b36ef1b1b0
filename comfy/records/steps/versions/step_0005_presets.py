"""Values of forms under a name."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make the table, which is empty at first."""
    keys = [
        sa.Column(name, sa.String(64), primary_key=True) for name in ("owner", "workflow", "name")
    ]
    op.create_table("presets", *keys, sa.Column("preset", sa.Text, nullable=False))
