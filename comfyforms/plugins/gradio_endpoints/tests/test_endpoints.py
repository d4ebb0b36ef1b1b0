"""Workflows as endpoints of their own, called by Gradio's Python client and over plain HTTP."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import requests
from gradio_client import Client, handle_file
from gradio_client.client import Job
from gradio_client.utils import ProgressUnit, StatusUpdate
from PIL import Image

from tests.support.gradio_calls import PageCalls, file_at, script_client
from tests.support.samples.media import saved
from tests.support.serving import WORKFLOWS, RunningApp, Served, running_demo_app
from tests.support.waiting import LONGEST_WAIT
from ui.settings.web_settings import WebSettings

SMALL = {"steps": 1, "width": 256, "height": 256}
SHIPPED = {
    "animation",
    "create_upscale_detail_chain",
    "frames_animation_chain",
    "image_caption_image_chain",
    "image_to_image",
    "inpaint",
    "steps_describe_image",
    "steps_frames_to_animation",
    "text_to_image",
    "text_to_sound",
    "upscale",
}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve an app with its own workflow folder, on a fast server."""
    folder = shutil.copytree(WORKFLOWS, tmp_path_factory.mktemp("served") / "workflows")
    with running_demo_app(step_seconds=0.005, workflows=folder) as served:
        yield served


