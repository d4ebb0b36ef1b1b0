"""Comments that an album's owner has seen, and an index to count commented results."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from comfyforms.plugins.albums.steps.step_0001_own_steps import complete
from comfyforms.plugins.albums.tables import album_items, albums

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Count the comments of before as seen."""
    op.drop_index("album_items_listed", "album_items")
    for table in (albums, album_items):
        complete(sa.inspect(op.get_bind()), table)
    op.execute("UPDATE albums SET seen = coalesce((SELECT max(n) FROM album_comments), 0)")
