"""Albums over HTTP: what their people see of each other's results."""

from __future__ import annotations

import contextlib
import io
import json
import time
import zipfile
from collections.abc import Iterator

import pytest
import requests
from PIL import Image
from sqlalchemy import event

from comfy.records.audit import WantedEvents
from comfy.records.tables import digest
from comfyforms.plugins.albums.store import AlbumStore, Person
from comfyforms.plugins.albums.tests.conftest import Place
from tests.attacks.people import SECRET, a_batch, a_run
from tests.security.signing_in import socket_of
from tests.support.waiting import LONGEST_WAIT, eventually
from ui.web.identity import NEW_BROWSERS


def events(place: Place, who: str, album: str) -> Iterator[dict[str, int]]:
    """Yield the news of an album."""
    with place.ask(who, "GET", f"/{album}/events", stream=True) as stream:
        end = time.monotonic() + LONGEST_WAIT
        for line in stream.iter_lines():  # also of a stream that only says that it is there
            assert time.monotonic() < end
            if line.startswith(b"data: "):
                yield json.loads(line.removeprefix(b"data: "))
                end = time.monotonic() + LONGEST_WAIT


def test_settings_are_shown_only_if_their_owner_shows_them(place: Place) -> None:
    """Without them, others get no prompt, no values, no metadata, and find no word of the prompt,
    also not in file names. A guest sees them only with a link that shows them, too, and can't
    search in prompts."""
    for shown in (True, False):
        album, item = place.album(settings=shown)
        for who, link, sees in (
            ("ann", None, True),
            ("bob", None, shown),
            ("visitor", True, shown),
            ("visitor", False, False),
        ):
            name = album if link is None else place.link(album, settings=link)
            (doc,) = place.told(who, "GET", f"/{name}/items")["items"]
            found = place.told(who, "GET", f"/{name}/items?text=only+ann")["items"]
            file = requests.get(
                place.app.url + doc["address"],
                headers={"Cookie": place.cookies.get(who, "")},
                timeout=LONGEST_WAIT,
            )
            archive = place.ask(who, "GET", f"/{name}/zip?verdict=open")
            with zipfile.ZipFile(io.BytesIO(archive.content)) as opened:
                (entry,) = opened.namelist()
                packed = opened.read(entry)
            assert doc["prompt"] == (SECRET if sees and shown else "")
            assert doc["settings"] == (sees and shown)
            assert bool(found) == (sees and shown and who != "visitor")
            assert (SECRET.encode() in file.content) == (SECRET.encode() in packed) == sees
            assert ("words" in entry) == sees
            clean = place.ask(who, "GET", f"/{name}/zip?verdict=open&settings=false")
            with zipfile.ZipFile(io.BytesIO(clean.content)) as opened:
                (entry,) = opened.namelist()
                assert SECRET.encode() not in opened.read(entry)
            assert "words" not in entry
            assert "words" not in doc["address"]
            assert Image.open(io.BytesIO(file.content)).size == (doc["width"], doc["height"])
            assert doc["mine"] == (who == "ann")
            assert place.runs["ann"] not in str(doc)
        answer = place.ask("bob", "GET", f"/{album}/values?item={item}")
        assert answer.status_code == (200 if shown else 404)
        assert place.ask("ann", "GET", f"/{album}/values?item={item}").ok
        if shown:
            (row,) = answer.json()["items"]
            assert (row["item"], row["workflow"], row["kind"]) == (item, "text-to-image", "image")
            assert row["values"]["2.text"] == SECRET


def test_strangers_see_no_settings_of_other_users(place: Place) -> None:
    """Bob shares his settings with the team. Ann's later links and public access don't show them to
    others."""
    album, own = place.album()
    theirs = place.item("bob", album)
    token = place.link(album, settings=True)
    place.told("ann", "PATCH", f"/{album}", json={"access": "public", "public_settings": True})
    for item in (own, theirs):
        place.told("ann", "PUT", f"/{album}/items/{item}/review", json={"verdict": "keep"})
    for name in (album, token):
        items = place.told("visitor", "GET", f"/{name}/items")["items"]
        assert {one["id"]: bool(one["prompt"]) for one in items} == {own: True, theirs: False}
    items = place.told("bob", "GET", f"/{album}/items")["items"]
    assert all(one["prompt"] for one in items)


