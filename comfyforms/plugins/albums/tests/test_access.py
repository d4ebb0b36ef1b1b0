"""Access to albums: every route for every kind of caller and every kind of album."""

from __future__ import annotations

import pytest
import requests

from comfyforms.plugins.albums.access import Right, rights_of
from comfyforms.plugins.albums.tests.conftest import UNKNOWN, Place
from tests.support.waiting import LONGEST_WAIT

# Callers: the owner, an administrator, a member, a visitor who isn't signed in, and guests whose
# link only lets them look, or also review and see settings.
PEOPLE = ("ann", "olga", "bob", "visitor", "looks", "reviews")
# Statuses for these callers.
ROUTES: dict[str, tuple[int, ...]] = {
    "GET ": (200, 200, 200, 404, 200, 200),
    "GET /items": (200, 200, 200, 404, 200, 200),
    "GET /items/ITEM/comments": (200, 200, 200, 404, 200, 200),
    "GET /items/ITEM/thumb": (200, 200, 200, 404, 200, 200),
    "GET /items/ITEM/file/a.png": (200, 200, 200, 404, 200, 200),
    "GET /zip?verdict=": (200, 200, 200, 404, 200, 200),
    "GET /sheet?verdict=": (200, 200, 200, 404, 200, 200),
    "GET /events": (200, 200, 200, 404, 200, 200),
    "PUT /items/ITEM/review": (200, 200, 200, 404, 403, 200),
    "POST /items/ITEM/comments": (201, 201, 201, 404, 403, 201),
    "DELETE /items/ITEM/comments/1": (404, 404, 404, 404, 404, 404),
    "GET /values?item=ITEM": (200, 200, 200, 401, 401, 401),
    "POST /items": (404, 404, 404, 401, 401, 401),  # they name a run that doesn't exist
    "POST /link": (201, 403, 403, 401, 401, 401),
    "DELETE /link": (204, 403, 403, 401, 401, 401),
    "PATCH ": (200, 403, 403, 401, 401, 401),
    "DELETE /items?item=ITEM": (204, 204, 404, 401, 401, 401),
    "DELETE ": (204, 204, 403, 401, 401, 401),
}
BODIES = {
    "POST /items/ITEM/comments": {"text": "a"},
    "POST /items": {"runs": [UNKNOWN]},
    "POST /link": {},
    "PUT /items/ITEM/review": {"verdict": "keep"},
    "PATCH ": {"note": "b"},
}


def status(place: Place, who: str, route: str, album: str, item: str, guest: str = "") -> int:
    method, _, path = route.partition(" ")
    filled = f"/{album}{path}".replace("ITEM", item)
    if guest:
        filled += f"{'&' if '?' in filled else '?'}guest={guest}"
    with place.ask(who, method, filled, json=BODIES.get(route), stream=True) as answer:
        return answer.status_code


def test_each_route_answers_as_the_table_says(place: Place) -> None:
    """The owner, an administrator, a member, a visitor and two guests use a shared album."""
    wrong = []
    album, item = place.album()
    for guest in PEOPLE[-2:]:
        place.guest(place.link(album), guest)
    for route, expected in ROUTES.items():
        got = []
        for who in PEOPLE:
            if route.startswith("DELETE") and (got or who == "ann"):
                album, item = place.album()
            token = {"looks": {}, "reviews": {"comments": True, "settings": True}}.get(who)
            name = album if token is None else place.link(album, **token)
            got.append(status(place, who, route, name, item, "Gus" if token is not None else ""))
        if tuple(got) != expected:
            wrong.append(f"{route}: {got}, expected {expected}")
    assert not wrong, "\n".join(wrong)


