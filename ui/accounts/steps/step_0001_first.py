"""The first tables, which `ui.accounts.database` creates."""

from __future__ import annotations

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Do nothing: the first version has no predecessor."""
