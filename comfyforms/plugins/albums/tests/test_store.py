"""Albums in the history's database: items, reviews, comments and links."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace

import pytest

from comfy.base.errors import ComfyError
from comfy.comfyui.protocol.outputs import OutputFile
from comfy.records.blobs import BlobStore
from comfy.records.store import RunStore
from comfy.records.used_files import bytes_in_use
from comfyforms.plugins.albums import store
from comfyforms.plugins.albums.filters import MOST_NUMBER, Viewer, WantedItems
from comfyforms.plugins.albums.store import (
    Album,
    AlbumItem,
    AlbumNotFound,
    AlbumStore,
    Counts,
    ItemFile,
    Person,
)
from comfyforms.plugins.albums.summaries import Summaries
from tests.support.samples.histories import ANN, BOB, begun, ended_record

OF_ANN, OF_BOB, GUEST = Person.of(ANN, ""), Person.of(BOB, "Bob"), Person.guest("t", "G", "G")
ODD = "nul \0, half \ud800, “cat”"
RESULT = OutputFile("a.png", "", "output", "image", "9", "ab" * 32, 5)


def file_of(run: str, prompt: str = "", title: str = "Portrait") -> ItemFile:
    return ItemFile(run, 0, "image", "ab" * 32, True, 8, 6, "Portrait.png", title, title, prompt)


def add(albums: AlbumStore, album: Album, *runs: str, settings: bool = True) -> list[AlbumItem]:
    files = [file_of(run, f"prompt of {run}") for run in runs]
    return albums.add(album.id, OF_ANN, files, settings=settings)


@pytest.fixture
def album(history: RunStore, albums: AlbumStore) -> Album:
    """Return Ann's shared album. Ann has three runs, and Bob has one."""
    for run, owner in (("r1", ANN), ("r2", ANN), ("r3", ANN), ("b1", BOB)):
        history.end(ended_record(begun(run, owner), files=(RESULT,)))
    return albums.create(OF_ANN, ODD, ODD, "shared", None)


def numbers(albums: AlbumStore, album: Album, cursor: int = 0, **wanted: object) -> list[int]:
    filter_of = WantedItems(**wanted)  # type: ignore[arg-type]
    items = albums.items(album.id, filter_of, 9, Viewer(prompts=True), cursor)
    return [one.n for one in items]


def test_an_album_keeps_texts_and_files(albums: AlbumStore, album: Album) -> None:
    """Any text comes back as it was. The newest item comes first. Adding a file again only changes
    whether its prompt is shown."""
    assert albums.get(album.id) == album
    assert (album.title, album.note) == (ODD, ODD)
    (first,) = add(albums, album, "r1")
    second, third = sorted(add(albums, album, "r2", "r3"), key=lambda one: one.n)
    assert first.n < second.n < third.n
    assert numbers(albums, album) == [third.n, second.n, first.n]
    assert numbers(albums, album, cursor=third.n) == [second.n, first.n]
    assert (first.prompt, first.settings) == ("prompt of r1", True)
    (again,) = add(albums, album, "r1", settings=False)
    assert (again.n, again.prompt, again.settings) == (first.n, "", False)
    assert numbers(albums, album, text="PROMPT r2") == [second.n]
    assert numbers(albums, album, text="of r1") == []
    odd = albums.add(album.id, OF_ANN, [file_of("r1", ODD, ODD)], settings=True)
    assert (odd[0].prompt, odd[0].title) == (ODD, ODD)
    assert numbers(albums, album, text="CAT") == [first.n]
    albums.comment(album.id, second.n, OF_BOB, "More 50% Light", None)
    assert numbers(albums, album, text="50% light") == [second.n]
    for text in (f"#{third.number}", f"{third.number:03}"):
        assert numbers(albums, album, text=text) == [third.n]
    assert set(albums.facets(album.id)) == {(OF_ANN.key, title) for title in ("Portrait", ODD)}