def test_the_public_sees_only_kept_results(place: Place) -> None:
    """No route shows a visitor another result, a vote, a name, a comment or an earlier round, and a
    prompt only after its owner asked for that in this public access. Guests of a link see them."""
    album, kept = place.album("public")
    other = place.item("bob", album)
    new = {"runs": [a_run(place.app, place.cookies["bob"])]}
    dropped = place.told("bob", "POST", f"/{album}/items", json=new)["items"][0]["id"]

    def vote(who: str, item: str, verdict: str) -> None:
        said = {"verdict": verdict, "stars": 4}
        place.told(who, "PUT", f"/{album}/items/{item}/review", json=said)

    for who, item, verdict in (("bob", kept, "keep"), ("olga", other, "keep")):
        vote(who, item, verdict)
        place.told("bob", "POST", f"/{album}/items/{item}/comments", json={"text": "purple"})
    assert place.ask("ann", "POST", f"/{album}/rounds").ok
    vote("bob", kept, "keep")
    vote("olga", other, "reject")
    for query in ("", "?verdict=dropped", "?verdict=reject", "?since=0", "?sort=votes"):
        page = place.told("visitor", "GET", f"/{album}/items{query}")
        assert [one["id"] for one in page["items"]] == [kept], query
        (doc,) = page["items"]
        assert {doc[name] for name in ("keeps", "rejects", "comments", "stars", "dropped")} == {0}
        assert (doc["reviews"], doc["prompt"], doc["by"], doc["settings"]) == ([], "", "", False)
        zero = {**dict.fromkeys(page["counts"], 0), "keep": 1, "round": 1}
        assert page["counts"] == zero
    for word in ("bob", "purple", "lighthouse"):
        assert place.told("visitor", "GET", f"/{album}/items?text={word}")["total"] == 0, word
    shown = place.told("visitor", "GET", f"/{album}")
    assert (shown["items"], shown["by"], shown["may"]) == (1, "", ["look"])
    assert shown["covers"] == [f"/api/v1/albums/{album}/items/{kept}/thumb"]
    assert next(events(place, "visitor", album))["items"] == 1
    file = place.ask("visitor", "GET", f"/{album}/items/{kept}/file/a.png")
    assert SECRET.encode() not in file.content
    for hidden in (other, dropped):
        for path in ("thumb", "file/a.png", "comments"):
            answer = place.ask("visitor", "GET", f"/{album}/items/{hidden}/{path}")
            assert answer.status_code == (403 if path == "comments" else 404), path
        for path in ("zip", "sheet"):
            assert place.ask("visitor", "GET", f"/{album}/{path}?item={hidden}").status_code == 404
    for query in ("", "?verdict=", f"?item={kept}&item={other}"):
        archive = place.ask("visitor", "GET", f"/{album}/zip{query}").content
        with zipfile.ZipFile(io.BytesIO(archive)) as opened:
            assert len(opened.namelist()) == 1
    link = place.link(album)
    assert place.told("visitor", "GET", f"/{link}/items")["total"] == 2
    assert place.told("visitor", "GET", f"/{link}/items/{kept}/comments")["comments"]

    def prompt() -> str:
        return str(place.told("visitor", "GET", f"/{album}/items")["items"][0]["prompt"])

    place.told("ann", "PATCH", f"/{album}", json={"public_settings": True})
    assert prompt() == SECRET
    for access in ("shared", "public"):
        place.told("ann", "PATCH", f"/{album}", json={"access": access})
    assert prompt() == ""


