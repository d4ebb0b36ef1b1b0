"""Tables of albums in databases of earlier versions of the app, which had them among its own."""

from __future__ import annotations

import contextlib

import pytest
from sqlalchemy import create_engine, insert, inspect, select, text

from comfy.records.blobs import BlobStore
from comfy.records.store import RunStore
from comfyforms.plugins.albums.filters import WantedItems
from comfyforms.plugins.albums.store import (
    AlbumStore,
    ItemFile,
    Person,
)
from comfyforms.plugins.albums.tables import albums
from tests.records.test_steps import keys_of
from tests.support.samples.histories import ANN, begun, ended_record

OF_ANN = Person.of(ANN, "Ann")
FILE = ItemFile("r1", 0, "image", "ab" * 32, True, 8, 6, "a.png", "w", "w", "a prompt")
# Statements that undo the steps of the app, newest first, by the number before each step.
TABLES = tuple(f"album{name}" for name in ("_links", "_comments", "_reviews", "_items", "s"))
BEFORE = {
    "0006.4": (  # owners had seen all comments
        "ALTER TABLE albums DROP COLUMN seen",
        "DROP INDEX album_items_listed",
        "CREATE INDEX album_items_listed ON album_items (album, n, run, keeps, rejects, dropped)",
        "UPDATE albums_version SET version_num = '0004'",
    ),
    "0006.3": (  # public albums had no choice about prompts
        "ALTER TABLE albums DROP COLUMN public_settings",
        "UPDATE albums_version SET version_num = '0003'",
    ),
    "0006.2": (  # albums had no rounds
        "ALTER TABLE albums DROP COLUMN round",
        "UPDATE albums_version SET version_num = '0002'",
    ),
    "0006.1": (  # results had no numbers
        "DROP INDEX album_items_listed",
        "CREATE INDEX album_items_listed ON album_items (album, n, run, keeps, rejects)",
        *(f"ALTER TABLE album_items DROP COLUMN {name}" for name in ("number", "dropped")),
        "UPDATE albums_version SET version_num = '0001'",
    ),
    "0006": ("DROP TABLE albums_version",),
    "0005": (  # rows had no addresses and sizes
        *(f"DROP INDEX {table}_by_share" for table in TABLES[1:]),
        *(
            f"ALTER TABLE {table} DROP COLUMN {column}"
            for table in TABLES[1:]
            for column in ("share", "size")
        ),
        "ALTER TABLE album_reviews DROP COLUMN at",
        "DROP INDEX audit_events_by_share",
        *(f"ALTER TABLE audit_events DROP COLUMN {name}" for name in ("share", "size", "count")),
    ),
    "0004": (  # items had no workflows, and links had names
        "ALTER TABLE album_items DROP COLUMN workflow",
        "ALTER TABLE album_links ADD COLUMN name TEXT NOT NULL DEFAULT ''",
    ),
    "0002": (*(f"DROP TABLE {table}" for table in TABLES), "DROP INDEX runs_hidden"),
}


def told(history: RunStore, album: str) -> list[object]:
    """Return the contents of an album."""
    albums = AlbumStore(history.engine, history.grew)
    items = albums.items(album, WantedItems(), 9)
    said = [(albums.reviews([one.n]), albums.comments(album, one.n)) for one in items]
    return [albums.get(album), items, said, albums.links([album])]


@pytest.mark.parametrize(
    ("database", "number"),
    [*(("sqlite", number) for number in BEFORE), ("postgres", next(iter(BEFORE)))],
    indirect=["database"],
)
def test_an_old_database_opens_with_its_albums(database: str, kept: BlobStore, number: str) -> None:
    """Its tables have the columns, keys and indexes of new ones. Rows count their bytes, and stay
    as they were. Before albums, the tables are new."""
    check_old_database(database, kept, number)


def check_old_database(database: str, kept: BlobStore, number: str) -> None:
    """Make albums in an empty database, undo the steps down to this number, and open it."""
    with contextlib.closing(RunStore(database, kept)) as history:
        history.end(ended_record(begun("r1")))
        store = AlbumStore(history.engine, history.grew)
        album = store.create(OF_ANN, "Posters", "n" * 900, "shared", None)
        (item,) = store.add(album.id, OF_ANN, [FILE], settings=True)
        store.review(album.id, item.n, OF_ANN, "keep", 4)
        store.comment(album.id, item.n, OF_ANN, "c" * 800, None)
        store.new_link(album.id, 3, comments=True, settings=True)
        before = told(history, album.id)
    engine = create_engine(database)
    inspector = inspect(engine)
    keys = {table: keys_of(inspector, table) for table in TABLES}
    with engine.begin() as connection:
        for earlier in (one for one in BEFORE if one >= number):
            for statement in BEFORE[earlier]:
                connection.execute(text(statement))
        connection.execute(text(f"UPDATE history_version SET version_num = '{number[:4]}'"))
    engine.dispose()
    with contextlib.closing(RunStore(database, kept)) as history:
        history.sweep()
        inspector = inspect(history.engine)
        assert {table: keys_of(inspector, table) for table in TABLES} == keys
        with history.engine.connect() as connection:
            sizes = [
                connection.execute(text(f'SELECT min("size") FROM {table}')).scalar()
                for table in ("albums", "album_comments")
            ]
        if number == "0002":
            assert sizes == [None, None]
            return
        assert sizes > [1_400, 1_300]
        after = repr(told(history, album.id))
    assert after.replace("workflow=''", "workflow='w'") == repr(before)


def test_an_album_can_be_copied_before_its_parent(history: RunStore) -> None:
    """An import inserts rows in any order within a transaction."""
    inner = dict.fromkeys((column.name for column in albums.columns), "a") | {
        "version": 1,
        "round": 1,
        "public_settings": False,
        "seen": 0,
        "changed_at": 1.0,
        "size": 1.0,
    }
    with history.engine.begin() as connection:
        for changes in ({"id": "inner", "parent": "outer"}, {"id": "outer", "parent": None}):
            connection.execute(insert(albums).values(inner | changes))
    with history.engine.connect() as connection:
        assert len(connection.execute(select(albums.c.id)).all()) == 2
