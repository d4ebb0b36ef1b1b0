"""Run alembic's steps in the caller's transaction, without ending it."""

from __future__ import annotations

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    version_table=context.config.attributes["version_table"],
    transactional_ddl=True,  # also for SQLite, whose transaction the caller began
)
context.run_migrations()
