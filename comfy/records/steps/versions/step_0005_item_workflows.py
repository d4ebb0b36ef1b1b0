"""Workflows of results in albums."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from comfy.records.tables import album_items

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the column, unless step 0003 has. Results from before have no workflow, which groups
    don't see, until their owners add them again."""
    columns = sa.inspect(op.get_bind()).get_columns(album_items.name)
    if all(column["name"] != "workflow" for column in columns):
        column = sa.Column("workflow", sa.Text, nullable=False, server_default="")
        op.add_column(album_items.name, column)
