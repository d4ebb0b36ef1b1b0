"""Links for guests and public albums, which administrators can end."""

from __future__ import annotations

import re

import requests

from comfy.records.audit import WantedEvents
from tests.support.waiting import LONGEST_WAIT
from tests.ui.operator.test_people import BEN, Place, check_links, place, sign_in

__all__ = ["place"]


def test_a_guests_link_ends_with_its_owner(place: Place) -> None:
    """A removed person's links show nothing, also to a private album. Administrators see when they
    end and what they allow, but of a private album not what they show."""
    api = f"{place.app.url}/api/v1/albums"

    def posted(address: str, **body: object) -> requests.Response:
        answer = place.ben.post(address, json=body, timeout=LONGEST_WAIT)
        assert answer.ok, answer.text
        return answer

    album = posted(api, title="Private").json()["id"]
    page = check_links(
        place, lambda: f"{api}/{posted(f'{api}/{album}/link').json()['token']}", "album"
    )
    assert re.search(r'"Until"[^>]*>\w+ \d+, \d{4}, \d+:\d\d.[AP]M<', page)
    assert "Private<" not in page
    assert "<b>Private album</b><small>Album, for guests<" in page
    assert '"Who can open it">Anyone with the link<' in page
    assert sign_in(place.app, place.ben, BEN) == 200
    shared = posted(api, title="Open & shared", access="shared").json()["id"]
    posted(f"{api}/{shared}/link", comments=True)
    page = place.anna.get(f"{place.app.url}/operator/tokens", timeout=LONGEST_WAIT).text
    link = f'<a href="albums/{shared}">Open &amp; shared</a>'
    assert f"<b>{link}</b><small>Album, for guests · Reviews and comments<" in page


def test_public_access_ends_with_the_albums_owner(place: Place) -> None:
    """Administrators see public albums and leave them to users. A removed owner's albums are only
    for users, for good after the removal on the page."""
    api, tokens = f"{place.app.url}/api/v1/albums", f"{place.app.url}/operator/tokens"
    links = f"{place.app.url}/api/v1/admin/links"
    body = {"title": "Open to all", "access": "public"}
    album = place.ben.post(api, json=body, timeout=LONGEST_WAIT).json()["id"]

    def visitor_sees() -> bool:
        """Return whether a visitor sees the album, and check that Anna does."""
        assert place.anna.get(f"{api}/{album}", timeout=LONGEST_WAIT).ok
        listed = album in requests.get(api, timeout=LONGEST_WAIT).text
        assert requests.get(f"{api}/{album}", timeout=LONGEST_WAIT).ok == listed
        return listed

    def rows() -> list[dict[str, object]]:
        return list(place.anna.get(links, timeout=LONGEST_WAIT).json()["links"])

    (row,) = rows()
    assert (row["kind"], row["owner"], row["needs_sign_in"]) == ("public_album", "ben", False)
    page = place.anna.get(tokens, timeout=LONGEST_WAIT).text
    assert f'<b><a href="albums/{album}">Open to all</a></b><small>Public album<' in page
    assert "End public access to this album of ben?" in page
    assert visitor_sees()
    place.anna.post(f"{tokens}/links/{row['id']}/end", timeout=LONGEST_WAIT)
    assert (visitor_sees(), rows()) == (False, [])
    (event, *_) = place.app.runs.history.audit.of(WantedEvents(action="administer"))
    assert event.what == "anna ended public access to an album of ben."
    assert place.ben.patch(f"{api}/{album}", json=body, timeout=LONGEST_WAIT).ok
    place.file.remove("ben")
    assert (visitor_sees(), rows()) == (False, [])
    place.file.add(*BEN, "user")
    assert visitor_sees()
    place.anna.post(f"{place.app.url}/operator/people/ben/remove", timeout=LONGEST_WAIT)
    place.file.add(*BEN, "user")
    assert (visitor_sees(), rows()) == (False, [])
