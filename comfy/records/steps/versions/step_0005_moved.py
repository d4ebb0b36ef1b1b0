"""Changes of tables that a plugin has by now."""

from __future__ import annotations

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Do nothing: the plugin's first step finds what its tables lack."""
