"""Administrators download the missing models of a workflow, and others ask for them."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import requests

from comfy.comfyui.client.client import Client
from comfy.downloads import DownloadSettings, NodeDownloads, NoDownloads
from comfy.library.permissions import Permissions
from comfy.requirements.model import ModelFile
from comfyui_standin import DemoModel, DemoServer
from comfyui_standin.nodes.registry import MODELS
from tests.downloads.file_server import FileServer, file_server, safetensors
from tests.downloads.node_server import SECRET, graph_with, node_server
from tests.security.signing_in import signed_in
from tests.support.serving import RunningApp, running_app
from tests.support.waiting import LONGEST_WAIT, eventually
from ui.settings.web_settings import WebSettings

ANNA, BEN = ("anna", "lighthouse"), ("ben", "harbour")
MODEL = safetensors(300_000)
NAME = "new.safetensors"


class Place(NamedTuple):
    app: RunningApp
    files: FileServer
    folder: Path
    anna: requests.Session
    ben: requests.Session

    def ask(
        self, method: str, path: str, *, ben: bool = False, **options: Any
    ) -> requests.Response:
        person = self.ben if ben else self.anna
        return person.request(
            method, f"{self.app.url}/api/v1{path}", timeout=LONGEST_WAIT, **options
        )

    def missing(self, *, ben: bool = False, query: str = "") -> dict[str, Any]:
        answer = self.ask("GET", f"/workflows/new/missing-models{query}", ben=ben)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def get(self, *, ben: bool = False) -> int:
        return self.ask("POST", "/admin/downloads", ben=ben, json={"workflow": "new"}).status_code


@pytest.fixture
def place(running_place: Place, nothing_left_behind: None) -> Iterator[Place]:
    """Yield the running app after removing the last test's model, request and downloads."""
    running_place.files.requests.clear()
    running_place.files.host(NAME, MODEL)
    for one in (running_place.folder / "models/checkpoints").iterdir():
        one.unlink()
    graph = graph_with(NAME, running_place.files.url(NAME), hashlib.sha256(MODEL).hexdigest())
    (running_place.folder / "workflows/new.json").write_text(json.dumps(graph), encoding="utf-8")
    for one in running_place.ask("GET", "/admin/downloads").json()["downloads"]:
        running_place.ask("DELETE", f"/admin/downloads/0/{one['id']}")
    running_place.app.services.forms.catalog.expire()
    yield running_place
    running_place.anna.close()
    running_place.ben.close()


@pytest.fixture(params=["node", "local"], scope="module")
def running_place(
    request: pytest.FixtureRequest,
    own_temporary_folder: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Place]:
    """Yield an app whose server has the custom node, or is one that the app starts."""
    tmp_path = tmp_path_factory.mktemp("place")
    with (
        file_server() as files,
        DemoServer() as demo,
        node_server(demo.url, tmp_path) as comfyui,
    ):
        workflows = tmp_path / "workflows"
        workflows.mkdir()
        is_local = request.param == "local"
        downloads = DownloadSettings(
            "" if is_local else SECRET,
            (files.origin,),
            local=frozenset({comfyui} if is_local else ()),
            folder=tmp_path / "downloads",
        )
        with (
            running_app(
                comfyui,
                workflows=workflows,
                permissions=Permissions(operates=lambda owner: owner == "user:anna"),
                settings=WebSettings(port=0, users=(ANNA, BEN)),
                downloads=downloads,
                demo=False,
            ) as app,
            signed_in(app, ANNA) as anna,
            signed_in(app, BEN) as ben,
        ):
            yield Place(app, files, tmp_path, anna, ben)


def test_an_administrator_downloads_missing_models(place: Place) -> None:
    """The form knows the model afterward, without a refresh, and the action is logged."""
    missing = place.missing(query="?with_sizes=true")
    [model] = missing["models"]
    assert (model["name"], model["folder"], model["can_get"]) == (NAME, "checkpoints", True)
    assert model["size"] == len(MODEL)
    assert missing["may_get"]
    assert [one["problem"] for one in missing["servers"]] == [""]
    before = place.app.services.downloads.finished
    assert place.get() == 204
    eventually(lambda: place.app.services.downloads.finished > before)
    assert place.missing()["models"] == []
    assert (place.folder / "models/checkpoints" / NAME).read_bytes() == MODEL
    actions = place.ask("GET", "/admin/audit?action=administer").json()["events"]
    assert "anna started the download of new.safetensors" in actions[0]["what"]
    assert place.ask("GET", "/workflows/new").json()["can_run"]


