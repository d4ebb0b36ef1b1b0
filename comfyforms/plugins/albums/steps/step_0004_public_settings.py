"""Choice of prompts and settings for visitors of a public album."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from comfyforms.plugins.albums.steps.step_0001_own_steps import complete
from comfyforms.plugins.albums.tables import albums

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Show none to them until an album's owner asks for it."""
    complete(sa.inspect(op.get_bind()), albums)
