"""The tables of version 0.1.0, which `comfy.records.tables` creates."""

from __future__ import annotations

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Do nothing: the first version has no predecessor."""
