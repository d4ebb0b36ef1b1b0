"""Authors undo changes of a form's settings, and restore earlier versions."""

from __future__ import annotations

from pathlib import Path

from tests.support.http_client import get
from tests.support.serving import RunningApp
from tests.ui.api.form_editor.editor_calls import at, editor, save, send


def titled(app: RunningApp, title: str) -> None:
    document = editor(app, "text-to-image")
    document["settings"]["title"] = title
    assert save(app, "text-to-image", document).status_code == 200


def title(app: RunningApp) -> str:
    text: str = get(app, "/api/v1/workflows/text-to-image").json()["title"]
    return text


def history(app: RunningApp) -> list[tuple[str, bool]]:
    versions = get(app, at("text-to-image", "/history")).json()
    return [(one["summary"], one["is_current"]) for one in versions]


def test_undo_goes_back_step_by_step(app: RunningApp) -> None:
    """The last undo gives the file as it was, byte for byte. Nothing is lost from the history."""
    file: Path = app.services.folder.path / "text-to-image.toml"
    before = file.read_bytes()
    assert not editor(app, "text-to-image")["can_undo"]
    for name in ("One", "Two"):
        titled(app, name)
    titles = []
    while (document := editor(app, "text-to-image"))["can_undo"]:
        seen = {"version": document["version"]}
        assert send(app, "POST", at("text-to-image", "/undo"), seen).status_code == 200
        titles.append(title(app))
    assert titles == ["One", "Text to image"]
    assert file.read_bytes() == before
    assert history(app) == [("Title: Text to image → Two", False), ("Original", True)]


def test_a_version_is_restored(app: RunningApp) -> None:
    """Restoring is a change, which can be undone."""
    titled(app, "One")
    versions = get(app, at("text-to-image", "/history")).json()
    assert versions[1]["settings"]["title"] == "Text to image"
    path = at("text-to-image", f"/history/{versions[1]['id']}")
    assert send(app, "POST", path, {}).json()["settings"]["title"] == "Text to image"
    assert send(app, "POST", at("text-to-image", "/undo"), {}).json()["settings"]["title"] == "One"
    assert send(app, "POST", at("text-to-image", "/history/nope"), {}).status_code == 404


def test_revert_removes_the_file(app: RunningApp) -> None:
    """The form is automatic again, and the settings can be restored."""
    document = send(app, "POST", at("text-to-image", "/revert"), {}).json()
    assert (document["version"], document["settings"]["fields"]) == ("", [])
    assert not (app.services.folder.path / "text-to-image.toml").exists()
    assert [one for one, _ in history(app)] == ["Automatic form", "Original"]
    document = send(app, "POST", at("text-to-image", "/undo"), {}).json()
    assert len(document["settings"]["fields"]) == 9


def test_changes_by_hand_are_versions_too(app: RunningApp) -> None:
    """A change of the file can be undone like any other, and is refused as long as the author
    hasn't seen it."""
    titled(app, "One")
    seen = {"version": editor(app, "text-to-image")["version"]}
    file: Path = app.services.folder.path / "text-to-image.toml"
    file.write_text(file.read_text().replace("One", "By hand"))
    assert send(app, "POST", at("text-to-image", "/undo"), seen).status_code == 409
    titled(app, "Two")
    assert [one for one, _ in history(app)][:2] == [
        "Title: By hand → Two",
        "Changed by hand: Title: One → By hand",
    ]
    send(app, "POST", at("text-to-image", "/undo"), {})
    assert title(app) == "By hand"


def test_the_file_can_be_downloaded(app: RunningApp) -> None:
    """The answer is the file as it is."""
    answer = get(app, at("text-to-image", "/file"))
    assert "text-to-image.toml" in answer.headers["content-disposition"]
    assert answer.content == (app.services.folder.path / "text-to-image.toml").read_bytes()
    assert get(app, at("plain", "/file")).status_code == 404
