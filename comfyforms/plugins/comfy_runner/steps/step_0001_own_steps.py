"""Table of callers' values, which earlier versions of the app kept among its own."""

from __future__ import annotations

from alembic import op

from comfyforms.plugins.comfy_runner.tables import runner_values

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Add the table if it is missing."""
    runner_values.create(op.get_bind(), checkfirst=True)
