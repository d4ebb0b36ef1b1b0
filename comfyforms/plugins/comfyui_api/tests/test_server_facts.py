"""Nodes, models and machines behind ComfyUI's API."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from comfy.comfyui.client.address import ServerAddress
from comfy.comfyui.discovery import answers
from comfy.library.permissions import Permissions
from comfyforms.plugins.comfyui_api.files import OwnFiles
from comfyforms.plugins.comfyui_api.tests.files import png, upload
from comfyui_standin import DemoServer
from tests.support.http_client import BOB, get
from tests.support.serving import RunningApp, Served, running_app
from tests.support.waiting import LONGEST_WAIT

Json = dict[str, Any]
LISTS = ("/object_info", "/object_info/KSampler", "/models", "/models/checkpoints", "/embeddings")


def of_server(demo: DemoServer, path: str) -> Json:
    told: Json = requests.get(demo.url + path, timeout=LONGEST_WAIT).json()
    return told


def images(app: RunningApp, **options: str) -> list[str]:
    nodes = get(app, "/object_info/LoadImage", **options).json()
    listed: list[str] = nodes["LoadImage"]["input"]["required"]["image"][0]
    return listed


def test_clients_get_the_servers_own_answers(served: Served) -> None:
    """Except for lists of files, which may be other users'."""
    demo, app = served
    nodes, of_demo = get(app, "/object_info").json(), of_server(demo, "/object_info")
    assert nodes.keys() == of_demo.keys()
    differ = {name for name, node in nodes.items() if node != of_demo[name]}
    assert differ <= {"LoadImage", "LoadImageMask", "LoadAudio", "LoadVideo"}
    assert get(app, "/object_info/KSampler").json() == of_server(demo, "/object_info/KSampler")
    assert get(app, "/object_info/NoNode").json() == {}
    for path in ("/models", "/models/checkpoints", "/embeddings", "/models/loras"):
        assert get(app, path).json() == get(app, f"/api{path}").json() == of_server(demo, path)
    assert get(app, "/models/nothing").status_code == 404


def test_lists_of_files_have_only_own_uploads(app: RunningApp) -> None:
    """A workflow's author may have files on the server, and so do other users."""
    upload(app, png("red"), "mine.png")
    upload(app, png("red"), "deep.png", subfolder="x")
    upload(app, b"RIFF0000WAVEfmt ", "mine.wav")
    upload(app, png("red"), "theirs.png", BOB)
    assert images(app) == ["mine.png"]
    assert images(app, cookie=BOB) == ["theirs.png"]
    upload(app, png("red"), "script.png", "")
    assert images(app, cookie="") == []


def test_lists_each_kind_of_file_once(app: RunningApp, monkeypatch: pytest.MonkeyPatch) -> None:
    """And for one node only what its inputs need."""
    listed, names = list[str](), OwnFiles.names

    def noted(files: OwnFiles, owner: str, media: str) -> list[str]:
        listed.append(media)
        return names(files, owner, media)

    monkeypatch.setattr(OwnFiles, "names", noted)
    nodes = {"/object_info": ["audio", "image", "video"], "/object_info/LoadImage": ["image"]}
    for path, media in (nodes | {"/object_info/KSampler": []}).items():
        listed.clear()
        get(app, path)
        assert sorted(listed) == media


def test_system_stats_name_versions_and_devices_only(served: Served) -> None:
    """The answer has no command line, which may contain folders and keys."""
    demo, app = served
    told, of_demo = get(app, "/system_stats").json(), of_server(demo, "/system_stats")
    assert told["devices"] == of_demo["devices"]
    assert told["system"]["argv"] == ["main.py"]
    assert told["system"].keys() < of_demo["system"].keys()
    features = get(app, "/features").json()
    assert features["supports_preview_metadata"] is True
    assert features["max_upload_size"] == app.services.limits.file.size


def test_another_app_on_this_machine_is_not_taken_for_a_server(served: Served) -> None:
    """Such as one that `connect` forwards to the port of ComfyUI."""
    demo, app = served
    assert answers(ServerAddress(demo.url))
    assert not answers(ServerAddress(app.url))


@pytest.fixture(scope="module")
def restricted(running: Served) -> Iterator[RunningApp]:
    """Serve an app whose users may send no prompts, except for one user who may use one node."""
    allowed = frozenset({"KSampler"})
    permissions = Permissions(open=lambda owner: BOB in owner, nodes=allowed)
    with running_app(running[0].url, permissions=permissions) as app:
        yield app


def test_nodes_are_for_users_who_may_send_prompts(restricted: RunningApp) -> None:
    for path in LISTS:
        answer = get(restricted, path)
        assert (answer.status_code, answer.json()["error"]["type"]) == (400, "workflow_refused")
        assert get(restricted, path, BOB).status_code == 200
    assert get(restricted, "/object_info", BOB).json().keys() == {"KSampler"}
    assert get(restricted, "/system_stats").status_code == 200


def test_a_trusted_user_sees_the_servers_files(running: Served) -> None:
    trusted = Permissions(trusts=lambda _: True)
    with running_app(running[0].url, permissions=trusted) as app:
        upload(app, png("red"), "mine.png")
        assert images(app) == ["mine.png", *images_of(running[0])]


def images_of(demo: DemoServer) -> list[str]:
    listed: list[str] = of_server(demo, "/object_info/LoadImage")["LoadImage"]["input"]["required"][
        "image"
    ][0]
    return listed
