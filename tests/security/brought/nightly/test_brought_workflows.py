"""Opened workflows: the files that they may name, the users who may open them, and the values that
a caller may set."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from comfy.base.errors import WorkflowError
from comfy.launch.start import FieldErrors
from comfy.launch.uploads import Upload
from comfy.records.record import Job
from comfy.runs.input_files import UPLOADS, names_on_server
from comfy.runs.interface import Origin, RunPolicy
from comfyui_standin import DemoServer
from comfyui_standin.nodes.base import NodeClass, node_info, spec
from comfyui_standin.nodes.registry import NODES
from comfyui_standin.storage import Storage
from tests.security.brought.calls import BOBS, RESULT, SECRET, SHOW, bring, drawn
from tests.support.http_client import ANN, finished, start
from tests.support.samples.forms import node
from tests.support.samples.media import saved
from tests.support.serving import WORKFLOWS, Served, running_app
from tests.support.waiting import LONGEST_WAIT


def folders_of(storage: Storage) -> list[str]:
    """Return every folder below the server's input folder, as LoadImageDataSetFromFolder of 0.33.0
    lists them."""
    base = storage.folder("input")
    assert base is not None
    return sorted(path.relative_to(base).as_posix() for path in base.rglob("*") if path.is_dir())


def describe(storage: Storage) -> dict[str, Any]:
    required = {"folder": spec("COMBO", options=folders_of(storage), multiselect=False)}
    return node_info(
        "LoadImageDataSetFromFolder",
        "Load Image (from Folder)",
        "image",
        required=required,
        outputs=["IMAGE"],
    )


@pytest.fixture(scope="module")
def running(
    own_temporary_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    """Start an app on a server that lists its folders and holds an uploaded and a generated image
    of Ann's."""
    folder = Path(shutil.copytree(WORKFLOWS, tmp_path_factory.mktemp("offered") / "workflows"))
    loads_folder = NodeClass(describe, NODES["LoadImage"].run)
    with (
        DemoServer(
            step_seconds=0, nodes={**NODES, "LoadImageDataSetFromFolder": loads_folder}
        ) as demo,
        running_app(demo.url, workflows=folder) as app,
    ):
        for folder in ("", "anna"):
            form = {"type": "input", "overwrite": "true", "subfolder": folder}
            requests.post(
                f"{demo.url}/upload/image",
                form,
                files={"image": (SECRET, saved("PNG"))},
                timeout=LONGEST_WAIT,
            )
        finished(
            start(
                app,
                "image-to-image",
                ANN,
                **{"4.image": Upload("a.png", saved("PNG")), "8.steps": 1},
            )
        )
        yield demo, app


@pytest.fixture
def served(running: Served, nothing_left_behind: None) -> Iterator[Served]:
    """Close idle connections to the server after each test."""
    yield running
    running[1].close_idle()


@pytest.mark.parametrize("image", [RESULT, SECRET, f"{SECRET} [input]", f"./{SECRET}"])
@pytest.mark.parametrize("depth", [0, 1, 2, 5])
def test_finding_02_a_wrapped_name_reads_no_other_users_file(
    served: Served, image: str, depth: int
) -> None:
    """ComfyUI unwraps `__value__`. The app empties the value inside, and the form asks for an
    image."""
    value: Any = image
    for _ in range(depth):
        value = {"__value__": value}
    name = bring(served[1], {"1": node("LoadImage", image=value), "2": SHOW}).json()["name"]
    page = drawn(served[1], name)
    assert "Add an image." in json.dumps(page.said(page.press())["errors"])


@pytest.mark.parametrize("wrapped", [False, True])
def test_finding_02_a_text_cannot_be_linked_to_a_loader(served: Served, wrapped: bool) -> None:
    """Harmless texts can be joined to a file name. The app therefore cuts a link from a text to an
    upload, even inside a wrapper."""
    link: Any = {"__value__": ["0", 0]} if wrapped else ["0", 0]
    text = node("PrimitiveString", value="an")
    name = bring(served[1], {"0": text, "1": node("LoadImage", image=link), "2": SHOW}).json()[
        "name"
    ]
    _, form = served[1].services.forms.form(name, BOBS)
    assert form.field("1.image").widget == "image"
    with pytest.raises(FieldErrors, match=r"Fix"):
        served[1].services.starter.start(name, {"0.value": SECRET}, Origin(BOBS))
    run = served[1].services.starter.start(
        name,
        {"1.image": Upload("b.png", saved("PNG"))},
        Origin(BOBS),
        RunPolicy(deadline=LONGEST_WAIT, watched=False),
    )
    finished(run)
    sent = served[0].queue.history_of(run.id)[run.id]["prompt"][2]
    assert sent["1"]["inputs"]["image"] == names_on_server(run.record)["1.image"]


