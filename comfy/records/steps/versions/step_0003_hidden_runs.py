"""An index of the few runs that are hidden."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_HIDDEN = sa.text("deleted_at IS NOT NULL")


def upgrade() -> None:
    """Add the index."""
    op.create_index("runs_hidden", "runs", ["id"], sqlite_where=_HIDDEN, postgresql_where=_HIDDEN)
