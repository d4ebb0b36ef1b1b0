"""Table of users' own files in the editor."""

from __future__ import annotations

from sqlalchemy import Column, Double, Integer, LargeBinary, MetaData, String, Table, Text

from comfy.records.database import Schema
from comfy.records.tables import ROWS, Bounded, version_table

editor_tables = MetaData()
SCHEMA = Schema("editor", editor_tables, version_table("editor", editor_tables))

# Files as in ComfyUI's folder of a user: workflows, settings, node packs' own. `owner`: a digest;
# `key`: the path's digest. Times are seconds since 1970.
editor_files = Table(
    "editor_files",
    editor_tables,
    Column("owner", String(64), primary_key=True),
    Column("key", String(64), primary_key=True),
    Column("path", Text, nullable=False),
    Column("content", LargeBinary, nullable=False),
    Column("size", Integer, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("modified_at", Double, nullable=False),
    info={ROWS: Bounded("owner", "2,000 files, 64 MB per person.")},
)
