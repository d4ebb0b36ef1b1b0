"""Which inputs of its prompt a run's files are for.

Until now the prompt and the values had the names of the uploads, which nobody can guess: an input
is meant where it has the very value of the file's field. The names stay, as deleting a run asks
ComfyUI for them.
"""

from __future__ import annotations

import json
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_runs = sa.table("runs", sa.column("id", sa.Text), sa.column("record", sa.Text))


def upgrade() -> None:
    """Write `targets` to each file of each record; a record that cannot be read stays as it is."""
    connection = op.get_bind()
    for run in connection.execute(sa.select(_runs.c.id)).scalars().all():
        this = _runs.c.id == run
        try:
            text = connection.execute(sa.select(_runs.c.record).where(this)).scalar()
        except sa.exc.OperationalError:  # what SQLite keeps as a text may be none
            continue
        if (record := _with_targets(text)) is not None:
            connection.execute(sa.update(_runs).where(this).values(record=record))


def _with_targets(text: object) -> str | None:
    """The record with its files' targets; None for one that has no files, or is none."""
    try:
        record = json.loads(text)  # type: ignore[arg-type]  # SQLite keeps any type in any column
        job = record["job"]
        if not job["inputs"]:
            return None
        for key, kept in job["inputs"].items():
            kept["targets"] = _targets(job["prompt"], job["values"].get(key))
        return json.dumps(record)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


def _targets(prompt: dict[str, dict[str, Any]], name: object) -> list[tuple[str, str]]:
    if not isinstance(name, str) or not name:
        return []
    return [
        (node, input)
        for node, content in prompt.items()
        for input, value in content["inputs"].items()
        if value == name
    ]
