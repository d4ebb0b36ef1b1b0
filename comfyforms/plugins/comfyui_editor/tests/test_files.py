"""Users' files and settings in the editor."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from comfy.records.blobs import BlobStore
from comfy.records.store import RunStore
from comfyforms.plugins.comfyui_editor.store import EditorFull, UserFiles
from comfyforms.plugins.comfyui_editor.tests.conftest import AtEditor
from tests.attacks.people import ANN, BOB
from tests.support.postgres import empty
from tests.support.serving import RunningApp

Opener = Callable[[tuple[str, str]], AtEditor]


def test_each_user_has_settings_and_files_of_their_own(editor_of: Opener) -> None:
    """They have ComfyUI's names, and another user has others."""
    ann, bob = editor_of(ANN), editor_of(BOB)
    assert ann.ask("POST", "/api/settings/Comfy.ColorPalette", json="light").ok
    assert ann.ask("POST", "/api/settings", json={"a": 1}).ok
    assert ann.ask("GET", "/api/settings").json() == {
        "Comfy.TutorialCompleted": True,
        "Comfy.ColorPalette": "light",
        "a": 1,
    }
    assert ann.ask("GET", "/api/settings/a").json() == 1
    path = "/api/userdata/workflows%2Fsub%2Fa.json"
    kept = ann.ask("POST", f"{path}?overwrite=false&full_info=true", data=b'{"nodes": []}').json()
    assert (kept["path"], kept["size"]) == ("workflows/sub/a.json", 13)
    assert ann.ask("POST", f"{path}?overwrite=false", data=b"{}").status_code == 409
    assert ann.ask("GET", path).json() == {"nodes": []}
    listed = "/api/userdata?dir=workflows&recurse=true&split=false&full_info=true"
    assert [one["path"] for one in ann.ask("GET", listed).json()] == ["sub/a.json"]
    assert ann.ask("GET", "/api/userdata?dir=workflows").json() == []
    for address in (listed, path, "/api/settings/a"):
        answer = bob.ask("GET", address)
        assert answer.status_code == 404 or answer.json() in ([], None)
    moved = ann.ask("POST", f"{path}/move/workflows%2Fb.json?overwrite=false")
    assert moved.json() == "workflows/b.json"
    assert ann.ask("GET", path).status_code == 404
    assert bob.ask("DELETE", "/api/userdata/workflows%2Fb.json").status_code == 404
    assert ann.ask("DELETE", "/api/userdata/workflows%2Fb.json").status_code == 204


@pytest.mark.parametrize("path", ["..%2Fx", "a%2F..%2F..%2Fx", "%5C..%5Cx", "a%07b", "x" * 600])
def test_paths_stay_in_the_users_folder(editor_of: Opener, path: str) -> None:
    assert editor_of(ANN).ask("POST", f"/api/userdata/{path}", data=b"x").status_code == 400


def test_files_of_a_user_are_limited(app: RunningApp) -> None:
    """A file that doesn't fit is refused, and nothing is lost. A shorter one fits."""
    files = UserFiles(app.services.runs.history.engine, most=3000)
    files.write("user:dora", "a", b"a" * 1500)
    files.write("user:dora", "b", b"b" * 1500)
    for path, content in (("c", b"c"), ("b", b"b" * 1501)):
        with pytest.raises(EditorFull):
            files.write("user:dora", path, content)
    files.write("user:dora", "b", b"b")
    files.write("user:dora", "c", b"c")
    assert files.read("user:dora", "a") == b"a" * 1500
    files.write("user:emil", "a", b"a" * 3000)


def test_files_written_at_the_same_time_are_limited(postgres: str, tmp_path: Path) -> None:
    """Also if the user has no settings, whose row a database server could lock."""
    empty(postgres)
    with closing(RunStore(postgres, BlobStore(tmp_path))) as history:
        files = UserFiles(history.engine, most=1000)

        def is_written(number: int) -> bool:
            try:
                files.write(f"user:{number % 10}", f"file {number}", b"a" * 600)
            except EditorFull:
                return False
            return True

        with ThreadPoolExecutor(10) as threads:
            by_user = (range(user, 80, 10) for user in range(10))
            order = [number for numbers in by_user for number in numbers]
            assert sum(threads.map(is_written, order)) == 10


def test_a_workflow_goes_to_the_editor_and_back(app: RunningApp, editor_of: Opener) -> None:
    """A user who may edit the form opens it in the editor. A graph of the editor becomes a form for
    its user alone."""
    ann, bob = editor_of(ANN), editor_of(BOB)
    address = "/api/comfyforms/workflow?name=text-to-image"
    file = ann.ask("GET", address)
    assert file.headers["x-file-name"] == "text-to-image.json"
    assert bob.ask("GET", address).status_code == 404
    set_by_form = "/api/comfyforms/values?name=text-to-image"
    told = ann.ask("POST", set_by_form, json={"2.text": "a cat", "4.width": 640, "5.seed": None})
    set_to = {(node, widget): value for node, widget, value in told.json()}
    assert (set_to["2", "text"], set_to["4", "width"]) == ("a cat", 640)
    assert set_to["1", "ckpt_name"] == "demo-landscapes.safetensors", "which replaces a missing one"
    assert ("5", "seed") not in set_to, "it is random"
    assert bob.ask("POST", set_by_form, json={}).status_code == 404
    graph = file.content
    url = bob.ask("POST", "/api/comfyforms/form?title=Mine", data=graph).json()["url"]
    assert url.startswith(f"{app.url}/?workflow=")
    name = url.rpartition("=")[2]
    assert bob.ask("GET", f"/api/comfyforms/workflow?name={name}").content == graph
    assert ann.ask("GET", f"/api/comfyforms/workflow?name={name}").status_code == 404
    refused = bob.ask("POST", "/api/comfyforms/form", data=b"not a graph")
    assert refused.status_code == 400