def test_another_persons_action_shows_soon(place: Place) -> None:
    """The news of an album tells its version, and a page asks for the results changed since then. A
    result that its owner deletes vanishes as fast. The news end with the access."""
    album, item = place.album()
    guest = place.link(album, comments=True)
    news = {who: events(place, who, name) for who, name in (("ann", album), ("visitor", guest))}
    versions = {who: next(one)["version"] for who, one in news.items()}
    place.told("bob", "PUT", f"/{album}/items/{item}/review", json={"verdict": "keep", "stars": 4})
    for who, stream in news.items():
        assert next(stream)["version"] > versions[who]
    (doc,) = place.told("ann", "GET", f"/{album}/items?since={versions['ann']}")["items"]
    assert doc["reviews"] == [{"by": "bob", "mine": False, "verdict": "keep", "stars": 4}]
    assert place.told("ann", "GET", f"/{album}")["kept"] == 1
    run = a_run(place.app, place.cookies["ann"])
    new = {"runs": [run]}
    place.told("ann", "POST", f"/{album}/items", json=new)
    assert next(news["ann"])["items"] == 2
    place.app.runs.history.unlist([run], "user:ann")  # type: ignore[union-attr]
    assert next(news["ann"])["items"] == 1
    place.ask("ann", "DELETE", f"/{album}/link")
    assert {} in news["visitor"]


def test_streams_of_visitors_take_no_place_of_users(place: Place) -> None:
    """Visitors of one address follow an album in ten streams at most, and users' calls keep all
    their places."""
    (album, _), rooms = place.album("public"), place.app.services.rooms
    with contextlib.ExitStack() as held:
        got = []
        for _ in range(11):
            stream = place.ask("visitor", "GET", f"/{album}/events", stream=True)
            held.callback(stream.close)
            got.append(stream.status_code)
        assert got == [200] * 10 + [503]
        assert (rooms.visitors.taken, rooms.calls.taken) == (10, 0)
        with place.ask("ann", "GET", f"/{album}/events", stream=True) as stream:
            assert stream.status_code == 200
    eventually(lambda: not (rooms.visitors.taken or rooms.calls.taken))


def test_an_address_has_a_limited_number_of_new_guests(place: Place) -> None:
    """A guest without a cookie may look, nevertheless. Other addresses get their cookies."""
    token = place.link(place.album()[0])

    def is_welcome(address: str) -> bool:
        headers = {"X-Forwarded-For": address}
        answer = place.ask("visitor", "GET", f"/{token}", headers=headers)
        assert answer.ok
        return "set-cookie" in answer.headers

    given = sum(is_welcome("9.9.9.9") for _ in range(NEW_BROWSERS + 20))
    assert NEW_BROWSERS <= given < NEW_BROWSERS + 20
    assert is_welcome("8.8.8.8")


