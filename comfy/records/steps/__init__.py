"""Numbered steps between versions of the history's tables, read by alembic.

A new step is a file in `versions` with the next number, which `comfy.records.tables.VERSION` names
too. It imports nothing from this program, which may change later. It only adds: an older program
may be using the same database, so new columns have a default. There are no downgrades.
"""
