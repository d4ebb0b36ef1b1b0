"""Routes of albums, and an album, for the attacks."""

from __future__ import annotations

import requests

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
)
