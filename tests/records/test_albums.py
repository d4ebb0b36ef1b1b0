"""Albums in the history's database: items, reviews, comments and links."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace

import pytest

from comfy.base.errors import AlbumNotFound, ComfyError
from comfy.comfyui.protocol.outputs import OutputFile
from comfy.records import albums
from comfy.records.albums import (
    MOST_NUMBER,
    Album,
    AlbumItem,
    Counts,
    ItemFile,
    Person,
    Viewer,
    WantedItems,
)
from comfy.records.blobs import BlobStore
from comfy.records.store import RunStore
from comfy.records.used_files import bytes_in_use
from tests.support.samples.histories import ANN, BOB, begun, ended_record

OF_ANN, OF_BOB, GUEST = Person.of(ANN, ""), Person.of(BOB, "Bob"), Person.guest("t", "G", "G")
ODD = "nul \0, half \ud800, “cat”"
RESULT = OutputFile("a.png", "", "output", "image", "9", "ab" * 32, 5)


def file_of(run: str, prompt: str = "", title: str = "Portrait") -> ItemFile:
    return ItemFile(run, 0, "image", "ab" * 32, True, 8, 6, "Portrait.png", title, title, prompt)


def add(history: RunStore, album: Album, *runs: str, settings: bool = True) -> list[AlbumItem]:
    files = [file_of(run, f"prompt of {run}") for run in runs]
    return history.albums.add(album.id, OF_ANN, files, settings=settings)


@pytest.fixture
def album(history: RunStore) -> Album:
    """Return Ann's shared album. Ann has three runs, and Bob has one."""
    for run, owner in (("r1", ANN), ("r2", ANN), ("r3", ANN), ("b1", BOB)):
        history.end(ended_record(begun(run, owner), files=(RESULT,)))
    return history.albums.create(OF_ANN, ODD, ODD, "shared", None)


def numbers(history: RunStore, album: Album, **wanted: object) -> list[int]:
    filter_of = WantedItems(**wanted)  # type: ignore[arg-type]
    items = history.albums.items(album.id, filter_of, 9, Viewer(prompts=True))
    return [one.n for one in items]


def test_an_album_keeps_texts_and_files(history: RunStore, album: Album) -> None:
    """Any text comes back as it was. The newest item comes first. Adding a file again only changes
    whether its prompt is shown."""
    assert history.albums.get(album.id) == album
    assert (album.title, album.note) == (ODD, ODD)
    (first,) = add(history, album, "r1")
    second, third = sorted(add(history, album, "r2", "r3"), key=lambda one: one.n)
    assert first.n < second.n < third.n
    assert numbers(history, album) == [third.n, second.n, first.n]
    assert numbers(history, album, cursor=third.n) == [second.n, first.n]
    assert (first.prompt, first.settings) == ("prompt of r1", True)
    (again,) = add(history, album, "r1", settings=False)
    assert (again.n, again.prompt, again.settings) == (first.n, "", False)
    assert numbers(history, album, text="PROMPT r2") == [second.n]
    assert numbers(history, album, text="of r1") == []
    odd = history.albums.add(album.id, OF_ANN, [file_of("r1", ODD, ODD)], settings=True)
    assert (odd[0].prompt, odd[0].title) == (ODD, ODD)
    assert numbers(history, album, workflow=ODD, person=OF_ANN.key, text="CAT") == [first.n]
    facets = {(OF_ANN.key, OF_ANN.by, title, title) for title in ("Portrait", ODD)}
    assert set(history.albums.facets(album.id)) == facets


def test_a_hidden_workflow_cannot_be_searched(history: RunStore, album: Album) -> None:
    """Its title finds a result only for the result's owner. The prompt finds it for everybody."""
    (item,) = add(history, album, "r1")
    for person, sees in ((OF_ANN, True), (OF_BOB, False)):
        for prompts in (True, False):
            viewer = Viewer(person.key, prompts, {"Portrait"})
            for wanted in (WantedItems(workflow="Portrait"), WantedItems(text="portrait")):
                assert history.albums.total(album.id, wanted, viewer) == sees
        viewer = Viewer(person.key, prompts=True, hidden={"Portrait"})
        assert history.albums.items(album.id, WantedItems(text="PROMPT"), 9, viewer) == [item]


