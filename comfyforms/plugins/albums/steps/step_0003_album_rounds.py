"""Number of an album's latest round."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from comfyforms.plugins.albums.steps.step_0001_own_steps import complete
from comfyforms.plugins.albums.tables import albums

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Count the rounds of before by the results that they ended without."""
    complete(sa.inspect(op.get_bind()), albums)
    op.execute(
        "UPDATE albums SET round = 1 + coalesce("
        "(SELECT max(dropped) FROM album_items WHERE album = albums.id), 0)"
    )
