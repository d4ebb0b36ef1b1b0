"""Where alembic begins: it works in the transaction of whoever called it, and ends none."""

from __future__ import annotations

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    version_table=context.config.attributes["version_table"],
    transactional_ddl=True,  # SQLite's too, as its transaction has been begun by hand
)
context.run_migrations()