def test_progress_pause_resume_and_cancel(place: Place) -> None:
    """The download's state is part of the missing model."""
    hosted = place.files.host(NAME, MODEL, held=threading.Event())
    assert place.get() == 204

    def download() -> dict[str, Any]:
        return dict(place.missing()["models"][0]["download"] or {})

    eventually(lambda: download().get("received", 0) > 0)
    path = f"/admin/downloads/0/{download()['id']}"
    assert download()["size"] == len(MODEL)
    assert place.ask("POST", f"{path}/pause").status_code == 204
    assert download()["state"] == "paused"
    assert place.ask("POST", f"{path}/resume").status_code == 204
    eventually(lambda: download()["state"] == "running")
    assert place.ask("DELETE", path).status_code == 204
    assert download() == {}
    assert hosted.held
    hosted.held.set()
    assert place.ask("DELETE", path).status_code == 409


def test_other_users_cannot_download_but_ask(place: Place) -> None:
    """The request names the person, and the administrator downloads what it lists."""
    missing = place.missing(ben=True)
    assert (missing["may_get"], missing["may_ask"], missing["asked"]) == (False, True, False)
    assert missing["servers"] == []
    assert place.get(ben=True) == 404
    for _ in range(2):
        path = "/workflows/new/missing-models/request"
        assert place.ask("POST", path, ben=True).status_code == 204
    assert place.missing(ben=True)["asked"]
    [request] = place.ask("GET", "/admin/model-requests").json()["requests"]
    assert (request["person"], request["workflow"]) == ("ben", "new")
    assert [one["name"] for one in request["files"]] == [NAME]
    path = f"/admin/model-requests/{request['id']}"
    before = place.app.services.downloads.finished
    assert place.ask("DELETE", path, ben=True).status_code == 404
    assert place.ask("POST", f"{path}/get", json={"server": 0}).status_code == 204
    eventually(lambda: place.app.services.downloads.finished > before)
    assert place.ask("GET", "/admin/model-requests").json()["requests"] == []
    assert place.ask("DELETE", path).status_code == 409


def test_users_ask_for_missing_nodes(place: Place) -> None:
    """An administrator can install node packs, too. A request without models can only be closed."""
    file = place.folder / "workflows/new.json"
    graph = json.loads(file.read_text(encoding="utf-8"))
    loader = next(one for one in graph["nodes"] if one["type"] == "CheckpointLoaderSimple")
    loader["type"] = "PackLoader"
    file.write_text(json.dumps(graph), encoding="utf-8")
    missing = place.missing(ben=True)
    assert (missing["models"], missing["may_ask"]) == ([], True)
    path = "/workflows/new/missing-models/request"
    assert place.ask("POST", path, ben=True).status_code == 204
    assert place.missing(ben=True)["asked"]
    page = place.anna.get(f"{place.app.url}/operator", timeout=LONGEST_WAIT).text
    assert "Missing nodes" in page
    [request] = place.ask("GET", "/admin/model-requests").json()["requests"]
    assert place.ask("DELETE", f"/admin/model-requests/{request['id']}").status_code == 204


def test_a_file_of_the_same_size_is_named(place: Place) -> None:
    """It may be the missing one under another name."""
    assert [one["alike"] for one in place.missing()["models"]] == [""]
    file = place.folder / "workflows/new.json"
    graph = json.loads(file.read_text(encoding="utf-8"))
    loader = next(one for one in graph["nodes"] if one["type"] == "CheckpointLoaderSimple")
    loader["properties"]["models"][0]["size"] = DemoModel().size
    file.write_text(json.dumps(graph), encoding="utf-8")
    [model] = place.missing(ben=True)["models"]
    assert model["alike"] in MODELS["checkpoints"]


def test_a_request_is_closed_without_a_download(place: Place) -> None:
    """The user can ask again."""
    place.ask("POST", "/workflows/new/missing-models/request", ben=True)
    [request] = place.ask("GET", "/admin/model-requests").json()["requests"]
    assert place.ask("DELETE", f"/admin/model-requests/{request['id']}").status_code == 204
    assert not place.missing(ben=True)["asked"]


