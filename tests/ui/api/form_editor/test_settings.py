"""Authors read and save the settings of a form over HTTP."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from comfy.demo import DemoServer
from tests.support.http_client import ANN, BOB, cookie_of, get
from tests.support.samples.forms import text_to_image
from tests.support.serving import PAINTED, WORKFLOWS, RunningApp, running_app
from tests.support.waiting import LONGEST_WAIT
from ui.web.identity import NOBODY


@pytest.fixture
def app(tmp_path: Path) -> Iterator[RunningApp]:
    """Run an app with the shipped workflows and one without settings, whose users may add
    workflows."""
    folder = shutil.copytree(WORKFLOWS, tmp_path / "workflows")
    (folder / "plain.json").write_text(json.dumps(text_to_image()))
    with (
        DemoServer(step_seconds=0, painted=PAINTED) as demo,
        running_app(demo.url, workflows=folder, may_keep=True) as app,
    ):
        yield app


def at(name: str, part: str = "") -> str:
    return f"/api/v1/workflows/{name}/editor{part}"


def editor(app: RunningApp, name: str, who: str = ANN) -> dict[str, Any]:
    answer = get(app, at(name), who)
    assert answer.status_code == 200, answer.text
    document: dict[str, Any] = answer.json()
    return document


def send(
    app: RunningApp, method: str, path: str, body: object = None, who: str = ANN
) -> requests.Response:
    return requests.request(
        method, app.url + path, json=body, cookies=cookie_of(who), timeout=LONGEST_WAIT
    )


def save(app: RunningApp, name: str, document: dict[str, Any], **more: Any) -> requests.Response:
    """Save the settings in an editor's document."""
    body = {"settings": document["settings"], "version": document["version"]} | more
    return send(app, "PUT", at(name), body)


def fields(app: RunningApp, name: str) -> dict[str, dict[str, Any]]:
    shown = get(app, f"/api/v1/workflows/{name}").json()["fields"]
    return {one["key"]: one for one in shown}


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
    assert (steps["label"], steps["group"], steps["max"]) == ("Steps", "main", 10000)
    assert {"number", "slider"} <= set(steps["widgets"])
    assert nodes["Model"]["inputs"][0]["choices"]


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