@pytest.fixture
def caller(app: RunningApp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    """Connect gradio_client to the endpoints. The client leaves an empty folder for each file that
    it fetches."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with closing(script_client(app.url, download_files=tmp_path)) as client:
        yield client


@pytest.fixture
def image(tmp_path: Path) -> Any:
    """Return a file for a call, in the form that the client takes."""
    (tmp_path / "mine.png").write_bytes(saved("PNG"))
    return handle_file(tmp_path / "mine.png")


def events_of(caller: Client) -> dict[str, Any]:
    return dict(caller.view_api(return_format="dict", print_info=False)["named_endpoints"])


def returned(told: dict[str, Any]) -> dict[str, str]:
    """Return the names and types of an endpoint's return values."""
    return {one["label"]: one["python_type"]["type"] for one in told["returns"]}


def progress_of(ended: Job) -> list[ProgressUnit]:
    """Return the progress in all messages of an ended call."""
    assert ended.communicator is not None
    updates = ended.communicator.updates
    messages = [updates.get_nowait() for _ in range(updates.qsize())]
    return [
        part
        for one in messages
        if isinstance(one, StatusUpdate)
        for part in one.progress_data or ()
    ]


def test_each_endpoint_documents_its_arguments(caller: Client) -> None:
    """Each endpoint gives the types, defaults and words of the form's fields, and the types of its
    results. Chains have endpoints too. They come before the endpoints for any workflow."""
    told = events_of(caller)
    names = [name.removeprefix("/") for name in told]
    assert set(names[: len(SHIPPED)]) == SHIPPED
    assert set(names[len(SHIPPED) :]) == {"run", "batch", "chain", "workflows"}
    takes = {one["parameter_name"]: one for one in told["/text_to_image"]["parameters"]}
    types = {name: one["python_type"]["type"] for name, one in takes.items()}
    assert (types["prompt"], types["steps"]) == ("str", "int")
    assert (types["guidance_scale"], types["seed"]) == ("float", "int | str")
    assert "Literal['simple', 'sgm_uniform'" in types["scheduler"]
    assert takes["steps"] | {"type": ""} == {
        "label": "Steps",
        "type": "",
        "python_type": {
            "type": "int",
            "description": "More steps take longer. Above 30, little changes.",
        },
        "component": "Slider",
        "parameter_name": "steps",
        "parameter_has_default": True,
        "parameter_default": 24,
        "default": 24,
        "example_input": 24,
    }
    (given, *_) = told["/upscale"]["parameters"]
    assert (given["parameter_name"], given["python_type"]["type"]) == ("your_image", "filepath")
    mains = {name: next(iter(returned(told[f"/{name}"]).items())) for name in SHIPPED}
    assert mains["upscale"] == mains["create_upscale_detail_chain"] == ("image", "filepath")
    assert mains["text_to_sound"] == ("audio", "filepath")
    assert mains["steps_describe_image"] == ("text", "str")
    for name, about in (("upscale", "run"), ("create_upscale_detail_chain", "chain")):
        types = returned(told[f"/{name}"])
        assert [*types] == ["image", "files", "texts", about]
        assert (types["files"], types["texts"]) == ("list[filepath]", "list[str]")
        assert types[about].startswith("dict(")
        assert "Any" not in types[about]
    printed = caller.view_api(print_info=False, return_format="str")
    assert " seed: int | str | None (not required" in printed


def test_files_go_in_and_come_out(served: Served, caller: Client, image: Any) -> None:
    """An image, alone, with a mask or painted over, gives an image. Frames give a video, and an
    image gives a text. A chain returns the files of its last step."""
    demo, _ = served
    made, files, texts, about = caller.predict(
        your_image=image, steps=1, api_name="/image_to_image"
    )
    assert Image.open(made).format == "PNG"
    assert (len(files), texts, about["phase"]) == (1, [], "done")
    prompt = demo.queue.history_of(about["run"])[about["run"]]["prompt"][2]
    sent = demo.storage.find(prompt["4"]["inputs"]["image"])
    assert sent is not None
    assert sent.read_bytes() == saved("PNG")
    for masked in (image, {"background": image, "layers": [image], "composite": None}):
        painted, *_ = caller.predict(your_image=masked, steps=1, api_name="/inpaint")
        assert Image.open(painted).format == "PNG"
    moving = {**SMALL, "frames": 2, "steps_per_frame": 1}
    _, files, *_ = caller.predict(**moving, api_name="/animation")
    assert any(b"ftyp" in Path(file).read_bytes()[:12] for file in files)
    said, files, texts, _ = caller.predict(api_name="/steps_describe_image")
    assert said
    assert (files, texts) == ([], [said])
    parts = {"run_enlarge": False, "run_refine": False, "width": 256, "height": 256}
    last, files, _, about = caller.predict(**parts, api_name="/create_upscale_detail_chain")
    assert (about["state"], len(files)) == ("done", 1)
    assert Image.open(last).format == "PNG"
    assert len(about["results"][-1]["files"]) == 1
    *_, result = events_of(caller)["/create_upscale_detail_chain"]["returns"]
    promised = result["type"]["properties"]
    assert promised.keys() == about.keys()
    for each in ("steps", "results"):
        assert promised[each]["items"]["properties"].keys() == about[each][0].keys()


def test_omitted_values_are_the_authors(served: Served, caller: Client) -> None:
    """The app draws a new seed. It reports progress both as Gradio's own progress and in the
    answers."""
    job = caller.submit(prompt="a cat", steps=40, api_name="/text_to_image")
    *_, result = job.result(LONGEST_WAIT)
    assert any(one.progress for one in progress_of(job))
    assert {one["phase"] for *_, one in job.outputs()} > {"running", "done"}
    prompt = served[0].queue.history_of(result["run"])[result["run"]]["prompt"][2]
    assert (prompt["2"]["inputs"]["text"], prompt["5"]["inputs"]["steps"]) == ("a cat", 40)
    assert prompt["3"]["inputs"]["text"] == "blurry, text, watermark"
    author = json.loads((WORKFLOWS / "text-to-image.json").read_text())
    assert prompt["5"]["inputs"]["seed"] != author["5"]["inputs"]["seed"]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"steps": 0}, "Steps: Minimum 1."),
        ({"scheduler": "none", "width": 7}, "Width.*Scheduler"),
        ({"model": "demo-broken.safetensors"}, "model"),
    ],
)
def test_errors_name_their_field(caller: Client, values: dict[str, Any], said: str) -> None:
    """The app reports invalid values and a failed run in the same sentences that users read on the
    page."""
    with pytest.raises(Exception, match=said):
        caller.predict(**values, api_name="/text_to_image")


def test_endpoints_follow_the_folder(app: RunningApp, caller: Client) -> None:
    """An added workflow gets its endpoint immediately. A client that knows an older version of an
    endpoint can't call it by mistake; the error says what to do."""
    folder = app.services.folder.path
    shutil.copy(folder / "upscale.json", folder / "later.json")
    with closing(script_client(app.url)) as new:
        assert "/later" in events_of(new)
        shutil.copy(folder / "text-to-image.json", folder / "later.json")
        with pytest.raises(Exception, match="Connect again"):
            new.predict(api_name="/later")
        (folder / "later.json").unlink()
        with pytest.raises(Exception, match="no longer exists"):
            new.predict(api_name="/later")


