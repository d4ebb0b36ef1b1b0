"""Links for guests, which administrators can end."""

from __future__ import annotations

import re

import requests

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
    assert "<b>Private album</b><br>Album, for guests<" in page
    assert sign_in(place.app, place.ben, BEN) == 200
    shared = posted(api, title="Open & shared", access="shared").json()["id"]
    posted(f"{api}/{shared}/link", comments=True)
    page = place.anna.get(f"{place.app.url}/operator/tokens", timeout=LONGEST_WAIT).text
    link = f'<a href="albums/{shared}">Open &amp; shared</a>'
    assert f"<b>{link}</b><br>Album, for guests · Reviews and comments<" in page
