"""Table of values that callers have set."""

from __future__ import annotations

from sqlalchemy import Column, Double, Index, MetaData, String, Table, Text

from comfy.records.database import Schema
from comfy.records.tables import ROWS, Bounded, version_table

_STEPS = "comfyforms.plugins.comfy_runner:steps"
_KEPT = 30 * 24 * 3600.0  # seconds since the last use
_tables = MetaData()
SCHEMA = Schema("values", _tables, version_table("comfy_runner", _tables), steps=_STEPS)

# `content`: JSON. `person`, `workflow`: digests.
runner_values = Table(
    "runner_values",
    _tables,
    Column("person", String(64), primary_key=True),
    Column("workflow", String(64), primary_key=True),
    Column("used_at", Double, nullable=False),  # seconds since 1970
    Column("size", Double, nullable=False),
    Column("content", Text, nullable=False),
    Index("runner_values_by_use", "used_at", "size"),
    info={ROWS: Bounded("person", "64 MB in total.", "used_at", lasts=_KEPT)},
)
