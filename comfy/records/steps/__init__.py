"""The numbered steps from each version of the history's tables to the next, as alembic reads them.

A new step is a file in `versions`, its number the next one, which `comfy.records.tables.VERSION`
names too. It imports nothing of this program, since that goes on changing and the step must not. It
adds: a program of before may be at work on the same database, so what is new has a default, and
nothing goes or changes its meaning. There is no way back.
"""