def test_a_private_album_is_as_unknown_as_none(place: Place) -> None:
    """Everybody but its owner gets the same answers as for an album that never existed. A public
    album shows itself to visitors, who can't change anything."""
    private, item = place.album("private")
    for route in ROUTES:
        for who in ("olga", "bob", "visitor"):
            own = status(place, who, route, private, item)
            assert own == status(place, who, route, UNKNOWN, item), (who, route)
            assert own in (404, 401)
    public, item = place.album("public")
    place.told("ann", "PUT", f"/{public}/items/{item}/review", json={"verdict": "keep"})
    for route in ROUTES:
        expected = 404 if route.startswith("DELETE") else 200
        expected = 403 if "comments" in route or route.startswith("PUT") else expected
        expected = 404 if route == "DELETE /items/ITEM/comments/1" else expected
        got = status(place, "visitor", route, public, item)
        assert got in (expected, 401), route
        assert (got == 401) == (status(place, "visitor", route, UNKNOWN, item) == 401)
    listed = {who: place.told(who, "GET", "")["albums"] for who in ("bob", "visitor")}
    assert public in [one["id"] for one in listed["visitor"]]
    assert {one["access"] for one in listed["visitor"]} == {"public"}
    assert private not in [one["id"] for one in listed["bob"]]


@pytest.mark.parametrize("access", ["private", "shared", "public"])
def test_rights_grow_with_the_relation(access: str) -> None:
    """The owner has all rights, and only owners have any in private albums."""
    visitor, member, administrator, owner = (
        rights_of(relation, access)  # type: ignore[arg-type]
        for relation in ("visitor", "member", "administrator", "owner")
    )
    assert visitor <= member <= administrator < owner == frozenset(Right)
    assert bool(administrator) == (access != "private")
    assert bool(visitor) == (access == "public")


def test_others_results_are_not_theirs_to_share_or_take_back(place: Place) -> None:
    """A user adds only their own results. A member removes only theirs; the album's owner and
    administrators remove any."""
    album, item = place.album()
    own = place.item("bob", album)
    for who in ("bob", "olga", "ann"):
        new = {"results": [{"run": place.runs["ann"], "file": 0}]}
        allowed = who == "ann"
        assert place.ask(who, "POST", f"/{album}/items", json=new).ok == allowed
    new = {"results": [{"run": place.runs["bob"], "file": 99}]}
    assert place.ask("bob", "POST", f"/{album}/items", json=new).status_code == 404
    path = f"/{album}/items?item={item}&item={own}"
    assert place.ask("bob", "DELETE", path).status_code == 404
    assert place.ask("bob", "DELETE", f"/{album}/items?item={own}").status_code == 204
    own = place.item("bob", album)
    assert place.ask("ann", "DELETE", f"/{album}/items?item={own}").status_code == 204
    assert place.ask("olga", "DELETE", f"/{album}/items?item={item}").status_code == 204
    assert place.told("ann", "GET", f"/{album}/items")["items"] == []


def test_a_guest_reaches_nothing_else(place: Place) -> None:
    """A link opens its album, not the list of albums, other albums, runs, or the app. A browser
    asks whether it may still show a file that it has."""
    album, item = place.album("private")
    other, _ = place.album("private")
    token = place.link(album, comments=True, settings=True)
    assert place.told("visitor", "GET", f"/{token}")["may"] == [
        "look",
        "opinions",
        "review",
        "settings",
    ]
    assert album not in [one["id"] for one in place.told("visitor", "GET", "")["albums"]]
    for one in (album, other, token[:-1], token + "x"):
        assert place.ask("visitor", "GET", f"/{one}").status_code == 404
    for path in ("/runs", "/workflows", f"/runs/{place.runs['ann']}"):
        answer = place.ask("visitor", "GET", f"/../{path}?token={token}")
        assert answer.status_code == 401
    files = [f"/{token}/items/{item}/{part}" for part in ("thumb", "file/a.png")]
    answers = [place.ask("visitor", "GET", one) for one in files]
    assert [one.headers["cache-control"] for one in answers] == ["private, no-cache"] * 2

    def again() -> list[int]:
        tags = [{"If-None-Match": one.headers["etag"]} for one in answers]
        pairs = zip(files, tags, strict=True)
        return [place.ask("visitor", "GET", one, headers=tag).status_code for one, tag in pairs]

    assert again() == [304, 304]
    assert place.ask("ann", "DELETE", f"/{album}/link").status_code == 204
    assert again() == [404, 404]
    assert place.ask("visitor", "GET", f"/{token}").status_code == 404


