"""An index by which what was made from a run is found."""

from __future__ import annotations

from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Make the index."""
    op.create_index("runs_by_parent", "runs", ["owner", "parent"])
