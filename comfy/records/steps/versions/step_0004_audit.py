"""Events of the audit log."""

from __future__ import annotations

from alembic import op

from comfy.records.audit import audit_events

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the table as it is now. The app created it for a while before this step existed."""
    audit_events.create(op.get_bind(), checkfirst=True)
