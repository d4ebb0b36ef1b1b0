"""Authors read and save the settings of a form over HTTP."""

from __future__ import annotations

import json

from tests.support.http_client import ANN, BOB, get
from tests.support.samples.forms import text_to_image
from tests.support.serving import RunningApp
from tests.ui.api.form_editor.editor_calls import at, editor, fields, save, send
from ui.web.identity import NOBODY


def test_saved_settings_change_the_form_for_everybody(app: RunningApp) -> None:
    """The fields get their author's names and order, and the file keeps its names."""
    document = editor(app, "text-to-image")
    document["settings"]["fields"][0] |= {"label": "Wish", "help": "What do you want?"}
    document["settings"]["fields"].reverse()
    answer = save(app, "text-to-image", document)
    assert answer.status_code == 200
    assert answer.json()["settings"] == document["settings"]
    field = fields(app, "text-to-image")["2.text"]
    assert (field["label"], field["help"]) == ("Wish", "What do you want?")
    assert (
        '[fields."Positive prompt.text"]'
        in (app.services.folder.path / "text-to-image.toml").read_text()
    )


def test_starts_from_the_automatic_form(app: RunningApp) -> None:
    """Saving the automatic settings gives the same form."""
    before = fields(app, "plain")
    document = editor(app, "plain")
    assert (document["version"], document["settings"]["fields"]) == ("", [])
    document["settings"] = document["automatic"]
    assert save(app, "plain", document).status_code == 200
    assert [*fields(app, "plain").values()] == [*before.values()]


def test_lists_every_input_by_node(app: RunningApp) -> None:
    """Each input has what the form shows without settings, and the widgets that it may have."""
    nodes = {one["title"]: one for one in editor(app, "text-to-image")["inputs"]}
    steps = next(one for one in nodes["Sampler"]["inputs"] if one["key"] == "5.steps")
    assert (steps["label"], steps["group"], steps["max"]) == ("Steps", "advanced", 10000)
    assert {"number", "slider"} <= set(steps["widgets"])
    assert nodes["Model"]["inputs"][0]["choices"]


def test_says_why_inputs_of_missing_nodes_are_not_listed(app: RunningApp) -> None:
    """The sentence names how many there are, and the nodes."""
    assert editor(app, "plain")["unknown"] == ""
    prompt = text_to_image()
    prompt["99"] = {"class_type": "MoonPhase", "inputs": {"day": 3, "night": "clear"}}
    (app.services.folder.path / "moon.json").write_text(json.dumps(prompt))
    document = editor(app, "moon")
    assert document["unknown"] == "Install the missing nodes to edit 2 more inputs: MoonPhase."
    assert "MoonPhase" not in {one["class_type"] for one in document["inputs"]}


def test_refuses_to_overwrite_a_file_that_was_changed(app: RunningApp) -> None:
    """The author decides whether to overwrite it."""
    document = editor(app, "text-to-image")
    file = app.services.folder.path / "text-to-image.toml"
    file.write_text(file.read_text() + "# by hand\n")
    document["settings"]["title"] = "Mine"
    answer = save(app, "text-to-image", document)
    assert answer.status_code == 409
    assert "changed this form" in answer.json()["detail"]
    assert save(app, "text-to-image", document, overwrite=True).status_code == 200
    text = file.read_text()
    assert 'title = "Mine"' in text
    assert "# by hand" in text


def test_a_file_with_a_mistake_is_only_replaced_on_request(app: RunningApp) -> None:
    """The editor says what the mistake is."""
    file = app.services.folder.path / "text-to-image.toml"
    file.write_text('title = "Mine')
    document = editor(app, "text-to-image")
    assert "has a mistake" in document["problem"]
    document["settings"] = {"title": "Mine"}
    assert save(app, "text-to-image", document).status_code == 409
    assert save(app, "text-to-image", document, overwrite=True).status_code == 200
    assert file.read_text() == 'title = "Mine"\n'


def test_a_draft_is_for_its_author_only(app: RunningApp) -> None:
    """The form with the draft differs, until it is dropped. Others see the saved form."""
    draft = {"settings": {"title": "Draft", "fields": [{"key": "9.nope"}]}}
    answer = send(app, "POST", at("plain", "/draft"), draft)
    assert "9.nope" in answer.json()["problems"][0]
    forms, owner = app.services.forms, NOBODY + ANN
    assert forms.form("plain", owner, as_draft=True)[1].title == "Draft"
    assert forms.form("plain", owner)[1].title == "Plain"
    assert forms.form("plain", NOBODY + BOB, as_draft=True)[1].title == "Plain"
    assert send(app, "DELETE", at("plain", "/draft")).status_code == 204
    assert forms.form("plain", owner, as_draft=True)[1].title == "Plain"


def test_chains_have_no_editor(app: RunningApp) -> None:
    """The answer says so."""
    answer = get(app, at("create-upscale-detail.chain"))
    assert (answer.status_code, answer.json()["detail"]) == (404, "Chains can't be edited here.")
