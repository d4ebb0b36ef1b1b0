"""Rows of albums: their shares of the space, and their deletion with a person."""

from __future__ import annotations

import pytest

from comfy.base.errors import ComfyError
from comfy.comfyui.protocol.outputs import OutputFile
from comfy.records.blobs import HistoryLimits
from comfy.records.store import RunStore
from comfy.records.tables import digest
from comfy.records.used_files import bytes_in_use
from comfyforms.plugins.albums import store
from comfyforms.plugins.albums.store import AlbumStore, ItemFile, Person
from tests.support.samples.histories import ANN, BOB, begun, ended_record

EVE = "192.0.2.7"  # the address of many people
OF_ANN, OF_BOB = Person.of(ANN, "Ann"), Person.of(BOB, "Bob")


def of_eve(number: int) -> Person:
    return Person.of(f"browser:{number}", "", EVE)


def shared_item(history: RunStore, albums: AlbumStore) -> tuple[str, int]:
    """Return a shared album of Ann's, and a result of hers in it."""
    file = OutputFile("a.png", "", "output", "image", "9", "ab" * 32, 5)
    history.end(ended_record(begun("r1", ANN), files=(file,)))
    album = albums.create(OF_ANN, "A", "", "shared", None).id
    shown = ItemFile("r1", 0, "image", "ab" * 32, True, 8, 6, "a.png", "w", "w", "")
    return album, albums.add(album, OF_ANN, [shown], settings=False)[0].n


def test_a_deleted_person_says_nothing_in_others_albums(
    history: RunStore, albums: AlbumStore
) -> None:
    """The result's numbers and the album's version show it."""
    album, item = shared_item(history, albums)
    albums.review(album, item, OF_BOB, "keep", 4)
    albums.comment(album, item, OF_BOB, "Bob was here", None)
    albums.comment(album, item, OF_ANN, "Ann was here", None)
    before = albums.get(album).version
    assert history.administration.usage.rows_in_words() == {digest(ANN): ["1 album"]}
    history.forget_person(BOB)
    found = albums.item(album, item)
    assert [one.by for one in albums.comments(album, item)] == ["Ann"]
    assert (found.keeps, found.comments, found.version > before) == (0, 1, True)


def test_a_full_result_takes_comments_of_the_next_person(
    history: RunStore, albums: AlbumStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The oldest of the address with the most go. One person may write 50 about a result."""
    monkeypatch.setattr(store, "_MOST_COMMENTS", 60)
    monkeypatch.setattr(store, "_MOST_REVIEWS", 3)
    album, item = shared_item(history, albums)
    albums.comment(album, item, OF_BOB, "first", None)
    for number in range(70):
        albums.comment(album, item, of_eve(number // 50), f"{number}", None)
        albums.review(album, item, of_eve(number), "keep", 0)
    monkeypatch.setattr(store, "_MOST_OF_ONE", 3)
    for _ in range(3):
        albums.comment(album, item, OF_ANN, "last", None)
    with pytest.raises(ComfyError, match="at most 50"):
        albums.comment(album, item, OF_ANN, "more", None)
    albums.review(album, item, OF_ANN, "keep", 0)
    texts = [one.text for one in albums.comments(album, item)]
    assert (texts[0], texts[-1], len(texts)) == ("first", "last", 60)
    reviews = albums.reviews([item])
    assert len(reviews) == albums.item(album, item).keeps == 3
    assert OF_ANN.key in {one.person for one in reviews}


def test_an_address_cannot_fill_the_database_with_albums(
    history: RunStore, albums: AlbumStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An address has as many albums as a person. Albums and comments have a part of the space each.
    Other people's rows stay."""
    album, item = shared_item(history, albums)
    albums.comment(album, item, OF_BOB, "first", None)
    monkeypatch.setattr(store, "_MOST_ALBUMS", 40)
    for number in range(40):
        albums.create(of_eve(number), "B", "x" * 5_000, "shared", None)
    with pytest.raises(ComfyError, match="at most 40"):
        albums.create(of_eve(40), "B", "", "shared", None)
    for number in range(100):
        albums.comment(album, item, of_eve(number), "y" * 2_000, None)
    with history.engine.connect() as connection:
        full = bytes_in_use(connection)
    history.limits = HistoryLimits(bytes=1_000_000)
    history.sweep()
    with history.engine.connect() as connection:
        assert bytes_in_use(connection) < full - 100 * 2_500 - 40 * 5_500 + 2 * 1_000_000 / 32
    assert albums.get(album)
    texts = [one.text for one in albums.comments(album, item)]
    assert texts[0] == "first"
    assert 2 < len(texts) == albums.item(album, item).comments < 20
    assert history.get("r1", ANN)
