"""Links to results that their owners share."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Make the table, which is empty at first."""
    op.create_table(
        "shared_results",
        sa.Column("token", sa.String(64), primary_key=True),
        sa.Column(
            "run", sa.String(64), sa.ForeignKey("runs.id", ondelete="CASCADE"), nullable=False
        ),
        sa.Column("place", sa.Integer, nullable=False),
        sa.Column("prompt", sa.Text, nullable=False),
    )
    op.create_index("shared_results_of_run", "shared_results", ["run", "place"], unique=True)
