"""Tables of elastic servers."""

from __future__ import annotations

from sqlalchemy import Column, Double, Index, Integer, MetaData, String, Table, Text

from comfy.records.database import Schema
from comfy.records.tables import ROWS, Unowned, version_table

scaling_tables = MetaData()
version = version_table("scaling", scaling_tables)
SCHEMA = Schema(
    "servers", scaling_tables, version, number="0001", steps="comfyforms.plugins.scaling:steps"
)

# ComfyUI servers that the app has started and not stopped yet. `state`:
# "starting", "up" or "stopping", since a time in seconds since 1970. `url`: NULL until it is known.
# `seen`: when a process last worked on its command.
scaled_servers = Table(
    "scaled_servers",
    scaling_tables,
    Column("number", Integer, primary_key=True),
    Column("id", String(64), nullable=False),
    Column("scale", String(64), nullable=False),
    Column("slot", Integer, nullable=False),
    Column("state", String(64), nullable=False),
    Column("since", Double, nullable=False),
    Column("seen", Double, nullable=False),
    Column("url", Text),
    Index("scaled_servers_by_id", "id", unique=True),
    Index("scaled_servers_by_slot", "scale", "slot", unique=True),
    sqlite_autoincrement=True,
    info={ROWS: Unowned("Servers.")},
)

# Commands of elastic servers that have failed since they last succeeded.
scale_problems = Table(
    "scale_problems",
    scaling_tables,
    Column("scale", String(64), primary_key=True),
    Column("command", String(64), primary_key=True),
    Column("text", Text, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("at", Double, nullable=False),  # seconds since 1970
    info={ROWS: Unowned("Problems of servers.")},
)