def test_only_owners_move_results_of_others_and_begin_rounds(place: Place) -> None:
    """A result moves where its owner may add it, and a copy of it, too. Others move it only between
    albums of their own, not out of its owner's sight, and a guest moves nothing."""
    (album, own), (other, _) = place.album(), place.album()
    theirs, hidden = place.item("bob", album), place.album("private")[0]
    token = place.link(album, comments=True)

    def moved(who: str, item: str, to: str, name: str = album, *, copies: bool = False) -> int:
        path, new = f"/{name}/items?item={item}", {"album": to, "copies": copies}
        return place.ask(who, "PATCH", path, json=new).status_code

    for copies in (True, False):
        assert moved("bob", own, other, copies=copies) == 403
        assert moved("ann", theirs, hidden, copies=copies) == 403
        assert moved("olga", own, other, copies=copies) == 403
        assert moved("visitor", own, other, token, copies=copies) == 401
        assert moved("bob", theirs, hidden, copies=copies) == 404
        assert moved("ann", "999999", other, copies=copies) == 404
    final = str(place.told("ann", "POST", "", json={"title": "Final"})["id"])
    assert moved("ann", own, final, copies=True) == 204
    assert len(place.told("ann", "GET", f"/{final}/items")["items"]) == 1
    assert moved("ann", theirs, other) == moved("bob", theirs, album, other) == 204
    assert len(place.told("ann", "GET", f"/{album}/items")["items"]) == 2
    for who, verdict in (("ann", "reject"), ("bob", "keep")):
        place.told(who, "PUT", f"/{album}/items/{own}/review", json={"verdict": verdict})
    assert place.ask("ann", "POST", f"/{album}/rounds").status_code == 409
    for who, status in (("bob", 403), ("visitor", 401), ("olga", 204), ("ann", 409)):
        answer = place.ask(who, "POST", f"/{album}/rounds?disagreed=true")
        assert answer.status_code == status


def test_the_page_shows_the_administrators_notice(place: Place) -> None:
    """Signed-in users see it, guests don't."""
    assert place.ask("olga", "POST", "/../admin/notice", json={"text": "GPU 2 is down."}).ok
    for who, is_told in (("ann", True), ("visitor", False)):
        headers = {"Cookie": place.cookies.get(who, "")}
        page = requests.get(f"{place.app.url}/albums", headers=headers, timeout=LONGEST_WAIT)
        assert ("GPU 2 is down." in page.text) == is_told
    assert place.ask("olga", "DELETE", "/../admin/notice").ok


def test_a_guest_with_an_account_can_sign_in(place: Place) -> None:
    """Signed in, a member comes as a member. Someone whom the album isn't shared with stays a guest
    and isn't asked again."""
    for access, leads in (("shared", True), ("private", False)):
        album, _ = place.album(access)
        address = f"{place.app.url}/albums/guest/{place.link(album, comments=True)}"
        guest = requests.get(address, timeout=LONGEST_WAIT)
        assert 'data-guest="?sign-in"' in guest.text
        assert 'type="password"' in requests.get(f"{address}?sign-in", timeout=LONGEST_WAIT).text
        cookie = {"Cookie": place.cookies["bob"]}
        came = requests.get(f"{address}?sign-in", headers=cookie, timeout=LONGEST_WAIT)
        assert came.url.endswith(f"/albums/{album}") == leads
        assert ('data-guest=""' in came.text) != leads
