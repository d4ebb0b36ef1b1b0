"""Albums of results, and an index of the few runs that are hidden."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from comfy.records.tables import (
    album_comments,
    album_items,
    album_links,
    album_reviews,
    albums,
)

revision = "0003"
down_revision = "0002"

_HIDDEN = sa.text("deleted_at IS NOT NULL")


def upgrade() -> None:
    """Add the index and the tables. They are created as they are now: a step that changes one of
    these tables must check what has already changed."""
    op.create_index("runs_hidden", "runs", ["id"], sqlite_where=_HIDDEN, postgresql_where=_HIDDEN)
    for table in (albums, album_items, album_reviews, album_comments, album_links):
        table.create(op.get_bind())
