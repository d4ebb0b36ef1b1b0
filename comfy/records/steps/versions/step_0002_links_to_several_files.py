"""Links to several results: a link to one result becomes a link with one file."""

from __future__ import annotations

import hashlib
import json

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_LINKS = "shared_results"
_NAMES = {"pk": "%(table_name)s_pkey"}  # as on Postgres; on SQLite, the key has no name
_KEY = f"{_LINKS}_pkey"


def upgrade() -> None:
    """Add the columns `n` and `content`."""
    connection = op.get_bind()
    if any(column["name"] == "n" for column in sa.inspect(connection).get_columns(_LINKS)):
        return  # the app created the new table for a while before this step existed
    with op.batch_alter_table(_LINKS, naming_convention=_NAMES) as table:
        table.add_column(sa.Column("n", sa.Integer, nullable=False, server_default=sa.text("0")))
        table.add_column(sa.Column("content", sa.String(64)))
        table.drop_constraint(_KEY, type_="primary")
        table.create_primary_key(_KEY, ["token", "n"])
        table.drop_index("shared_results_of_run")
        table.create_index("shared_results_of_run", ["run", "place"])
        table.create_index("shared_results_by_content", ["content", "n"], unique=True)
    rows = connection.execute(
        sa.text(
            "SELECT token, run, place, record FROM shared_results JOIN runs ON runs.id = run"
            " WHERE content IS NULL"
        )
    ).all()
    change = sa.text("UPDATE shared_results SET content = :content WHERE token = :token")
    for token, run, place, record in rows:
        content = _content(record, run, place) or token
        connection.execute(change, {"token": token, "content": content})


def _content(record: str, run: str, place: int) -> str:
    """Return the digest of a link's owner and file; "" if the record is unreadable."""
    try:
        owner = json.loads(record)["owner"]
        return hashlib.sha256(json.dumps([owner, [run, place]]).encode()).hexdigest()
    except (ValueError, TypeError, KeyError, RecursionError):
        return ""
