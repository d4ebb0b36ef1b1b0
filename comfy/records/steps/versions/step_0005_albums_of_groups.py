"""Workflows of results in albums, and links to albums without names."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Change the columns, unless step 0003 has. Results from before have no workflow, which groups
    don't see, until their owners add them again."""
    inspector = sa.inspect(op.get_bind())
    if "name" in {one["name"] for one in inspector.get_columns("album_links")}:
        op.drop_column("album_links", "name")
    if "workflow" not in {one["name"] for one in inspector.get_columns("album_items")}:
        column = sa.Column("workflow", sa.Text, nullable=False, server_default="")
        op.add_column("album_items", column)
