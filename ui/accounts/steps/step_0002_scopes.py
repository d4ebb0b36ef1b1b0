"""The scopes of tokens."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the column. Earlier tokens open everything."""
    scope = sa.Column("scope", sa.Text, nullable=False, server_default="")
    op.add_column("access_tokens", scope)
