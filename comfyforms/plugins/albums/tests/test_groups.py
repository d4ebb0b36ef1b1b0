"""Albums of users whose groups see different workflows."""

from __future__ import annotations

from tests.security.test_groups_apart import Sessions, a_run, asked, sessions
from tests.support.waiting import LONGEST_WAIT

__all__ = ["sessions"]


def test_an_album_keeps_a_groups_workflow(sessions: Sessions) -> None:
    """Users whose groups don't see the workflow get the prompt, but no metadata with its nodes, and
    not its title: not in lists, searches and names of files."""
    album = asked(sessions, "anna", "POST", "/albums", {"title": "A", "access": "shared"})
    path, run = f"/albums/{album.json()['id']}/items", a_run(sessions, "anna", "crimson/picture")
    added = {"runs": [run], "settings": True}
    assert asked(sessions, "anna", "POST", path, added).status_code == 201
    for user, sees in {"anna": True, "cleo": True, "root": True, "ben": False}.items():
        (item,) = asked(sessions, user, "GET", path).json()["items"]
        file = sessions[user].get(sessions.app.url + item["address"], timeout=LONGEST_WAIT)
        archive = asked(sessions, user, "GET", path.replace("/items", "/zip?verdict="))
        assert [b"KSampler" in one.content for one in (file, archive)] == [sees, sees]
        listed = asked(sessions, user, "GET", path)
        for one in (listed.text, str(file.headers).lower(), archive.content.decode("latin-1")):
            assert ("crimson" in one) == sees
        assert asked(sessions, user, "GET", f"{path}?text=crimson").json()["total"] == sees
        assert (bool(item["prompt"]), item["settings"]) == (True, sees)
        values = asked(sessions, user, "GET", path.replace("/items", f"/values?item={item['id']}"))
        assert (values.status_code == 200, "crimson/" in values.text) == (sees, sees)


def test_a_link_shows_no_workflow_of_others(sessions: Sessions) -> None:
    """Ben's link shows settings. With it, he would see what Anna's group has."""
    album = asked(sessions, "ben", "POST", "/albums", {"title": "A", "access": "shared"})
    path = f"/albums/{album.json()['id']}"
    for user, workflow in (("anna", "crimson/picture"), ("ben", "cobalt/picture")):
        added = {"runs": [a_run(sessions, user, workflow)], "settings": True}
        assert asked(sessions, user, "POST", f"{path}/items", added).status_code == 201
    link = asked(sessions, "ben", "POST", f"{path}/link", {"settings": True}).json()["token"]
    for part in ("items", "zip?verdict="):
        shown = asked(sessions, "ben", "GET", f"/albums/{link}/{part}").content.decode("latin-1")
        assert ("crimson" in shown, "cobalt" in shown) == (False, True)
    found = asked(sessions, "ben", "GET", f"/albums/{link}/items?text=crimson").json()
    assert found["total"] == 0