def test_a_guest_is_a_browser_with_a_name(place: Place) -> None:
    """Two guests of the same name have reviews of their own, and none passes as a user. A browser
    votes once, under any name. Without a cookie or a name, a guest can't."""
    album, item = place.album()
    token = place.link(album, comments=True)
    review, comments = f"/{token}/items/{item}/review", f"/{token}/items/{item}/comments"
    gus, other = place.guest(token, "gus"), place.guest(token, "other")
    keep, reject = {"verdict": "keep"}, {"verdict": "reject"}
    assert place.ask("visitor", "PUT", f"{review}?guest=Gus", json=keep).status_code == 409
    assert place.ask(gus, "PUT", review, json=keep).status_code == 422
    sheet = f"/{token}/sheet?item={item}"
    unvoted = place.ask(gus, "GET", sheet).content
    place.told(other, "PUT", f"{review}?guest=bob", json=keep)
    assert place.ask(gus, "GET", sheet).content == unvoted
    assert place.ask(other, "GET", sheet).content != unvoted
    undecided = place.told(gus, "GET", f"/{token}/items?guest=bob")["items"][0]
    assert (undecided["reviews"], undecided["keeps"]) == ([], 0)  # before an own vote
    other_item = place.item("bob", album)
    for query in ("verdict=keep", "verdict=reject", "verdict=open", "sort=votes", "sort=stars"):
        page = place.told(gus, "GET", f"/{token}/items?{query}")
        assert [one["id"] for one in page["items"]] == [other_item, item], query
        assert (page["total"], page["counts"]["keep"], page["counts"]["open"]) == (2, 0, 2)
        archive = place.ask(gus, "GET", f"/{token}/zip?{query}").content
        with zipfile.ZipFile(io.BytesIO(archive)) as opened:
            assert len(opened.namelist()) == 2, query
    assert place.told(gus, "GET", f"/{token}")["kept"] == 0
    page = place.told(other, "GET", f"/{token}/items?verdict=keep")
    assert ([one["id"] for one in page["items"]], page["counts"]["keep"]) == ([item], 1)
    assert place.ask("bob", "DELETE", f"/{album}/items?item={other_item}").ok
    for name in ("Gus", "bob"):
        told = place.told(gus, "PUT", f"{review}?guest={name}", json=reject)
    shown = [(one["by"], one["mine"], one["verdict"]) for one in told["reviews"]]
    both = [("bob (guest)", True, "reject"), ("bob (guest)", False, "keep")]
    assert sorted(shown) == sorted(both)
    assert (told["verdict"], told["keeps"], told["rejects"]) == ("reject", 1, 1)
    made = place.told(gus, "POST", f"{comments}?guest=Gus", json={"text": "a", "x": 0, "y": 1})
    assert (made["by"], made["x"], made["y"], made["may_delete"]) == ("Gus (guest)", 0, 1, True)
    refused = place.ask(other, "DELETE", f"{comments}/{made['id']}?guest=Gus")
    assert refused.status_code == 404
    (seen,) = place.told("bob", "GET", f"/{album}/items/{item}/comments")["comments"]
    assert (seen["mine"], seen["may_delete"]) == (False, False)
    assert place.ask("ann", "DELETE", f"/{album}/items/{item}/comments/{made['id']}").ok


def test_many_guests_of_an_address_are_limited_and_told(place: Place) -> None:
    """A result takes 50 reviews of them. The album's owner sees how many guests vote there, and who
    only commented, too."""
    album, item = place.album()
    token = place.link(album, comments=True)
    path = f"/{token}/items/{item}"
    dora = place.guest(token, "dora")
    place.told(dora, "POST", f"{path}/comments?guest=Dora", json={"text": "Nice"})
    assert place.told("ann", "GET", f"/{album}")["crowd"] is None
    for number in range(51):
        guest = place.guest(token)
        answer = place.ask(guest, "PUT", f"{path}/review?guest=Maria", json={"verdict": "reject"})
        assert answer.status_code == (200 if number < 50 else 409), number
    told = place.told("ann", "GET", f"/{album}")
    assert told["crowd"] == {"people": 50, "votes": 50}
    assert place.told("olga", "GET", f"/{album}")["crowd"] is None


def test_the_header_counts_results_to_review_and_new_comments(place: Place) -> None:
    """A form's news have the number, and other pages from the start. An owner's look at the album
    makes its comments old, and a filter finds them. The summary names who only commented."""
    album, item = place.album()
    token = place.link(album, comments=True)

    def count(who: str) -> int:
        browser = requests.Session()
        for one in place.cookies[who].split("; "):
            browser.cookies.set(*one.split("=", 1))
        with socket_of(place.app, browser) as news:
            while not (counts := json.loads(news.recv()).get("counts")):
                pass  # the first news come before the counts
        number = int(counts["/albums"])
        shown = f'Albums<b class="digits">{number}</b></a>' if number else "Albums</a>"
        for path in ("albums", f"albums/{album}", "account"):
            page = browser.get(f"{place.app.url}/{path}", timeout=LONGEST_WAIT).text
            assert shown in page, path
        return number

    before, of_bob = count("ann"), count("bob")
    dora = place.guest(token, "dora")
    comments = f"/{token}/items/{item}/comments?guest=Dora"
    place.told(dora, "POST", comments, json={"text": "Nice"})
    place.told("ann", "POST", f"/{album}/items/{item}/comments", json={"text": "Thanks"})
    assert count("ann") == before + 1
    assert count("bob") == of_bob
    (listed,) = [
        one for one in place.told("ann", "GET", "?limit=200")["albums"] if one["id"] == album
    ]
    assert listed["new_comments"] == 1
    told = place.told("ann", "GET", f"/{album}")
    people = [(one["by"], one["reviewed"], one["comments"]) for one in told["reviewers"]]
    assert people == [("Dora (guest)", 0, 1), ("ann", 0, 1)]
    assert place.told("ann", "GET", f"/{album}")["new_comments"] == 0
    place.told("ann", "PUT", f"/{album}/items/{item}/review", json={"verdict": "keep"})
    assert count("ann") == before - 1
    place.item("bob", album)
    page = place.told("ann", "GET", f"/{album}/items?verdict=commented")
    assert ([one["id"] for one in page["items"]], page["counts"]["commented"]) == ([item], 1)


