"""Users edit the forms of workflows that they opened, and share them."""

from __future__ import annotations

import json

import requests

from comfy.library.private import PrivateWorkflows
from tests.support.http_client import ANN, BOB, cookie_of, get
from tests.support.samples.forms import text_to_image
from tests.support.serving import RunningApp
from tests.support.waiting import LONGEST_WAIT
from tests.ui.api.form_editor.editor_calls import at, editor, fields, save, send
from ui.web.identity import NOBODY


def opened(app: RunningApp) -> str:
    """Open a workflow as Ann and return its name."""
    answer = requests.post(
        f"{app.url}/api/v1/workflows?file=lamp.json",
        data=json.dumps(text_to_image()),
        cookies=cookie_of(ANN),
        timeout=LONGEST_WAIT,
    )
    name: str = answer.json()["name"]
    return name


def labeled(app: RunningApp, name: str) -> None:
    document = editor(app, name)
    document["settings"] = {"fields": [{"key": "6.text", "label": "Wish"}]}
    assert save(app, name, document).status_code == 200


def test_settings_stay_with_a_private_workflow(app: RunningApp) -> None:
    """They survive a restart, and opening the same file again. Other users don't have them."""
    name = opened(app)
    labeled(app, name)
    assert opened(app) == name
    assert fields(app, name)["6.text"]["label"] == "Wish"
    assert get(app, at(name), BOB).status_code == 404
    history = app.services.runs.history
    workflow = PrivateWorkflows(history.state.opened).get(NOBODY + ANN, name)
    assert workflow.config is not None
    assert workflow.config.fields[0].label == "Wish"
    assert send(app, "PUT", at(name, "/cover"), {"run": "x"}).status_code == 404


def test_sharing_takes_the_settings_along(app: RunningApp) -> None:
    """The shared workflow has them in a TOML file, and the editor's history."""
    name = opened(app)
    labeled(app, name)
    shared = send(app, "POST", f"/api/v1/workflows/{name}/keep").json()["name"]
    assert fields(app, shared, BOB)["6.text"]["label"] == "Wish"
    assert 'label = "Wish"' in (app.services.folder.path / f"{shared}.toml").read_text()
    document = send(app, "POST", at(shared, "/undo"), {}).json()
    assert document["settings"]["fields"] == []


def test_sharing_takes_the_runs_along(app: RunningApp) -> None:
    """Finished runs belong to the shared workflow from then on."""
    name = opened(app)
    run = send(app, "POST", f"/api/v1/workflows/{name}/runs?wait=true", {}).json()
    shared = send(app, "POST", f"/api/v1/workflows/{name}/keep").json()["name"]
    assert get(app, f"/api/v1/runs/{run['id']}", ANN).json()["workflow"] == shared
