"""An album of 10,000 results is as quick as a small one."""

from __future__ import annotations

import time
from collections.abc import Callable

from sqlalchemy import insert

from comfy.comfyui.protocol.outputs import OutputFile
from comfy.records.rows import row_of
from comfy.records.store import RunStore
from comfy.records.tables import runs
from comfyforms.plugins.albums.filters import Viewer, WantedItems
from comfyforms.plugins.albums.store import (
    AlbumStore,
    ItemFile,
    Person,
)
from tests.support.samples.histories import ANN, begun, ended_record

MANY, CHUNK = 10_000, 1_000
MOST = 0.15  # seconds of processor time, five times as long as on an idle machine
OWNER = Person.of(ANN, "Ann")
FINDS = Viewer(prompts=True, hidden=("x",))
RESULT = OutputFile("a.png", "", "output", "image", "9", "ab" * 32, 5)


def seconds(call: Callable[[], object]) -> float:
    call()
    began = time.process_time()
    call()
    return time.process_time() - began


def test_a_page_takes_no_longer_with_10000_results(history: RunStore, albums: AlbumStore) -> None:
    """Pages, filters, counts and changes of a full album take a few milliseconds."""
    album = albums.create(OWNER, "Many", "", "shared", None).id
    for start in range(0, MANY, CHUNK):
        records = [
            ended_record(begun(f"r{n}", values={"x": "word " * 200}), files=(RESULT,))
            for n in range(start, start + CHUNK)
        ]
        with history.engine.begin() as connection:
            rows = [{"id": one.id, "share": "", **row_of(one, 1000.0)} for one in records]
            connection.execute(insert(runs), rows)
        files = [
            ItemFile(
                one.id, 0, "image", "ab" * 32, True, 8, 6, "a.png", "w", "Portrait", "cat " * 100
            )
            for one in records
        ]
        albums.add(album, OWNER, files, settings=True)
    (newest,) = albums.items(album, WantedItems(), 1)
    took = {
        "page": seconds(lambda: albums.items(album, WantedItems(), 500, cursor=newest.n // 2)),
        "kept": seconds(lambda: albums.items(album, WantedItems(verdict="keep"), 100)),
        "left": seconds(lambda: albums.total(album, WantedItems("unreviewed"), FINDS)),
        "text": seconds(lambda: albums.items(album, WantedItems(text="dog"), 100, FINDS)),
        "counts": seconds(lambda: (albums.counts([album]), albums.facets(album))),
        "review": seconds(lambda: albums.review(album, newest.n, OWNER, "keep", 5)),
        "stamp": seconds(lambda: albums.version(album)),
    }
    assert max(took.values()) < MOST, took