def test_old_guests_keep_their_reviews(place: Place) -> None:
    """A guest was a link and a name. The first page that brings this name, without a cookie, gets
    what it said. A guest who types the name later doesn't."""
    album, item = place.album()
    token = place.link(album, comments=True)
    store = AlbumStore(place.app.runs.history.engine, lambda _: None)  # type: ignore[union-attr]
    key = f"guest:{digest(f'{token}:Maria')[:-6]}"
    store.review(album, int(item), Person(key, "Maria (guest)"), "keep", 0)
    path = f"/{token}/items?guest=Maria"
    later = place.guest(token, "later")
    assert place.told(later, "GET", path)["items"][0]["verdict"] == ""
    maria = place.guest(token, "maria", name="Maria")
    assert place.told(maria, "GET", path)["items"][0]["verdict"] == "keep"
    again = place.guest(token, "again", name="Maria")
    assert place.told(again, "GET", path)["items"][0]["verdict"] == ""


def test_each_person_sees_what_they_have_not_decided(place: Place) -> None:
    """Stars are no decision. A guest has a list of their own, and learns when it ends. Users see
    where people disagree."""
    album, item = place.album()
    other = place.item("bob", album)
    guest = place.link(album, comments=True)
    review = f"/{album}/items/{item}/review"
    place.told("bob", "PUT", review, json={"verdict": "keep"})
    place.told("bob", "PUT", f"/{album}/items/{other}/review", json={"stars": 4})
    place.told("ann", "PUT", review, json={"verdict": "reject"})
    for who, name, left in (
        ("bob", album, {other}),
        ("ann", album, {other}),
        ("olga", album, {item, other}),
        (place.guest(guest), guest, {item, other}),
    ):
        told = place.told(who, "GET", f"/{name}/items?guest=Gus&verdict=unreviewed")
        assert {one["id"] for one in told["items"]} == left, who
        disputed = int(name != guest)  # guests learn it after an own vote
        counts = told["counts"]
        assert (counts["unreviewed"], counts["disagreed"]) == (len(left), disputed), who
    (disagreed,) = place.told("olga", "GET", f"/{album}/items?verdict=disagreed")["items"]
    assert [(one["by"], one["verdict"]) for one in disagreed["reviews"]] == [
        ("ann", "reject"),
        ("bob", "keep"),
    ]
    assert place.ask("bob", "GET", f"/{album}/zip?verdict=unreviewed").ok
    assert place.told("visitor", "GET", f"/{guest}")["ends_at"] > time.time()
    assert place.told("ann", "GET", f"/{album}")["ends_at"] is None


