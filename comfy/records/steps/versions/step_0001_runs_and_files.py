"""Runs and their files.

What there was when the steps began to be numbered. Nothing is to be done: new tables are made at
their newest version.
"""

from __future__ import annotations

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Nothing."""
