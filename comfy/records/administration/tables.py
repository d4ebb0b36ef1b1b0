"""Tables of administrators: their actions, the notice, and users' requests."""

from __future__ import annotations

from sqlalchemy import Column, Double, Integer, String, Table, Text

from comfy.records.tables import tables

# Actions of administrators, with the sentence as JSON that can be translated.
audit_lines = Table(
    "audit_lines",
    tables,
    Column("id", Integer, primary_key=True),
    Column("at", Double, nullable=False),  # seconds since 1970
    Column("sentence", Text, nullable=False),
)

# The notice that all pages show: at most one row. `until`: seconds since 1970, NULL for no end.
notices = Table(
    "notices",
    tables,
    Column("id", String(64), primary_key=True),
    Column("text", Text, nullable=False),
    Column("until", Double),
)

# Users' requests for missing models. `id`: begins with a digest of the address of a user without an
# account. `owner`: a digest. `files`: a JSON list.
model_requests = Table(
    "model_requests",
    tables,
    Column("id", String(64), primary_key=True),
    Column("at", Double, nullable=False),  # seconds since 1970
    Column("owner", String(64), nullable=False),
    Column("person", Text, nullable=False),
    Column("workflow", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("files", Text, nullable=False),
)
