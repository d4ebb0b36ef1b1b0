"""Authors save drafts, and publish them when they are ready."""

from __future__ import annotations

from typing import Any

import requests

from tests.support.http_client import ANN, BOB, get
from tests.support.serving import RunningApp
from tests.ui.api.form_editor.editor_calls import at, editor, save, send

NAME = "text-to-image"


def titled(document: dict[str, Any], title: str) -> dict[str, Any]:
    return document | {"settings": document["settings"] | {"title": title}}


def save_draft(app: RunningApp, document: dict[str, Any], who: str = ANN) -> requests.Response:
    """Save the settings in an editor's document as a draft."""
    body = {"settings": document["settings"], "version": document["version"]}
    return send(app, "PUT", at(NAME, "/draft"), body, who)


def title(app: RunningApp) -> str:
    text: str = get(app, f"/api/v1/workflows/{NAME}").json()["title"]
    return text


def test_a_draft_changes_nothing_until_it_is_published(app: RunningApp) -> None:
    """Other authors see the draft in the editor only."""
    file = app.services.folder.path / f"{NAME}.toml"
    before = file.read_bytes()
    drafted = save_draft(app, titled(editor(app, NAME), "Harbor")).json()
    assert (drafted["settings"]["title"], drafted["draft"]["settings"]["title"]) == (
        "Text to image",
        "Harbor",
    )
    assert (title(app), file.read_bytes()) == ("Text to image", before)
    seen = editor(app, NAME, BOB)
    assert seen["draft"]["settings"]["title"] == "Harbor"
    published = save(app, NAME, titled(seen, "Harbor"), BOB).json()
    assert (title(app), published["draft"]) == ("Harbor", None)


def test_a_draft_like_the_published_form_is_removed(app: RunningApp) -> None:
    """The version is the one before the draft again."""
    document = editor(app, NAME)
    drafted = save_draft(app, titled(document, "Harbor")).json()
    assert drafted["version"] != document["version"]
    answer = save_draft(app, titled(drafted, "Text to image")).json()
    assert (answer["draft"], answer["version"]) == (None, document["version"])


def test_another_authors_draft_is_not_overwritten(app: RunningApp) -> None:
    """Saving and publishing are refused until the author has seen it."""
    document = editor(app, NAME)
    assert save_draft(app, titled(document, "Anna's")).status_code == 200
    mine = titled(document, "Bob's")
    assert save_draft(app, mine, BOB).status_code == 409
    assert save(app, NAME, mine, BOB).status_code == 409
    assert editor(app, NAME)["draft"]["settings"]["title"] == "Anna's"


def test_publishing_earlier_settings_restores_their_file(app: RunningApp) -> None:
    """Its comments are there again. The editor knows the original settings of a form that came with
    a file, and that others came without one."""
    file = app.services.folder.path / f"{NAME}.toml"
    before = file.read_bytes()
    document = editor(app, NAME)
    assert document["original"] == document["settings"]
    answer = save(app, NAME, document | {"settings": document["automatic"]}).json()
    assert file.read_bytes() != before
    assert answer["original"] == document["settings"]
    assert save(app, NAME, answer | {"settings": answer["original"]}).status_code == 200
    assert file.read_bytes() == before

    plain = editor(app, "plain")
    assert plain["original"] is None
    changed = save(app, "plain", plain | {"settings": {"title": "Mine"}}).json()
    assert save(app, "plain", changed | {"settings": plain["settings"]}).status_code == 200
    assert not (app.services.folder.path / "plain.toml").exists()
