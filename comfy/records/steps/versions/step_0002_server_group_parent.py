"""A run's server, its group and the run it was made from."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add three columns, empty for runs of before."""
    for name in ("server", "group", "parent"):
        op.add_column("runs", sa.Column(name, sa.Text, nullable=False, server_default=""))
    # Programs from before the steps look here, and say that this history is of a newer one.
    op.execute(sa.text("UPDATE about SET version = 2"))