def test_a_hidden_workflow_cannot_be_searched(albums: AlbumStore, album: Album) -> None:
    """Its title finds a result only for the result's owner. The prompt finds it for everybody."""
    (item,) = add(albums, album, "r1")
    for person, sees in ((OF_ANN, True), (OF_BOB, False)):
        for prompts in (True, False):
            viewer = Viewer(person.key, prompts, {"Portrait"})
            assert albums.total(album.id, WantedItems(text="portrait"), viewer) == sees
        viewer = Viewer(person.key, prompts=True, hidden={"Portrait"})
        assert albums.items(album.id, WantedItems(text="PROMPT"), 9, viewer) == [item]


def test_guests_take_no_room_from_users(
    albums: AlbumStore, album: Album, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guests can review under any number of names. The oldest of the same kind goes."""
    monkeypatch.setattr(store, "_MOST_REVIEWS", 2)
    monkeypatch.setattr(store, "_MOST_COMMENTS", 2)
    (item,) = add(albums, album, "r1")
    guests = [Person.guest("t", name, name) for name in "abc"]
    for people in (guests, [OF_ANN, OF_BOB, Person("third")]):
        for one in people[:2]:
            albums.review(album.id, item.n, one, "keep", 0)
            albums.comment(album.id, item.n, one, "a", None)
        albums.review(album.id, item.n, people[2], "keep", 0)
        albums.comment(album.id, item.n, people[2], "c", None)
        said = {*albums.reviews([item.n]), *albums.comments(album.id, item.n)}
        kept = {one.person for one in said} & {one.key for one in people}
        assert kept == {one.key for one in people[1:]}
    assert len(albums.reviews([item.n])) == 4


def test_a_deleted_result_leaves_all_albums(
    history: RunStore, albums: AlbumStore, album: Album
) -> None:
    """A result is hidden at once in lists and counts, comes back when its deletion is undone, and
    is gone with its run. Albums take no bytes of a file."""
    other = albums.create(OF_ANN, "Other", "", "private", album.id)
    with history.engine.connect() as connection:
        before = bytes_in_use(connection)
    (first,) = add(albums, album, "r1")
    add(albums, other, "r1")
    with history.engine.connect() as connection:
        assert 0 < bytes_in_use(connection) - before < 4096
    both = [album.id, other.id]
    assert albums.counts(both)[album.id] == Counts(open=1)
    assert albums.covers(both)[album.id] == [first.n]
    version = albums.version(album.id)
    history.unlist(["r1"], ANN)
    assert albums.counts(both) == dict.fromkeys(both, Counts())
    assert albums.covers(both) == {key: [] for key in both}
    assert albums.version(album.id) > version
    assert numbers(albums, album) == []
    for change in (
        lambda: albums.item(album.id, first.n),
        lambda: albums.review(album.id, first.n, OF_BOB, "keep", 1),
        lambda: albums.comment(album.id, first.n, OF_BOB, "a", None),
    ):
        with pytest.raises(AlbumNotFound):
            change()
    history.relist(["r1"], ANN)
    assert numbers(albums, album) == [first.n]
    version = albums.version(album.id)
    history.delete("r1", ANN)
    assert albums.version(album.id) > version
    history.relist(["r1"], ANN)
    assert numbers(albums, album) == []


def test_reviews_of_all_people_decide(albums: AlbumStore, album: Album) -> None:
    """A result is kept if at least one person keeps it and no one rejects it. A person's new review
    replaces the previous one."""
    items = [one.n for one in add(albums, album, "r1", "r2", "r3")]
    for n, person, verdict in (
        (items[0], OF_ANN, "keep"),
        (items[0], OF_BOB, "reject"),
        (items[1], OF_BOB, "keep"),
    ):
        albums.review(album.id, n, person, verdict, 3)  # type: ignore[arg-type]
    assert albums.counts([album.id]) == {album.id: Counts(1, 0, 1, 1)}
    of_ann, of_bob = (albums.counts([album.id], one.key)[album.id] for one in (OF_ANN, OF_BOB))
    assert [(one.unreviewed, one.own_keeps) for one in (of_ann, of_bob)] == [(2, 1), (1, 1)]
    verdicts = ("keep", "reject", "open", "disagreed")
    shown = {one: numbers(albums, album, verdict=one) for one in verdicts}
    assert shown == {"keep": [items[1]], "reject": [], "open": [items[2]], "disagreed": [items[0]]}
    albums.review(album.id, items[0], OF_BOB, "", 0)
    assert numbers(albums, album, verdict="keep") == items[:2]
    (review,) = albums.reviews([items[0]])
    assert (review.by, review.verdict, review.stars) == ("", "keep", 3)


def test_votes_and_stars_of_all_people_sort(albums: AlbumStore, album: Album) -> None:
    """Each rejection takes back a vote. The newest of equal results comes first, and a cursor leaves
    out the first ones."""
    first, second, third = (one.n for one in reversed(add(albums, album, "r1", "r2", "r3")))
    for n, person, verdict, stars in (
        (first, OF_ANN, "keep", 5),
        (first, OF_BOB, "reject", 1),
        (second, OF_ANN, "keep", 0),
        (second, GUEST, "keep", 2),
    ):
        albums.review(album.id, n, person, verdict, stars)  # type: ignore[arg-type]
    assert numbers(albums, album, sort="votes") == [second, third, first]
    assert numbers(albums, album, sort="stars") == [first, second, third]
    assert numbers(albums, album, sort="stars", cursor=1) == [second, third]
    assert numbers(albums, album, sort="votes", verdict="keep") == [second]


def test_a_round_begins_with_the_kept_results(
    history: RunStore, albums: AlbumStore, album: Album
) -> None:
    """They lose their verdicts, but not their stars. The others come back when a person keeps them,
    and take part in the next round like new ones."""
    third, second, first = (one.n for one in add(albums, album, "r1", "r2", "r3"))
    with pytest.raises(ComfyError, match="No result is kept"):
        albums.next_round(album.id)
    albums.review(album.id, first, OF_ANN, "keep", 4)
    albums.review(album.id, second, OF_BOB, "reject", 0)
    albums.review(album.id, third, OF_BOB, "reject", 0)
    version = albums.version(album.id)
    people = [(one.by, one.reviewed) for one in Summaries(history.engine).reviewers(album.id)]
    assert people == [(OF_BOB.by, 2), (OF_ANN.by, 1)]
    albums.next_round(album.id)
    assert [one.reviewed for one in Summaries(history.engine).reviewers(album.id)] == [0, 0]
    assert albums.counts([album.id])[album.id] == Counts(open=1, dropped=2, round=2)
    assert numbers(albums, album) == albums.covers([album.id])[album.id] == [first]
    assert sorted(numbers(albums, album, verdict="dropped")) == sorted([second, third])
    assert numbers(albums, album, verdict="unreviewed") == [first]
    assert sorted(numbers(albums, album, since=version)) == sorted([first, second, third])
    ((review,), rest) = albums.reviews([first]), albums.reviews([second])
    assert (review.verdict, review.stars, [one.verdict for one in rest]) == ("", 4, ["reject"])
    with pytest.raises(ComfyError, match="A new round began"):
        albums.review(album.id, second, OF_ANN, "keep", 0)
    assert numbers(albums, album) == [first]
    albums.review(album.id, second, OF_ANN, "keep", 0, round=2)
    assert numbers(albums, album, verdict="disagreed") == [second]
    albums.review(album.id, first, OF_ANN, "keep", 4)
    albums.next_round(album.id)
    assert albums.counts([album.id])[album.id] == Counts(open=1, dropped=2, round=3)


def test_a_round_takes_disputed_results_along(albums: AlbumStore, album: Album) -> None:
    """Results that everybody rejects stay behind. A round can begin with disputed results only, and
    also without leaving any behind. A vote for an earlier round doesn't count."""
    third, second, first = (one.n for one in add(albums, album, "r1", "r2", "r3"))
    for n, person, verdict in (
        (first, OF_ANN, "keep"),
        (first, OF_BOB, "reject"),
        (second, OF_BOB, "reject"),
    ):
        albums.review(album.id, n, person, verdict, 0)  # type: ignore[arg-type]
    with pytest.raises(ComfyError, match="No result is kept"):
        albums.next_round(album.id)
    albums.next_round(album.id, disagreed=True)
    assert numbers(albums, album) == [first]
    assert sorted(numbers(albums, album, verdict="dropped")) == sorted([second, third])
    albums.review(album.id, first, OF_ANN, "keep", 0, round=2)
    albums.next_round(album.id)
    with pytest.raises(ComfyError, match="A new round began"):
        albums.review(album.id, first, OF_ANN, "keep", 0, round=2)
    assert albums.counts([album.id])[album.id] == Counts(open=1, dropped=2, round=3)


def test_copies_begin_without_votes(albums: AlbumStore, album: Album) -> None:
    """The results stay as they are. The other album takes each once."""
    other = albums.create(OF_ANN, "Other", "", "shared", None)
    second, first = (one.n for one in add(albums, album, "r1", "r2"))
    for n in (first, second):
        albums.review(album.id, n, OF_BOB, "keep", 5)
        albums.comment(album.id, n, OF_BOB, "a", None)
    before = albums.items(album.id, WantedItems(), 9)
    for _ in range(2):
        albums.move(album.id, other.id, [first, second], copies=True)
    copies = albums.items(other.id, WantedItems(), 9)
    assert [(one.run, one.number, one.keeps, one.comments) for one in copies] == [
        ("r1", 2, 0, 0),
        ("r2", 1, 0, 0),
    ]
    assert not albums.reviews(one.n for one in copies)
    assert [(one.n, one.number, one.keeps) for one in before] == [
        (one.n, one.number, one.keeps) for one in albums.items(album.id, WantedItems(), 9)
    ]


def test_numbers_follow_the_wall_and_stay(albums: AlbumStore, album: Album) -> None:
    """Later results continue them, a removed one leaves a gap, and an album that results move to has
    its own."""

    def told(which: Album) -> dict[str, int]:
        return {one.run: one.number for one in albums.items(which.id, WantedItems(), 9)}

    add(albums, album, "r1", "r2")
    first = albums.items(album.id, WantedItems(), 1)
    assert told(album) == {"r2": 1, "r1": 2}
    (new,) = add(albums, album, "r3")
    albums.remove(album.id, [first[0].n])
    assert told(album) == {"r3": 3, "r1": 2}
    other = albums.create(OF_ANN, "Other", "", "shared", None)
    add(albums, other, "r2")
    albums.review(album.id, new.n, OF_BOB, "keep", 5)
    albums.move(album.id, other.id, [new.n])
    assert (told(album), told(other)) == ({"r1": 2}, {"r3": 2, "r2": 1})
    assert [one.stars for one in albums.reviews([new.n])] == [5]
    add(albums, album, "r3")
    albums.move(album.id, other.id, [one.n for one in albums.items(album.id, WantedItems(), 9)])
    assert (told(album), told(other)) == ({"r3": 3}, {"r3": 2, "r2": 1, "r1": 3})


def test_versions_tell_what_changed(
    albums: AlbumStore, album: Album, database: str, kept: BlobStore
) -> None:
    """Each change gives the album a later version, which other processes see, and `since` finds the
    changed items."""
    first, second = (one.n for one in add(albums, album, "r1", "r2"))
    with closing(RunStore(database, kept)) as other:
        others = AlbumStore(other.engine, other.grew)
        assert others.version(album.id) == albums.version(album.id)
        others.review(album.id, first, OF_BOB, "reject", 0)
    assert albums.version(album.id) == 3
    versions = [albums.get(album.id).version]

    def changed() -> list[int]:
        found = numbers(albums, album, since=versions[-1])
        versions.append(albums.get(album.id).version)
        return found

    albums.review(album.id, first, OF_BOB, "keep", 0)
    assert changed() == [first]
    comment = albums.comment(album.id, second, GUEST, ODD, (0.5, 1))
    assert changed() == [second]
    assert albums.comments(album.id, second) == [comment]
    assert (comment.text, comment.x, comment.y) == (ODD, 0.5, 1)
    assert albums.item(album.id, second).comments == 1
    with pytest.raises(AlbumNotFound):
        albums.delete_comment(album.id, second, comment.n, OF_BOB.key)
    albums.delete_comment(album.id, second, comment.n, None)
    assert changed() == [second]
    assert albums.item(album.id, second).comments == 0
    albums.remove(album.id, [first])
    assert changed() == []
    assert versions == sorted(set(versions))
    assert numbers(albums, album, since=-(2**70), cursor=2**70) == [second]
    assert albums.some(album.id, [MOST_NUMBER]) == []


def test_an_album_of_others_results_cannot_become_private(albums: AlbumStore, album: Album) -> None:
    """Otherwise, their owners couldn't take them back."""
    (item,) = albums.add(album.id, OF_BOB, [file_of("b1")], settings=True)
    with pytest.raises(ComfyError, match="Other people's results"):
        albums.change(album, {"access": "private", "title": "Mine"})
    assert albums.get(album.id).title == ODD
    albums.remove(album.id, [item.n])
    albums.change(album, {"access": "private", "title": "Mine"})
    changed = albums.get(album.id)
    assert (changed.access, changed.title) == ("private", "Mine")
    assert albums.seen_by(OF_BOB.key, ("shared", "public")) == []


def test_albums_nest_without_a_circle(history: RunStore, albums: AlbumStore, album: Album) -> None:
    """Deleting an album deletes the albums in it, but no results."""
    inner = albums.create(OF_ANN, "Inner", "", "private", album.id)
    add(albums, inner, "r1")
    for parent in (album.id, inner.id):
        with pytest.raises(ComfyError, match="can't be in this one"):
            albums.change(album, {"parent": parent})
    assert albums.get(album.id).parent is None
    albums.delete(album.id)
    with pytest.raises(AlbumNotFound):
        albums.get(inner.id)
    assert history.get("r1", ANN) is not None
    albums.create(OF_ANN, "Last", "", "public", None)
    history.forget_person(ANN)
    assert albums.seen_by(OF_ANN.key, ("public",)) == []


def test_others_leave_private_albums_alone(albums: AlbumStore, album: Album) -> None:
    """They move to the top, with the albums in them."""
    parents = {"shown": album.id}
    for name, access in (("shown", "shared"), ("hidden", "private"), ("inner", "shared")):
        made = albums.create(OF_ANN, name, "", access, list(parents.values())[-1])
        parents[name] = made.id
    albums.delete(album.id, with_private=False)
    with pytest.raises(AlbumNotFound):
        albums.get(parents["shown"])
    assert albums.get(parents["hidden"]).parent is None
    assert albums.get(parents["inner"]).parent == parents["hidden"]


def test_a_link_ends_on_time(albums: AlbumStore, album: Album) -> None:
    """A link ends at its time, when its owner ends it or makes a new one, and with its album."""

    def made(days: float = 1) -> str:
        return albums.new_link(album.id, days, comments=True, settings=False).token

    first, expired = made(), made(-1)
    assert albums.links([album.id]) == {}
    ended, other = made(), albums.create(OF_BOB, "Other", "", "private", None)
    albums.end_link(other.id)
    assert albums.links([album.id, other.id])[album.id].token == ended
    albums.end_link(album.id)
    last = made()
    assert albums.link(last).album == album.id
    albums.delete(album.id)
    for token in (first, expired, ended, last, "", "\0"):
        with pytest.raises(AlbumNotFound):
            albums.link(token)


def test_an_unknown_album_changes_nothing(albums: AlbumStore, album: Album) -> None:
    """Also not for an item of another album."""
    (item,) = add(albums, album, "r1")
    other = albums.create(OF_ANN, "Other", "", "private", None)
    unknown = replace(album, id="none")
    for wrong in (unknown, other):
        with pytest.raises(AlbumNotFound):
            albums.review(wrong.id, item.n, OF_ANN, "keep", 0)
        with pytest.raises(AlbumNotFound):
            albums.comments(wrong.id, item.n)
    albums.remove(other.id, [item.n])
    with pytest.raises(AlbumNotFound):
        albums.change(unknown, {"title": "a"})
    assert numbers(albums, album) == [item.n]
