"""Numbered steps between versions of the history's tables, read by alembic.

A new step is a file in `versions` with the next number, which `comfy.records.tables.VERSION` names
too. It doesn't import the app's code, which may change later. It only adds: an older version of the
app may be using the same database, so new columns have a default. There are no downgrades.
"""