def test_finding_02_a_prompt_that_ends_in_brackets_is_unchanged(served: Served) -> None:
    """A prompt text for an image isn't a file name, whether a visitor's or the operator's workflow
    contains it."""
    prompt = json.loads((WORKFLOWS / "text-to-image.json").read_text("utf-8"))
    prompt["2"]["inputs"]["text"] = "a cat [output]"
    name = bring(served[1], prompt).json()["name"]
    for workflow in (name, "text-to-image"):
        run = served[1].services.starter.start(
            workflow,
            {"2.text": "a dog [input]", "5.steps": 1},
            Origin(BOBS),
            RunPolicy(deadline=LONGEST_WAIT, watched=False),
        )
        assert run.job.prompt["2"]["inputs"]["text"] == "a dog [input]"
        finished(run)
    assert served[1].services.forms.form(name, BOBS)[1].field("2.text").default == "a cat [output]"


def test_finding_03_upload_folders_are_not_offered(served: Served) -> None:
    """The ComfyUI server lists every folder of uploads. The app shows none of them."""
    demo, app = served
    listed = json.dumps(
        requests.get(
            f"{demo.url}/object_info/LoadImageDataSetFromFolder", timeout=LONGEST_WAIT
        ).json()
    )
    assert f"{UPLOADS}/" in listed
    app.services.forms.catalog.get(refresh=True)
    prompt = {"1": node("LoadImageDataSetFromFolder", folder="anna"), "2": SHOW}
    name = bring(app, prompt).json()["name"]
    page = drawn(app, name)
    said = json.dumps(page.components)
    assert f"{UPLOADS}/" not in said
    assert "uses a server file or folder" in said
    (app.services.folder.path / "from-folder.json").write_text(json.dumps(prompt), "utf-8")
    _, form = app.services.forms.form("from-folder", BOBS)
    assert [value for _, value in form.field("1.folder").choices or ()] == ["anna"]
    for folder in (*folders_of(demo.storage), ".", ""):
        with pytest.raises(FieldErrors):
            app.services.starter.start("from-folder", {"1.folder": folder}, Origin(BOBS))


def test_finding_02_an_unknown_node_is_not_sent(served: Served) -> None:
    """The node may have been installed after the app read the catalog. The app can't tell which
    inputs of the node read files."""
    name = bring(served[1], {"1": node("JustInstalled", source="anna"), "2": SHOW}).json()["name"]
    with pytest.raises(WorkflowError, match="Missing node: JustInstalled"):
        served[1].services.starter.start(name, {}, Origin(BOBS))


@pytest.mark.parametrize("folder", ["anna", ".", "", f"{UPLOADS}", {"__value__": "anna"}])
def test_finding_03_a_server_folder_is_refused_with_a_sentence(served: Served, folder: Any) -> None:
    """The app refuses the folder in any notation, because the node reads files that no visitor can
    upload."""
    name = bring(
        served[1], {"1": node("LoadImageDataSetFromFolder", folder=folder), "2": SHOW}
    ).json()["name"]
    with pytest.raises(WorkflowError, match=r"“Load Image \(from Folder\)” \(folder\) uses"):
        served[1].services.starter.start(name, {}, Origin(BOBS))


def test_finding_03_a_result_as_a_workflow_shows_no_upload(served: Served) -> None:
    """A result's workflow names the location of its input. If an administrator puts it into the
    workflow folder, the app doesn't show the input as an example to all users."""
    demo, app = served
    upload = next(path for path in folders_of(demo.storage) if path.startswith(f"{UPLOADS}/"))
    prompt = {"1": node("LoadImage", image=f"{upload}/a.png"), "2": SHOW}
    (app.services.folder.path / "made-here.json").write_text(json.dumps(prompt), "utf-8")
    _, form = app.services.forms.form("made-here", BOBS)
    assert app.services.copies.example(form.field("1.image"), BOBS) is None
    with pytest.raises(FieldErrors):
        app.services.starter.start("made-here", {}, Origin(BOBS))


def test_finding_02_a_rerun_is_checked_by_the_current_rules(served: Served) -> None:
    """The app doesn't rerun a record that names another user file, even if that was allowed at
    the time."""
    _, app = served
    loads: dict[str, Any] = {"1": node("LoadImage", image=RESULT), "2": SHOW}
    for workflow in ("~0123456789abcdef", "image-to-image", "gone"):
        run = finished(
            app.services.runs.submit(
                Job(loads, workflow), Origin(BOBS), RunPolicy(keeps_going=True)
            )
        )
        with pytest.raises(WorkflowError, match="another user"):
            app.services.starter.again(run.id, Origin(BOBS))
