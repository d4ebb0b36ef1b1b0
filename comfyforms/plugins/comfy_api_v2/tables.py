"""Table of assets."""

from __future__ import annotations

from sqlalchemy import Column, Double, Index, MetaData, String, Table, Text

from comfy.records.database import Schema
from comfy.records.tables import ROWS, Bounded, version_table

asset_tables = MetaData()
version = version_table("assets", asset_tables)
SCHEMA = Schema("assets", asset_tables, version)

# Files that programs uploaded. `owner`: a digest; `hash`: the hex BLAKE3 of the content, and
# `digest` its SHA-256; `name`: in prompts.
assets = Table(
    "assets",
    asset_tables,
    Column("id", String(64), primary_key=True),
    *(Column(name, String(64), nullable=False) for name in ("owner", "hash", "digest")),
    Column("name", Text, nullable=False),
    Column("created_at", Double, nullable=False),  # seconds since 1970
    Index("assets_by_hash", "owner", "hash"),
    info={ROWS: Bounded("owner", "10,000; their files last a day.", "created_at")},
)