def test_a_batch_and_whole_runs_come_with_all_their_results(place: Place) -> None:
    """Adding them again adds nothing. The contact sheet and the ZIP have the kept ones."""
    batch = a_batch(place.app, place.cookies["bob"])
    album, item = place.album()
    new = {"batch": batch, "runs": [place.runs["bob"]], "settings": True}
    for _ in range(2):
        assert len(place.told("bob", "POST", f"/{album}/items", json=new)["items"]) == 3
    told = place.told("ann", "GET", f"/{album}/items?limit=2&cursor=")
    assert (told["total"], told["next"], len(told["items"])) == (4, told["items"][-1]["id"], 2)
    rest = place.told("ann", "GET", f"/{album}/items?cursor={told['next']}&limit=2")
    assert ([one["id"] for one in rest["items"]][-1], rest["next"]) == (item, None)
    by_bob = place.told("ann", "GET", f"/{album}/items?text=bob")
    assert len(by_bob["items"]) == 3
    assert place.ask("ann", "GET", f"/{album}/zip").status_code == 404
    assert place.ask("ann", "GET", f"/{album}/sheet").status_code == 404
    for one in by_bob["items"][:2]:
        review = {"verdict": "keep", "stars": 4}
        place.told("ann", "PUT", f"/{album}/items/{one['id']}/review", json=review)
    numbers = [one["number"] for one in by_bob["items"]]
    chosen = f"?item={by_bob['items'][2]['id']}&item={item}"
    for query, wanted in (("", numbers[:2]), (chosen, [numbers[2], 1])):
        archive = place.ask("bob", "GET", f"/{album}/zip{query}")
        with zipfile.ZipFile(io.BytesIO(archive.content)) as opened:
            assert [int(name[:3]) for name in opened.namelist()] == wanted
        sheet = place.ask("bob", "GET", f"/{album}/sheet{query}")
        image = Image.open(io.BytesIO(sheet.content))
        assert (image.format, image.width // 100) == ("PNG", 20)
    rows = place.told("ann", "GET", f"/{album}/values?item={item}&item={by_bob['items'][0]['id']}")
    assert len(rows["items"]) == 2


def test_own_albums_come_first_page_by_page(place: Place) -> None:
    """Other people's albums follow, by title. Notes come only with a single album."""
    fields = {"access": "shared", "note": "n" * 5_000}
    made = [
        place.told(who, "POST", "", json={"title": title, **fields})["id"]
        for who, title in (("ann", "0"), ("bob", "z"), ("bob", "y"))
    ]
    every = place.told("bob", "GET", "?limit=200")
    ids = [one["id"] for one in every["albums"]]
    mine = [one["mine"] for one in every["albums"]]
    assert mine == sorted(mine, reverse=True)
    assert ids.index(made[2]) < ids.index(made[1]) < ids.index(made[0])
    assert {one["note"] for one in every["albums"]} == {""}
    assert place.told("bob", "GET", f"/{made[0]}")["note"] == fields["note"]
    pages, cursor = [], ""
    while cursor is not None:
        page = place.told("bob", "GET", f"?limit=2&cursor={cursor}")
        assert 0 < len(page["albums"]) <= 2
        pages += [one["id"] for one in page["albums"]]
        cursor = page["next"]
    assert (pages, every["next"]) == (ids, None)
    assert place.ask("bob", "GET", "?cursor=unknown").status_code == 422
    for who, album in zip(("ann", "bob", "bob"), made, strict=True):
        place.ask(who, "DELETE", f"/{album}")


def test_the_audit_log_names_them(place: Place) -> None:
    """It has sharing, downloads, reviews, links and removals, but nothing in a private album. Guests
    have the name they give."""
    history = place.app.runs.history
    private, item = place.album("private")
    place.ask("ann", "DELETE", f"/{private}/items?item={item}")
    album, item = place.album()
    place.told("ann", "PATCH", f"/{album}", json={"title": "Posters"})
    guest = place.link(album)
    began = time.time()
    place.ask("visitor", "GET", f"/{guest}/zip?verdict=")
    dora = place.link(album, comments=True)
    address = f"/{dora}/items/{item}/comments?guest=Dora%0A(client)%1B"
    place.told(place.guest(dora), "POST", address, json={"text": "Nice"})
    assert place.ask("bob", "GET", f"/{album}/items/{item}/file/a.png").ok
    assert place.ask("bob", "GET", f"/{album}/items/{item}/file/a.png").ok
    place.ask("ann", "DELETE", f"/{album}/link")
    place.ask("olga", "DELETE", f"/{album}/items?item={item}")
    place.ask("olga", "DELETE", f"/{album}")
    events = list(history.audit.of(WantedEvents(began)))
    assert [(one.account, one.action, one.what) for one in events] == [
        ("user:olga", "delete", "Album “Posters”"),
        ("user:olga", "delete", "Results in the album “Posters”"),
        ("user:ann", "delete", "Link to the album “Posters”"),
        ("user:bob", "download", "Results in the album “Posters”: Text-to-image.png"),
        ("guest:Dora (client) (guest)", "review", "Comment in the album “Posters”"),
        ("user:ann", "share", "Link to the album “Posters”"),
        ("", "download", "Results in the album “Posters”"),
    ]
    assert guest not in str(events)
    assert [one.count for one in events] == [1, 1, 1, 2, 1, 1, 1]


def test_the_audit_log_names_changes_of_access(place: Place) -> None:
    """It says when an album opens to the team or to everyone, and when that ends."""
    began = time.time()
    album, _ = place.album("private")
    for access in ("shared", "public", "public", "private"):
        place.told("ann", "PATCH", f"/{album}", json={"access": access})
    place.album("public")
    events = place.app.runs.history.audit.of(WantedEvents(began, oldest_first=True))
    public, team = "Public access to the album “A”", "Team access to the album “A”"
    changes = [("share", team), ("share", public), ("delete", public), ("share", public)]
    assert [(one.action, one.what) for one in events if "access" in one.what] == changes


def test_a_title_is_one_line(place: Place) -> None:
    """Control characters become spaces."""
    made = place.told("ann", "POST", "", json={"title": " A\nB\x00\x1b[2J\u202e C "})
    assert made["title"] == "A B [2J C"
    for title in ("\n\x00", "a" * 201, None):
        assert place.ask("ann", "POST", "", json={"title": title}).status_code == 422


def test_a_page_that_was_cut_has_a_link_to_itself(place: Place) -> None:
    """It comes before the script, which shows the album in its place."""
    path = f"albums/guest/{place.link(place.album()[0])}"
    page = requests.get(f"{place.app.url}/{path}", timeout=LONGEST_WAIT).text
    assert f'<a href="{path}">Reload this page</a>' in page.partition('<script type="module"')[0]


@pytest.mark.parametrize("access", ["shared", "private"])
def test_users_come_by_a_guests_link_as_themselves(place: Place, access: str) -> None:
    """They are guests in a private album. The album's owner sees what guests see."""
    album, _ = place.album(access)
    address = f"{place.app.url}/albums/guest/{place.link(album)}"
    for who in ("ann", "bob", "olga", "visitor"):
        headers = {"Cookie": place.cookies.get(who, "")}
        answer = requests.get(address, headers=headers, allow_redirects=False, timeout=LONGEST_WAIT)
        is_led = access == "shared" and who in ("bob", "olga")
        leads = f"{place.app.url}/albums/{album}" if is_led else None
        assert answer.headers.get("location") == leads, who


def test_a_run_is_read_once_for_all_its_named_results(place: Place) -> None:
    """Reading parses the whole record, which may be large."""
    album, _ = place.album(settings=True)
    run = place.runs["ann"]
    for key, one in {"results": {"run": run, "file": 0}, "runs": run}.items():
        counts = [
            min(statements_of(place, album, {key: [one] * times}) for _ in range(3))
            for times in (1, 100)
        ]
        assert counts[0] == counts[1]


def statements_of(place: Place, album: str, new: dict[str, object]) -> int:
    """Add results to an album and return how often runs are read meanwhile, by this or another
    thread."""
    engine, read = place.app.runs.history.engine, list[str]()

    def note(*about: object) -> None:
        read.extend(one for one in about if isinstance(one, str) and "FROM runs" in one)

    event.listen(engine, "before_cursor_execute", note)
    try:
        place.told("ann", "POST", f"/{album}/items", json=new | {"settings": True})
    finally:
        event.remove(engine, "before_cursor_execute", note)
    return len(read)
