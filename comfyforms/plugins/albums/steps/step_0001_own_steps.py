"""Tables of albums, which earlier versions of the app kept among its own."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from comfyforms.plugins.albums.tables import album_tables, version

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Complete the tables as they are now: a later step must check what this one has
    done. Rows from before have no address. Results from before may have no workflow, which groups
    don't see, until their owners add them again."""
    inspector = sa.inspect(op.get_bind())
    for table in album_tables.sorted_tables:
        if table is not version:
            complete(inspector, table)


def complete(inspector: sa.Inspector, table: sa.Table) -> None:
    """Create what the table lacks of its columns and indexes."""
    connection = op.get_bind()
    if not inspector.has_table(table.name):
        table.create(connection)
        return
    known = {one["name"] for one in inspector.get_columns(table.name)}
    new = [column for column in table.columns if column.name not in known]
    for column in new:
        default: Any = column.server_default
        added = sa.Column(column.name, column.type, nullable=False, server_default=default.arg)
        op.add_column(table.name, added)
    if "size" in {column.name for column in new}:
        texts = (one.name for one in table.columns if isinstance(one.type, sa.Text))
        lengths = " + ".join(f'length("{one}")' for one in texts)
        op.execute(f'UPDATE {table.name} SET "size" = 500 + {lengths}')
    if "name" in known - set(table.columns.keys()):
        op.drop_column(table.name, "name")
    indexes = {one["name"] for one in inspector.get_indexes(table.name)}
    for index in table.indexes:
        if index.name not in indexes:
            index.create(connection)
