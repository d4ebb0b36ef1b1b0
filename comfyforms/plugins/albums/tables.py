"""Tables of albums."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    false,
    text,
)
from sqlalchemy.types import TypeEngine

from comfy.base.messages import plural
from comfy.records.database import Schema
from comfy.records.tables import PARTS, ROWS, Kept, kept_columns, runs, version_table

album_tables = MetaData()
version = version_table("albums", album_tables)
SCHEMA = Schema(
    "albums", album_tables, version, number="0005", steps="comfyforms.plugins.albums:steps"
)


def _required(kind: type[TypeEngine[Any]] | TypeEngine[Any], *names: str) -> Iterator[Column[Any]]:
    """Yield columns without a default that are never NULL."""
    return (Column(name, kind, nullable=False) for name in names)


def _parts_of(name: str, key: Column[Any]) -> Column[Any]:
    """Return a column for rows that are deleted together with the row that they refer to."""
    return Column(name, ForeignKey(key, ondelete="CASCADE"), nullable=False)


# Albums of results. `owner`: a digest; `by`: their name for people. `version` grows with each
# change of the album, its items, their reviews or comments; `round`: the latest one;
# `public_settings`: visitors of a public album see prompts and settings; `seen`: the newest comment
# when its owner last looked.
albums = Table(
    "albums",
    album_tables,
    Column("id", String(64), primary_key=True),
    # Deferred, so that an import can insert an album before its parent.
    Column(
        "parent",
        String(64),
        ForeignKey("albums.id", ondelete="CASCADE", deferrable=True, initially="DEFERRED"),
    ),
    *_required(String(64), "owner", "access"),
    *_required(Text, "by", "title", "note"),
    *_required(Integer, "version"),
    Column("round", Integer, nullable=False, server_default=text("1")),
    Column("public_settings", Boolean, nullable=False, server_default=false()),
    Column("seen", Integer, nullable=False, server_default=text("0")),
    *_required(Double, "changed_at"),  # seconds since 1970
    *kept_columns(),
    Index("albums_of_owner", "owner"),
    Index("albums_by_share", "share", "owner", "changed_at", "id", "size"),
    Index("albums_by_access", "access"),
    Index("albums_by_parent", "parent"),
    info={
        ROWS: Kept(
            *("owner", "changed_at", 1 / 32),
            words=lambda count: plural("{count} album", "{count} albums", count=count),
        )
    },
)

# Results in albums. `place`: as in `shared_results`; `owner`, `by`: of the run; `settings`: users
# of the album see its prompt and settings; `version`: the album's at the last change; `number`: for
# people, in the album; `dropped`: the round that ended without it, 0 in the latest one. The other
# columns describe the file, so that a list needs no record of a run; `title`: of the workflow.
album_items = Table(
    "album_items",
    album_tables,
    Column("n", Integer, primary_key=True),
    _parts_of("album", albums.c.id),
    _parts_of("run", runs.c.id),
    *_required(String(64), "owner", "kind", "digest"),
    *_required(Boolean, "settings", "has_thumb"),
    *_required(Double, "added_at"),  # seconds since 1970
    *_required(Integer, "place", "width", "height", "version"),
    *(
        Column(name, Integer, nullable=False, server_default=text("0"))
        for name in ("keeps", "rejects", "comments", "number", "dropped")
    ),
    *_required(Text, "by", "name", "title", "prompt", "words"),
    Column("workflow", Text, nullable=False, server_default=""),  # its name
    *kept_columns(),
    Index("album_items_by_share", "share", "owner", "n", "size"),
    Index("album_items_once", "album", "run", "place", unique=True),
    # Everything that counting and filtering by verdicts needs.
    Index("album_items_listed", "album", "n", "run", "keeps", "rejects", "dropped", "comments"),
    Index("album_items_changed", "album", "version"),
    Index("album_items_of_run", "run"),
    sqlite_autoincrement=True,  # so that a later item has a larger number
    info={ROWS: Kept("owner", "n", 1 / 16)},
)

# Verdicts about items. `person`: the digest of an owner, or of a link's token and a guest's name.
album_reviews = Table(
    "album_reviews",
    album_tables,
    Column("item", ForeignKey(album_items.c.n, ondelete="CASCADE"), primary_key=True),
    Column("person", String(64), primary_key=True),
    *_required(String(8), "verdict"),
    *_required(Integer, "stars"),
    *_required(Text, "by"),
    Column("at", Double, nullable=False, server_default=text("0")),  # seconds since 1970
    *kept_columns(),
    Index("album_reviews_by_share", "share", "person", "at", "item", "size"),
    info={ROWS: Kept("person", "at", 1 / 32)},
)

# Comments about items. `x`, `y`: a point of the image, 0 to 1, or NULL.
album_comments = Table(
    "album_comments",
    album_tables,
    Column("n", Integer, primary_key=True),
    _parts_of("item", album_items.c.n),
    *_required(String(64), "person"),
    *_required(Double, "at"),  # seconds since 1970
    Column("x", Double),
    Column("y", Double),
    *_required(Text, "by", "text"),
    *kept_columns(),
    Index("album_comments_by_share", "share", "person", "n", "size"),
    Index("album_comments_of_item", "item", "n"),
    sqlite_autoincrement=True,
    info={ROWS: Kept("person", "n", 1 / 32)},
)

# Links of guests, at most one per album. `comments`: they may review and comment; `settings`: they
# see prompts.
album_links = Table(
    "album_links",
    album_tables,
    Column("token", String(64), primary_key=True),
    _parts_of("album", albums.c.id),
    *_required(Boolean, "comments", "settings"),
    *_required(Double, "expires_at"),  # seconds since 1970
    Index("album_links_of_album", "album"),
    info=PARTS,
)
