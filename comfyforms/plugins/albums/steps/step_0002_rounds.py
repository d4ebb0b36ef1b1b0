"""Numbers of results in their album, and the round that ended without them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from comfyforms.plugins.albums.steps.step_0001_own_steps import complete
from comfyforms.plugins.albums.tables import album_items

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Number the results of before in the order in which albums show them."""
    op.drop_index("album_items_listed", "album_items")
    complete(sa.inspect(op.get_bind()), album_items)
    op.execute(
        "UPDATE album_items SET number = numbered.place FROM (SELECT n, row_number() OVER"
        " (PARTITION BY album ORDER BY added_at, n DESC) AS place FROM album_items) AS numbered"
        " WHERE numbered.n = album_items.n"
    )
