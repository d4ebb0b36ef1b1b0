"""Workflows with unknown nodes at an app on a stand-in that runs anything."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from comfy.base.errors import WorkflowError
from comfy.comfyui.client.address import ServerAddress
from comfy.library.catalog import CatalogCache
from comfy.library.forms import Forms
from comfy.library.permissions import Permissions
from comfy.runs.input_files import UPLOADS, names_on_server
from comfyui_standin import DemoServer
from tests.support.http_client import ANN, BOB, cookie_of, finished, get, start
from tests.support.samples.graphs import graph, graph_node
from tests.support.serving import RunningApp, running_app, running_demo_app
from tests.support.waiting import LONGEST_WAIT, eventually
from tests.ui.api.page.test_history import QUICK, photo

TEXT = "a secret lighthouse of Ann"
MYSTERY = graph_node(
    1,
    "AnnsMysterySampler",
    7,
    "randomize",
    TEXT,
    outputs=[{"name": "IMAGE", "type": "IMAGE", "links": [2]}],
    inputs=[{"name": "image", "type": "IMAGE", "link": 1}],
)


def brought(image: str = "anns holiday.png") -> dict[str, Any]:
    """Return a graph with an unknown node, an unknown model and an image that no server has."""
    return graph(
        MYSTERY,
        graph_node(2, "LoadImage", image, "image"),
        graph_node(3, "SaveImage", "anything"),
        graph_node(4, "CheckpointLoaderSimple", "anns.safetensors"),
        links="2.0 IMAGE > 1.image\n1.0 IMAGE > 3.images",
    )


@pytest.fixture(scope="module")
def app() -> Iterator[RunningApp]:
    """Serve an app for users that it doesn't trust."""
    permissions = Permissions(open=lambda owner: True)
    with running_demo_app(anything=True, step_seconds=0, permissions=permissions) as served:
        yield served[1]


def post(app: RunningApp, path: str, body: object, cookie: str = ANN) -> requests.Response:
    address = f"{app.url}{path}"
    return requests.post(address, json=body, cookies=cookie_of(cookie), timeout=LONGEST_WAIT)


def opened(app: RunningApp, data: object, cookie: str = ANN) -> str:
    return str(post(app, "/api/v1/workflows?file=brought.json", data, cookie).json()["name"])


def test_a_workflow_of_unknown_nodes_runs_at_once(app: RunningApp) -> None:
    """Its form has every value of the graph, lacks nothing and says that a node is guessed."""
    name = opened(app, brought())

    form = get(app, f"/api/v1/workflows/{name}").json()

    values = {key: one.get("default") for key, one in form["schema"]["properties"].items()}
    assert values["1.text"] == TEXT
    assert form["problems"] == []
    (note,) = form["notes"]
    assert note == "Demo: painted results, one kind of guessed node."
    run = post(app, f"/api/v1/workflows/{name}/runs", {"values": {}})
    assert run.status_code == 201, run.text
    path = f"/api/v1/runs/{run.json()['id']}"
    eventually(lambda: get(app, path).json()["finished"])
    assert get(app, path).json()["phase"] == "done"


def test_the_built_in_stand_in_keeps_no_files_of_deleted_runs() -> None:
    """Its copies of results go when the app has them, uploads with their run."""
    with (
        DemoServer(step_seconds=0, painted=64, anything=True, built_in=True) as demo,
        running_app(ServerAddress(demo.url, built_in=True)) as app,
    ):
        run = finished(start(app, "image-to-image", **QUICK, **{"4.image": photo()}))
        (file,) = run.state.files
        assert file.digest
        (upload,) = names_on_server(run.record).values()
        stored = demo.storage.listed({"": [{"filename": file.filename, "type": "output"}]})
        assert not any(one.exists() for one in stored)
        assert demo.storage.find(upload)
        answer = requests.delete(
            f"{app.url}/api/v1/runs/{run.id}", cookies=cookie_of(ANN), timeout=LONGEST_WAIT
        )
        assert answer.json() == {"stays": ""}
        assert demo.storage.find(upload) is None


def test_a_demos_form_says_that_its_paid_nodes_are_free(app: RunningApp) -> None:
    name = opened(
        app, {"1": {"class_type": "KlingTextToVideoNode", "inputs": {"prompt": "a boat"}}}
    )

    notes = get(app, f"/api/v1/workflows/{name}").json()["notes"]

    assert notes == ["Paid nodes cost nothing in this demo."]


def test_nothing_of_a_workflow_is_seen_by_others(app: RunningApp) -> None:
    """Another user with a node of the same class gets no values, files or models of Ann's."""
    ann = opened(app, brought())
    get(app, f"/api/v1/workflows/{ann}")
    small = graph(graph_node(1, "AnnsMysterySampler", 1), graph_node(2, "LoadImage", "bob.png"))

    bob = opened(app, small, BOB)
    form = get(app, f"/api/v1/workflows/{bob}", BOB).text

    assert "Anns Mystery Sampler" in form
    nodes = get(app, "/object_info", BOB).text + json.dumps(app.services.forms.catalog.get().raw)
    for secret in (TEXT, "lighthouse", "anns holiday", "anns.safetensors"):
        assert secret not in form
        assert secret not in nodes
    assert "AnnsMysterySampler" not in nodes


@pytest.mark.parametrize(
    "name", [f"{UPLOADS}/1/a.png", "a.png [output]", f"x/../{UPLOADS}/a.png", "/etc/a.png"]
)
def test_names_of_others_files_are_cleared(app: RunningApp, name: str) -> None:
    """A demo paints files that don't exist, but never opens another user's file."""
    workflow = opened(app, brought(name))

    _, form = app.services.forms.form(workflow, f"browser:{ANN}")

    assert not form.prompt["2"]["inputs"]["image"]


def test_a_workflow_without_a_result_cannot_run(app: RunningApp) -> None:
    """REST says so and why before a run."""
    name = opened(app, graph(graph_node(1, "EmptyLatentImage", 512, 512, 1)))

    document = get(app, f"/api/v1/workflows/{name}").json()

    assert not document["can_run"]
    assert "no node that saves or shows a result" in document["problems"][0]


def test_a_strict_stand_in_lacks_them(app: RunningApp) -> None:
    """The definitions come from the server: without them, the form lacks the nodes."""
    name = opened(app, brought())
    source = app.services.forms.opened.get(f"browser:{ANN}", name)
    forms = app.services.forms
    strict = {k: v for k, v in forms.catalog.get().raw.items() if k != "PartnerText"}

    def refuse(_workflow: object) -> dict[str, Any]:
        raise WorkflowError("A real server doesn't get the workflow.")

    own = Forms(lambda _: source, CatalogCache(lambda: strict, refuse), Permissions.of_a_shell())
    assert not own.form("any", "")[1].can_run