def test_a_lock_is_downloaded_without_a_request(tmp_path: Path) -> None:
    """A ComfyUI that the app starts downloads the lock's models once it answers. Users see the
    progress. A refused file doesn't stop the others, and files that are there are left alone."""
    workflows = tmp_path / "workflows"
    workflows.mkdir()
    with file_server() as files, DemoServer() as demo, node_server(demo.url, tmp_path) as comfyui:
        graph = graph_with(NAME, files.url(NAME), "")
        (workflows / "new.json").write_text(json.dumps(graph), encoding="utf-8")
        hosted = files.host(NAME, MODEL, held=threading.Event())
        (tmp_path / "models" / "loras" / "there.safetensors").write_bytes(b"mine")
        wanted = [
            ModelFile(name, folder, files.url(name), hashlib.sha256(MODEL).hexdigest())
            for name, folder in (
                ("bad.exe", "loras"),
                ("there.safetensors", "loras"),
                (NAME, "checkpoints"),
            )
        ]
        downloads = DownloadSettings(
            hosts=(files.origin,),
            local=frozenset({comfyui}),
            folder=tmp_path / "downloads",
            models=tuple(wanted),
        )
        with running_app(comfyui, workflows=workflows, downloads=downloads, demo=False) as app:

            def models() -> list[dict[str, Any]]:
                address = f"{app.url}/api/v1/workflows/new/missing-models"
                return list(requests.get(address, timeout=LONGEST_WAIT).json()["models"])

            assert models()[0]["download"], "a page shows progress from its first answer on"
            eventually(lambda: models()[0]["download"]["received"] > 0)
            assert hosted.held
            hosted.held.set()
            eventually(lambda: models() == [])
        assert (tmp_path / "models" / "checkpoints" / NAME).read_bytes() == MODEL
        assert (tmp_path / "models" / "loras" / "there.safetensors").read_bytes() == b"mine"
        assert {path for path, _ in files.requests} == {f"/{NAME}"}


def test_an_administrator_dismisses_all_requests(place: Place) -> None:
    """Over REST, and with a button of the page."""
    for person in (True, False):
        place.ask("POST", "/workflows/new/missing-models/request", ben=person)
    page = place.anna.get(f"{place.app.url}/operator", timeout=LONGEST_WAIT).text
    assert 'action="operator/model-requests/dismiss"' in page
    assert place.ask("DELETE", "/admin/model-requests", ben=True).status_code == 404
    assert place.ask("DELETE", "/admin/model-requests").status_code == 204
    assert place.ask("GET", "/admin/model-requests").json()["requests"] == []
    place.ask("POST", "/workflows/new/missing-models/request", ben=True)
    address = f"{place.app.url}/operator/model-requests/dismiss"
    assert place.anna.post(address, timeout=LONGEST_WAIT).status_code == 200
    assert place.ask("GET", "/admin/model-requests").json()["requests"] == []


@pytest.mark.parametrize(
    "url", ["https://evil.org/new.safetensors", "http://127.0.0.1:1/new.safetensors", ""]
)
def test_addresses_that_are_not_allowed_are_refused(place: Place, url: str) -> None:
    """The card says why, and nothing is asked."""
    graph = graph_with(NAME, url)
    (place.folder / "workflows/new.json").write_text(json.dumps(graph), encoding="utf-8")
    [model] = place.missing()["models"]
    assert not model["can_get"]
    assert model["problem"]
    assert place.get() == 409
    assert place.files.requests == []


def test_without_a_secret_downloads_are_off(tmp_path: Path) -> None:
    """Administrators see the missing models, but no server."""
    with DemoServer() as demo, node_server(demo.url, tmp_path) as comfyui:
        workflows = tmp_path / "workflows"
        workflows.mkdir()
        graph = graph_with(NAME, "https://huggingface.co/org/repo/resolve/main/new.safetensors")
        (workflows / "new.json").write_text(json.dumps(graph), encoding="utf-8")
        with running_app(comfyui, workflows=workflows, demo=False) as app:
            answer = requests.get(
                f"{app.url}/api/v1/workflows/new/missing-models", timeout=LONGEST_WAIT
            ).json()
            assert answer["servers"] == []
            assert answer["models"][0]["license"] == "https://huggingface.co/org/repo"


def test_a_server_with_another_secret_is_named(tmp_path: Path) -> None:
    """The administrator learns what to set."""
    with (
        DemoServer() as demo,
        node_server(demo.url, tmp_path) as comfyui,
        Client(comfyui) as client,
        pytest.raises(NoDownloads) as refused,
    ):
        NodeDownloads(client, "another-secret-that-is-long-too").statuses()
    assert "COMFYFORMS_NODE_SECRET" in refused.value.hint
