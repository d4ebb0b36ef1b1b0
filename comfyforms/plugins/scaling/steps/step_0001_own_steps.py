"""Tables of elastic servers, which earlier versions of the app kept among its own."""

from __future__ import annotations

from alembic import op

from comfyforms.plugins.scaling.tables import scale_problems, scaled_servers

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Add the tables that are missing."""
    for table in (scaled_servers, scale_problems):
        table.create(op.get_bind(), checkfirst=True)
