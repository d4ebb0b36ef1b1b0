"""Watchers of albums in one process, without a server."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cachetools import TTLCache
from sqlalchemy import event

from comfy.records.blobs import BlobStore
from comfy.records.store import RunStore
from comfyforms.plugins.albums import changes
from comfyforms.plugins.albums.changes import AlbumWatch
from comfyforms.plugins.albums.store import AlbumStore, Person
from tests.support.waiting import Clock


@contextlib.contextmanager
def store_of(folder: Path, queries: list[str]) -> Iterator[tuple[AlbumStore, str]]:
    """Yield a store and the id of its album. `queries` gets the statements that follow."""
    with (
        contextlib.closing(BlobStore(folder / "kept")) as kept,
        contextlib.closing(RunStore(f"sqlite:///{folder}/h.db", kept)) as history,
    ):
        albums = AlbumStore(history.engine, history.grew)
        album = albums.create(Person.of("user:ann", "Ann"), "A", "", "shared", None).id
        event.listen(
            history.engine, "before_cursor_execute", lambda *all_: queries.append(str(all_[2]))
        )
        yield albums, album


def test_several_pages_dont_put_a_look_off(tmp_path: Path) -> None:
    """Pages whose looks alternate see the changes of other processes, and deleted results."""
    clock, queries = Clock(), list[str]()
    with store_of(tmp_path, queries) as (albums, album):
        watch = AlbumWatch(albums)
        watch._versions = TTLCache(1, 0.5, timer=clock)
        watch._stamp(album)
        queries.clear()
        for _ in range(4):
            clock.now += 0.3
            watch._stamp(album)
        assert len(queries) == 2


def test_an_idle_album_costs_one_short_query_per_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pages share it. A change by this process shows before the next look, and only then are
    the album's results counted."""
    monkeypatch.setattr(changes, "_LOOK_SECONDS", 60.0)
    queries: list[str] = []

    async def follow(albums: AlbumStore, album: str) -> None:
        watch = AlbumWatch(albums)
        pages = [
            watch.events(album, lambda counts: counts, lambda: None, lambda: False)
            for _ in range(3)
        ]
        first = [await anext(one) for one in pages]
        assert len(set(first)) == 1
        following = [asyncio.ensure_future(anext(one)) for one in pages]
        await asyncio.sleep(0)
        queries.clear()
        change = albums.change, albums.get(album), {"title": "B"}
        await asyncio.to_thread(*change)
        news = await asyncio.wait_for(asyncio.gather(*following), 10)
        assert len(set(news)) == 1 != first[0]
        for one in pages:
            await one.aclose()

    with store_of(tmp_path, queries) as (albums, album):
        for _ in range(2):
            watch = AlbumWatch(albums)
            watch._stamp(album)
        queries.clear()
        for _ in range(100):
            watch._stamp(album)
        assert queries == []
        watch._versions.clear()
        watch._stamp(album)
        assert ["album_items" in one for one in queries] == [False]
        with ThreadPoolExecutor(1) as beside:  # playwright's loop may run in this thread
            beside.submit(asyncio.run, follow(albums, album)).result()
