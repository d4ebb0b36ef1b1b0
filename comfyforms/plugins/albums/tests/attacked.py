"""Routes of albums, and an album, for the attacks."""

from __future__ import annotations

from collections.abc import Mapping

import requests
from sqlalchemy import insert

from comfy.records.people import kept_values
from comfyforms.plugins.albums.tables import album_comments
from tests.attacks.parts import AttackedPart
from tests.attacks.texts import SECRET
from tests.support.serving import RunningApp
from tests.support.waiting import LONGEST_WAIT
from ui.web.responses import API

ALBUM = f"{API}/albums/{{album}}"


def an_album(app: RunningApp, cookie: str, run: str) -> dict[str, str]:
    """Return the ids of a new private album, of a result in it, and of a comment about that."""
    address, headers = f"{app.url}{API}/albums", {"Cookie": cookie}
    new = {"title": SECRET}
    made = requests.post(address, json=new, headers=headers, timeout=LONGEST_WAIT).json()
    added = requests.post(
        f"{address}/{made['id']}/items",
        json={"runs": [run], "settings": True},
        headers=headers,
        timeout=LONGEST_WAIT,
    )
    assert added.ok, added.text
    item = str(added.json()["items"][0]["id"])
    return {"album": str(made["id"]), "item": item, "comment": "1"}


def with_long_comments(app: RunningApp, owned: Mapping[str, str]) -> None:
    """Write as many comments about the result as it takes."""
    row = {"item": int(owned["item"]), "person": "a", "at": 0.0, "by": "", "text": "x" * 2_000}
    rows = [row | kept_values(row, "")] * 500
    with app.runs.history.engine.begin() as connection:
        connection.execute(insert(album_comments), rows)


PART = AttackedPart(
    an_album,
    ALBUM,
    frozenset(
        {
            *("/albums", "/albums/{album}", "/albums/guest/{token}"),
            # Public albums, and links to any.
            *(f"{API}/albums", ALBUM),
            *(f"{ALBUM}/{part}" for part in ("events", "items", "sheet", "zip")),
            *(
                f"{ALBUM}/items/{{item}}/{part}"
                for part in ("comments", "comments/{comment}", "file/{name}", "review", "thumb")
            ),
        }
    ),
    {
        f"POST {ALBUM}/rounds": 409,  # nothing is kept
        **dict.fromkeys(
            (
                "GET /albums/guest/{token}",
                f"POST {ALBUM}/items",  # no results; nothing is kept
                f"GET {ALBUM}/zip",
                f"GET {ALBUM}/sheet",
                f"DELETE {ALBUM}/items/{{item}}/comments/{{comment}}",
            ),
            404,
        ),
        **dict.fromkeys(
            (
                f"POST {API}/albums",  # no title, no item, no text
                f"DELETE {ALBUM}/items",
                f"PATCH {ALBUM}/items",
                f"GET {ALBUM}/values",
                f"POST {ALBUM}/items/{{item}}/comments",
            ),
            422,
        ),
    },
    {"GET /albums/{album}": (200, 404, 200)},  # a private one; a sign-in
    frozenset({"GET /albums/{album}"}),
    enlarge=with_long_comments,
)