def test_guests_take_no_room_from_users(
    history: RunStore, album: Album, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guests can review under any number of names. The oldest of the same kind goes."""
    monkeypatch.setattr(albums, "_MOST_REVIEWS", 2)
    monkeypatch.setattr(albums, "_MOST_COMMENTS", 2)
    (item,) = add(history, album, "r1")
    guests = [Person.guest("t", name, name) for name in "abc"]
    for people in (guests, [OF_ANN, OF_BOB, Person("third")]):
        for one in people[:2]:
            history.albums.review(album.id, item.n, one, "keep", 0)
            history.albums.comment(album.id, item.n, one, "a", None)
        history.albums.review(album.id, item.n, people[2], "keep", 0)
        history.albums.comment(album.id, item.n, people[2], "c", None)
        said = {*history.albums.reviews([item.n]), *history.albums.comments(album.id, item.n)}
        kept = {one.person for one in said} & {one.key for one in people}
        assert kept == {one.key for one in people[1:]}
    assert len(history.albums.reviews([item.n])) == 4


def test_a_deleted_result_leaves_all_albums(history: RunStore, album: Album) -> None:
    """A result is hidden at once in lists and counts, comes back when its deletion is undone, and
    is gone with its run. Albums take no bytes of a file."""
    other = history.albums.create(OF_ANN, "Other", "", "private", album.id)
    with history.engine.connect() as connection:
        before = bytes_in_use(connection)
    (first,) = add(history, album, "r1")
    add(history, other, "r1")
    with history.engine.connect() as connection:
        assert 0 < bytes_in_use(connection) - before < 4096
    both = [album.id, other.id]
    assert history.albums.counts(both)[album.id] == Counts(open=1)
    assert history.albums.covers(both)[album.id] == [first.n]
    version = history.albums.version(album.id)
    history.unlist(["r1"], ANN)
    assert history.albums.counts(both) == dict.fromkeys(both, Counts())
    assert history.albums.covers(both) == {key: [] for key in both}
    assert history.albums.version(album.id) > version
    assert numbers(history, album) == []
    for change in (
        lambda: history.albums.item(album.id, first.n),
        lambda: history.albums.review(album.id, first.n, OF_BOB, "keep", 1),
        lambda: history.albums.comment(album.id, first.n, OF_BOB, "a", None),
    ):
        with pytest.raises(AlbumNotFound):
            change()
    history.relist(["r1"], ANN)
    assert numbers(history, album) == [first.n]
    version = history.albums.version(album.id)
    history.delete("r1", ANN)
    assert history.albums.version(album.id) > version
    history.relist(["r1"], ANN)
    assert numbers(history, album) == []


def test_reviews_of_all_people_decide(history: RunStore, album: Album) -> None:
    """A result is kept if at least one person keeps it and no one rejects it. A person's new review
    replaces the previous one."""
    items = [one.n for one in add(history, album, "r1", "r2", "r3")]
    for n, person, verdict in (
        (items[0], OF_ANN, "keep"),
        (items[0], OF_BOB, "reject"),
        (items[1], OF_BOB, "keep"),
    ):
        history.albums.review(album.id, n, person, verdict, 3)  # type: ignore[arg-type]
    assert history.albums.counts([album.id]) == {album.id: Counts(1, 1, 1, 1)}
    verdicts = ("keep", "reject", "open", "disagreed")
    shown = {one: numbers(history, album, verdict=one) for one in verdicts}
    both = {"reject": [items[0]], "disagreed": [items[0]]}
    assert shown == {"keep": [items[1]], "open": [items[2]], **both}
    history.albums.review(album.id, items[0], OF_BOB, "", 0)
    assert numbers(history, album, verdict="keep") == items[:2]
    (review,) = history.albums.reviews([items[0]])
    assert (review.by, review.verdict, review.stars) == ("", "keep", 3)


def test_versions_tell_what_changed(
    history: RunStore, album: Album, database: str, kept: BlobStore
) -> None:
    """Each change gives the album a later version, which other processes see, and `since` finds the
    changed items."""
    first, second = (one.n for one in add(history, album, "r1", "r2"))
    with closing(RunStore(database, kept)) as other:
        assert other.albums.version(album.id) == history.albums.version(album.id)
        other.albums.review(album.id, first, OF_BOB, "reject", 0)
    assert history.albums.version(album.id) == 3
    versions = [history.albums.get(album.id).version]

    def changed() -> list[int]:
        found = numbers(history, album, since=versions[-1])
        versions.append(history.albums.get(album.id).version)
        return found

    history.albums.review(album.id, first, OF_BOB, "keep", 0)
    assert changed() == [first]
    comment = history.albums.comment(album.id, second, GUEST, ODD, (0.5, 1))
    assert changed() == [second]
    assert history.albums.comments(album.id, second) == [comment]
    assert (comment.text, comment.x, comment.y) == (ODD, 0.5, 1)
    assert history.albums.item(album.id, second).comments == 1
    with pytest.raises(AlbumNotFound):
        history.albums.delete_comment(album.id, second, comment.n, OF_BOB.key)
    history.albums.delete_comment(album.id, second, comment.n, None)
    assert changed() == [second]
    assert history.albums.item(album.id, second).comments == 0
    history.albums.remove(album.id, [first])
    assert changed() == []
    assert versions == sorted(set(versions))
    assert numbers(history, album, since=-(2**70), cursor=2**70) == [second]
    assert history.albums.some(album.id, [MOST_NUMBER]) == []


def test_an_album_of_others_results_cannot_become_private(history: RunStore, album: Album) -> None:
    """Otherwise, their owners couldn't take them back."""
    (item,) = history.albums.add(album.id, OF_BOB, [file_of("b1")], settings=True)
    with pytest.raises(ComfyError, match="Other people's results"):
        history.albums.change(album, {"access": "private", "title": "Mine"})
    assert history.albums.get(album.id).title == ODD
    history.albums.remove(album.id, [item.n])
    history.albums.change(album, {"access": "private", "title": "Mine"})
    changed = history.albums.get(album.id)
    assert (changed.access, changed.title) == ("private", "Mine")
    assert history.albums.seen_by(OF_BOB.key, ("shared", "public")) == []


def test_albums_nest_without_a_circle(history: RunStore, album: Album) -> None:
    """Deleting an album deletes the albums in it, but no results."""
    inner = history.albums.create(OF_ANN, "Inner", "", "private", album.id)
    add(history, inner, "r1")
    for parent in (album.id, inner.id):
        with pytest.raises(ComfyError, match="can't be in this one"):
            history.albums.change(album, {"parent": parent})
    assert history.albums.get(album.id).parent is None
    history.albums.delete(album.id)
    with pytest.raises(AlbumNotFound):
        history.albums.get(inner.id)
    assert history.get("r1", ANN) is not None
    history.albums.create(OF_ANN, "Last", "", "public", None)
    history.forget_person(ANN)
    assert history.albums.seen_by(OF_ANN.key, ("public",)) == []


def test_others_leave_private_albums_alone(history: RunStore, album: Album) -> None:
    """They move to the top, with the albums in them."""
    parents = {"shown": album.id}
    for name, access in (("shown", "shared"), ("hidden", "private"), ("inner", "shared")):
        made = history.albums.create(OF_ANN, name, "", access, list(parents.values())[-1])
        parents[name] = made.id
    history.albums.delete(album.id, with_private=False)
    with pytest.raises(AlbumNotFound):
        history.albums.get(parents["shown"])
    assert history.albums.get(parents["hidden"]).parent is None
    assert history.albums.get(parents["inner"]).parent == parents["hidden"]


def test_a_link_ends_on_time(history: RunStore, album: Album) -> None:
    """A link ends at its time, when its owner ends it or makes a new one, and with its album."""

    def made(days: float = 1) -> str:
        return history.albums.new_link(album.id, days, comments=True, settings=False).token

    first, expired = made(), made(-1)
    assert history.albums.links([album.id]) == {}
    ended, other = made(), history.albums.create(OF_BOB, "Other", "", "private", None)
    history.albums.end_link(other.id)
    assert history.albums.links([album.id, other.id])[album.id].token == ended
    history.albums.end_link(album.id)
    last = made()
    assert history.albums.link(last).album == album.id
    history.albums.delete(album.id)
    for token in (first, expired, ended, last, "", "\0"):
        with pytest.raises(AlbumNotFound):
            history.albums.link(token)


def test_an_unknown_album_changes_nothing(history: RunStore, album: Album) -> None:
    """Also not for an item of another album."""
    (item,) = add(history, album, "r1")
    other = history.albums.create(OF_ANN, "Other", "", "private", None)
    unknown = replace(album, id="none")
    for wrong in (unknown, other):
        with pytest.raises(AlbumNotFound):
            history.albums.review(wrong.id, item.n, OF_ANN, "keep", 0)
        with pytest.raises(AlbumNotFound):
            history.albums.comments(wrong.id, item.n)
    history.albums.remove(other.id, [item.n])
    with pytest.raises(AlbumNotFound):
        history.albums.change(unknown, {"title": "a"})
    assert numbers(history, album) == [item.n]
