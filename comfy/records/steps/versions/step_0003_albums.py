"""Albums of results, and an index of the few runs that are hidden."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.types import TypeEngine

revision = "0003"
down_revision = "0002"

_Kind = type[TypeEngine[Any]] | TypeEngine[Any]
_SHORT = sa.String(64)
_PARENT = sa.ForeignKey("albums.id", ondelete="CASCADE", deferrable=True, initially="DEFERRED")
_HIDDEN = sa.text("deleted_at IS NOT NULL")


def _required(kind: _Kind, *names: str, default: str | None = None) -> Iterator[sa.Column[Any]]:
    return (sa.Column(one, kind, nullable=False, server_default=default) for one in names)


def _part_of(name: str, kind: _Kind, key: str, *, primary_key: bool = False) -> sa.Column[Any]:
    foreign = sa.ForeignKey(key, ondelete="CASCADE")
    return sa.Column(name, kind, foreign, nullable=False, primary_key=primary_key)


def upgrade() -> None:
    """Add the tables and the index."""
    op.create_index("runs_hidden", "runs", ["id"], sqlite_where=_HIDDEN, postgresql_where=_HIDDEN)
    op.create_table(
        "albums",
        sa.Column("id", _SHORT, primary_key=True),
        sa.Column("parent", _SHORT, _PARENT),
        *_required(_SHORT, "owner", "access"),
        *_required(sa.Text, "by", "title", "note"),
        *_required(sa.Integer, "version"),
        *_required(sa.Double, "changed_at"),
    )
    op.create_table(
        "album_items",
        sa.Column("n", sa.Integer, primary_key=True),
        _part_of("album", _SHORT, "albums.id"),
        _part_of("run", _SHORT, "runs.id"),
        *_required(_SHORT, "owner", "kind", "digest"),
        *_required(sa.Boolean, "settings", "has_thumb"),
        *_required(sa.Double, "added_at"),
        *_required(sa.Integer, "place", "width", "height", "version"),
        *_required(sa.Integer, "keeps", "rejects", "comments", default="0"),
        *_required(sa.Text, "by", "name", "title", "prompt", "words"),
        sqlite_autoincrement=True,
    )
    op.create_index("album_items_once", "album_items", ["album", "run", "place"], unique=True)
    _create_parts()
    for name, table, columns in (
        ("albums_of_owner", "albums", ["owner"]),
        ("albums_by_access", "albums", ["access"]),
        ("albums_by_parent", "albums", ["parent"]),
        ("album_items_listed", "album_items", ["album", "n", "run", "keeps", "rejects"]),
        ("album_items_changed", "album_items", ["album", "version"]),
        ("album_items_of_run", "album_items", ["run"]),
        ("album_comments_of_item", "album_comments", ["item", "n"]),
        ("album_links_of_album", "album_links", ["album"]),
    ):
        op.create_index(name, table, columns)


def _create_parts() -> None:
    op.create_table(
        "album_reviews",
        _part_of("item", sa.Integer, "album_items.n", primary_key=True),
        sa.Column("person", _SHORT, primary_key=True),
        *_required(sa.String(8), "verdict"),
        *_required(sa.Integer, "stars"),
        *_required(sa.Text, "by"),
    )
    op.create_table(
        "album_comments",
        sa.Column("n", sa.Integer, primary_key=True),
        _part_of("item", sa.Integer, "album_items.n"),
        *_required(_SHORT, "person"),
        *_required(sa.Double, "at"),
        sa.Column("x", sa.Double),
        sa.Column("y", sa.Double),
        *_required(sa.Text, "by", "text"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "album_links",
        sa.Column("token", _SHORT, primary_key=True),
        _part_of("album", _SHORT, "albums.id"),
        *_required(sa.Boolean, "comments", "settings"),
        *_required(sa.Double, "expires_at"),
        *_required(sa.Text, "name"),
    )