def test_a_request_gives_values_by_order_or_by_name(app: RunningApp) -> None:
    """A request gives all values in order, or some by name. The error for an unknown name lists the
    valid names."""

    def answer(path: str, sent: dict[str, Any]) -> Any:
        address = f"{app.url}/gradio_api/call/{path}"
        call = requests.post(address, json=sent, timeout=LONGEST_WAIT).json()["event_id"]
        said = requests.get(f"{address}/{call}", timeout=LONGEST_WAIT).text
        return json.loads(said.rpartition("data: ")[2])

    order = [None] * 14
    for told in (answer("v2/text_to_image", SMALL), answer("text_to_image", {"data": order})):
        address = told[0]["url"]
        with requests.get(address, timeout=LONGEST_WAIT) as file:
            assert file.headers["content-type"] == "image/png"
    assert "“steps”" in answer("v2/text_to_image", {"step": 1})["error"]
    assert "Connect again" in answer("text_to_image", {"data": [1]})["error"]


def test_a_wrong_name_is_no_failure(app: RunningApp) -> None:
    """A call of the page's own endpoint by names gets a reason for a wrong or missing name, and a
    right one begins."""
    address, right = f"{app.url}/gradio_api/call/v2/run", {"workflow": "upscale", "values": {}}
    for given, says in ((right | {"x": 1}, "`x`"), ({}, "workflow"), (right, "event_id")):
        with requests.post(address, json=given, timeout=LONGEST_WAIT) as answer:
            assert says in answer.text
    assert not app.asgi.state.failures


def test_only_an_upload_is_accepted_as_a_file(app: RunningApp) -> None:
    """The app refuses an address too. It fetches nothing and reads no file on this machine."""
    address = f"{app.url}/gradio_api/call/v2/upscale"
    for place in ("/etc/passwd", "http://127.0.0.1:1/a.png", "0" * 32 + "/a.png"):
        answer = requests.post(address, json={"your_image": file_at(place)}, timeout=LONGEST_WAIT)
        if answer.ok:
            said = requests.get(f"{address}/{answer.json()['event_id']}", timeout=LONGEST_WAIT).text
            assert "event: error" in said
        else:
            assert (answer.status_code, "uploaded" in answer.text) == (422, True)


def test_the_former_address_answers_as_the_root(app: RunningApp) -> None:
    """Below `/endpoints`, each path of the app has the same answer as at the root."""
    for path in ("/config", "/gradio_api/info", "/health", "/api/v1/workflows", "/none"):
        here, there = (
            requests.get(f"{app.url}{prefix}{path}", timeout=LONGEST_WAIT)
            for prefix in ("", "/endpoints")
        )
        assert here.status_code == there.status_code
        assert path == "/health" or here.text == there.text


def test_a_workflow_never_hides_an_endpoint_for_any(app: RunningApp, caller: Client) -> None:
    """A workflow with the name of such an endpoint gets a number."""
    folder = app.services.folder.path
    shutil.copy(folder / "upscale.json", folder / "run.json")
    try:
        with closing(script_client(app.url)) as new:
            told = events_of(new)
    finally:
        (folder / "run.json").unlink()
    assert returned(told["/run_2"]) == returned(told["/upscale"])
    assert told["/run"] == events_of(caller)["/run"]


def test_the_pages_own_calls_pass_unchanged(app: RunningApp) -> None:
    """The page's listeners are called by their own numbers. Its document names no workflow's
    endpoint, so that a folder of many doesn't delay it."""
    page = PageCalls(app)
    body = {"session_hash": page.session, "fn_index": page.load["id"], "data": [{}]}
    joined = requests.post(f"{app.url}/gradio_api/queue/join", json=body, timeout=LONGEST_WAIT)
    assert joined.status_code == 200, joined.text
    document = requests.get(app.url, timeout=LONGEST_WAIT).text
    assert '"api_name":"run"' in document.replace(" ", "")
    assert "image_to_image" not in document


def test_only_the_list_of_a_space_is_readable_for_other_sites() -> None:
    """A canvas of `gr.Workflow` on another site reads the list, but nothing else and nothing of a
    user. Elsewhere, it can't read the list either."""
    origin, allows = {"Origin": "https://canvas.example"}, "access-control-allow-origin"
    for on_a_space in (True, False):
        settings = WebSettings(port=0, on_a_space=on_a_space)
        with running_demo_app(step_seconds=0, settings=settings) as (_, app):
            info, config = (
                requests.get(app.url + path, headers=origin, timeout=LONGEST_WAIT).headers
                for path in ("/gradio_api/info", "/config")
            )
        assert info.get(allows) == ("*" if on_a_space else None)
        assert {allows, "access-control-allow-credentials"}.isdisjoint(config)
        assert "access-control-allow-credentials" not in info
