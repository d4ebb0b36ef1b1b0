"""Workflows that people bring: what they may name, who may bring them, and what a caller may set."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from form_samples import node
from gradio_client import Client as Caller
from media_samples import saved
from page_calls import PageCalls
from serving import WORKFLOWS, RunningApp, let_go, running_app, running_demo_app
from web import ANN, BOB, finished, get, post, start

from comfy.demo import DemoServer
from comfy.demo.catalogue import entry, spec
from comfy.demo.node import Node
from comfy.demo.nodes import NODES
from comfy.demo.storage import Storage
from comfy.errors import WorkflowError
from comfy.form import build_form
from comfy.job import Job
from ui.backend import FieldErrors
from ui.catalogue import UPLOADS
from ui.media import Upload
from ui.permissions import Permissions

ANNS, BOBS = f"browser:{ANN}", f"browser:{BOB}"
RESULT = "ComfyUI_00001_.png [output]"
SECRET = "anna.png"
SHOW = node("SaveImage", images=["1", 0], filename_prefix="x")
Served = tuple[DemoServer, RunningApp]


def folders_of(storage: Storage) -> list[str]:
    """Every folder below the server's input folder, as LoadImageDataSetFromFolder of 0.33.0 lists them."""
    base = storage.folder("input")
    assert base is not None
    return sorted(path.relative_to(base).as_posix() for path in base.rglob("*") if path.is_dir())


def describe(storage: Storage) -> dict[str, Any]:
    """That node, as the server tells it."""
    required = {"folder": spec("COMBO", options=folders_of(storage), multiselect=False)}
    return entry(
        "LoadImageDataSetFromFolder", "Load Image (from Folder)", "image", required=required, outputs=["IMAGE"]
    )


@pytest.fixture(scope="module")
def running(own_temporary_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server that lists its folders, on which Ann has put a picture and made another; whoever may open is a set."""
    folder = Path(shutil.copytree(WORKFLOWS, tmp_path_factory.mktemp("offered") / "workflows"))
    loads_folder = Node(describe, NODES["LoadImage"].run)
    with (
        DemoServer(step_seconds=0, nodes={**NODES, "LoadImageDataSetFromFolder": loads_folder}) as demo,
        running_app(demo.url, workflows=folder) as app,
    ):
        for folder in ("", "anna"):
            form = {"type": "input", "overwrite": "true", "subfolder": folder}
            requests.post(f"{demo.url}/upload/image", form, files={"image": (SECRET, saved("PNG"))}, timeout=10)
        finished(start(app, "image-to-image", ANN, **{"4.image": Upload("a.png", saved("PNG")), "8.steps": 1}))
        yield demo, app


@pytest.fixture
def served(running: Served, nothing_left_behind: None) -> Iterator[Served]:
    """These."""
    yield running
    let_go(running[1].backend)


def bring(app: RunningApp, prompt: object, cookie: str = BOB) -> requests.Response:
    """Drop a workflow on the page."""
    return post_data(app, "/workflows?file=a.json", prompt, cookie)


def post_data(app: RunningApp, path: str, body: object, cookie: str) -> requests.Response:
    """POST JSON as the page of this browser does."""
    cookies = PageCalls(app, cookie).cookies
    return requests.post(app.url + path, json.dumps(body), cookies=cookies, timeout=10)


def drawn(app: RunningApp, name: str) -> PageCalls:
    """The form of a workflow, as Bob's page draws it."""
    return PageCalls(app, BOB).open(name)


@pytest.mark.parametrize("image", [RESULT, SECRET, f"{SECRET} [input]", f"./{SECRET}"])
@pytest.mark.parametrize("depth", [0, 1, 2, 5])
def test_finding_02_a_wrapped_name_reads_nobodys_file(served: Served, image: str, depth: int) -> None:
    """ComfyUI unwraps `__value__`: what is inside is emptied, and the form asks for a picture."""
    value: Any = image
    for _ in range(depth):
        value = {"__value__": value}
    name = bring(served[1], {"1": node("LoadImage", image=value), "2": SHOW}).json()["name"]
    page = drawn(served[1], name)
    assert "needs a picture" in json.dumps(page.said(page.press())["errors"])


@pytest.mark.parametrize("wrapped", [False, True])
def test_finding_02_a_name_made_while_it_runs_is_not_linked_to_a_loader(served: Served, wrapped: bool) -> None:
    """Harmless pieces make a name: a link that carries a text into an upload is cut, in a wrapper too."""
    link: Any = {"__value__": ["0", 0]} if wrapped else ["0", 0]
    text = node("PrimitiveString", value="an")
    name = bring(served[1], {"0": text, "1": node("LoadImage", image=link), "2": SHOW}).json()["name"]
    _, form = served[1].backend.form(name, BOBS)
    assert form.field("1.image").widget == "image"
    with pytest.raises(FieldErrors, match=r"another look"):
        served[1].backend.start(name, {"0.value": SECRET}, BOBS)
    run = served[1].backend.start(name, {"1.image": Upload("b.png", saved("PNG"))}, BOBS, deadline=20)
    assert str(run.job.prompt["1"]["inputs"]["image"]).startswith(f"{UPLOADS}/")
    finished(run)


def test_finding_02_a_prompt_that_ends_in_brackets_stays_as_it_is(served: Served) -> None:
    """A text for a picture is no name of a file, whoever writes it."""
    prompt = json.loads((WORKFLOWS / "text-to-image.json").read_text("utf-8"))
    prompt["2"]["inputs"]["text"] = "a cat [output]"
    name = bring(served[1], prompt).json()["name"]
    for workflow in (name, "text-to-image"):
        run = served[1].backend.start(workflow, {"2.text": "a dog [input]", "5.steps": 1}, BOBS, deadline=20)
        assert run.job.prompt["2"]["inputs"]["text"] == "a dog [input]"
        finished(run)
    assert served[1].backend.form(name, BOBS)[1].field("2.text").default == "a cat [output]"


def test_finding_03_no_folder_of_uploads_is_offered(served: Served) -> None:
    """The server lists every folder; the app shows none of them."""
    demo, app = served
    listed = json.dumps(requests.get(f"{demo.url}/object_info/LoadImageDataSetFromFolder", timeout=10).json())
    assert f"{UPLOADS}/" in listed
    app.backend.catalogue.get(refresh=True)
    prompt = {"1": node("LoadImageDataSetFromFolder", folder="anna"), "2": SHOW}
    name = bring(app, prompt).json()["name"]
    page = drawn(app, name)
    said = json.dumps(page.components)
    assert f"{UPLOADS}/" not in said
    assert "takes a file or folder of the server" in said
    (app.backend.folder.path / "from-folder.json").write_text(json.dumps(prompt), "utf-8")
    _, form = app.backend.form("from-folder", BOBS)
    assert [value for _, value in form.field("1.folder").choices or ()] == ["anna"]
    for folder in (*folders_of(demo.storage), ".", ""):
        with pytest.raises(FieldErrors):
            app.backend.start("from-folder", {"1.folder": folder}, BOBS)


def test_finding_02_a_node_that_nothing_is_known_of_is_not_sent(served: Served) -> None:
    """It may have come to the server since its nodes were asked for: what it reads cannot be told."""
    name = bring(served[1], {"1": node("JustInstalled", source="anna"), "2": SHOW}).json()["name"]
    with pytest.raises(WorkflowError, match="does not have the node “JustInstalled”"):
        served[1].backend.start(name, {}, BOBS)


@pytest.mark.parametrize("folder", ["anna", ".", "", f"{UPLOADS}", {"__value__": "anna"}])
def test_finding_03_a_folder_of_the_servers_is_refused_in_words(served: Served, folder: Any) -> None:
    """Whatever way it is written: the node takes what nobody can upload."""
    name = bring(served[1], {"1": node("LoadImageDataSetFromFolder", folder=folder), "2": SHOW}).json()["name"]
    with pytest.raises(WorkflowError, match=r"“Load Image \(from Folder\)” \(folder\) takes"):
        served[1].backend.start(name, {}, BOBS)


def test_finding_03_a_picture_made_here_shows_nobodys_upload(served: Served) -> None:
    """A result carries where its input lay; put into the folder, it is no example for everybody."""
    demo, app = served
    upload = next(path for path in folders_of(demo.storage) if path.startswith(f"{UPLOADS}/"))
    prompt = {"1": node("LoadImage", image=f"{upload}/a.png"), "2": SHOW}
    (app.backend.folder.path / "made-here.json").write_text(json.dumps(prompt), "utf-8")
    _, form = app.backend.form("made-here", BOBS)
    assert app.backend.example(form.field("1.image"), BOBS) is None
    with pytest.raises(FieldErrors):
        app.backend.start("made-here", {}, BOBS)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the shipped workflows, in which an author hides and links what callers must not set."""
    folder = Path(shutil.copytree(WORKFLOWS, tmp_path / "workflows"))
    toml = folder / "text-to-image.toml"
    text = toml.read_text("utf-8").replace('[fields."Sampler.steps"]\n', '[fields."Sampler.steps"]\ngroup = "hidden"\n')
    toml.write_text(text, "utf-8")
    linked = {"0": node("PrimitiveString", value="example.png"), "1": node("LoadImage", image=["0", 0]), "2": SHOW}
    (folder / "linked.json").write_text(json.dumps(linked), "utf-8")
    return folder


@pytest.fixture
def hiding(folder: Path, nothing_left_behind: None) -> Iterator[RunningApp]:
    """An app that offers them."""
    with running_demo_app(step_seconds=0, workflows=folder) as (_, app):
        yield app


@pytest.mark.parametrize(
    ("workflow", "values", "says"),
    [
        ("text-to-image", {"5.steps": 60}, "Steps is set by the workflow's author"),
        ("text-to-image", {"5.steps": 20}, "Steps is set by the workflow's author"),
        ("text-to-image", {"4.width": 4096}, "must be at most 1024"),
        ("text-to-image", {"4.batch_size": 9}, "must be at most 8"),
        ("text-to-image", {"1.ckpt_name": "other.safetensors"}, "does not offer it"),
        ("text-to-image", {"5.more": 1}, "no field"),
        ("linked", {"0.value": RESULT}, "is set by the workflow's author"),
        ("linked", {"1.image": SECRET}, "no field"),
    ],
)
def test_finding_26_the_authors_limits_bind_every_caller(
    hiding: RunningApp, workflow: str, values: dict[str, Any], says: str
) -> None:
    """A script cannot set what is hidden, nor go beyond a limit; the sentence names the field."""
    caller = Caller(hiding.url, verbose=False, analytics_enabled=False)
    try:
        with pytest.raises(Exception, match=says):
            caller.predict(workflow, values, api_name="/run")
    finally:
        caller.close()
    assert not hiding.backend.runs.line_of(BOBS)


def test_finding_26_the_page_cannot_set_what_is_hidden(hiding: RunningApp) -> None:
    """Neither by its address nor by what a browser keeps: a run has the author's value."""
    page = PageCalls(hiding, BOB).open("text-to-image", linked={"5.steps": "60"}, kept={"5.steps": 60})
    run = hiding.backend.runs.get(page.said(page.press())["run"], BOBS)
    assert run.job.prompt["5"]["inputs"]["steps"] != 60
    finished(run)


def test_finding_02_a_text_that_becomes_a_name_is_its_authors(hiding: RunningApp) -> None:
    """The operator's own link from a text to a loader works, with the operator's text and no other."""
    _, form = hiding.backend.form("linked", BOBS)
    assert form.field("0.value").group == "hidden"
    run = finished(hiding.backend.start("linked", {}, BOBS, deadline=20))
    assert run.job.prompt["0"]["inputs"]["value"] == "example.png"


@pytest.fixture
def permitted() -> set[str]:
    """Who may open workflows; a test changes it."""
    return {ANNS, BOBS}


@pytest.fixture
def strict(permitted: set[str], folder: Path, nothing_left_behind: None) -> Iterator[RunningApp]:
    """An app that asks this set, and whose people may keep but are not trusted."""
    permissions = Permissions(permitted.__contains__, lambda _: True, nodes=frozenset({"LoadImage", "SaveImage"}))
    with running_demo_app(step_seconds=0, workflows=folder, permissions=permissions) as (_, app):
        yield app


NO = "does not open workflows that people bring"


def test_finding_09_with_opening_off_nothing_that_was_brought_is_used(strict: RunningApp, permitted: set[str]) -> None:
    """Not by the route, the form, its address, a script, a kept copy, the history, nor by running it again."""
    name = bring(strict, {"1": node("LoadImage", image=""), "2": SHOW}).json()["name"]
    picture = Upload("b.png", saved("PNG"))
    run = finished(strict.backend.start(name, {"1.image": picture}, BOBS, deadline=20))
    permitted.remove(BOBS)
    refused = [
        bring(strict, {"1": SHOW}),
        post(strict, f"/workflows/{name}/keep", BOB),
        post(strict, f"/runs/{run.id}/again", BOB),
        get(strict, f"/history/{run.id}/values", BOB),
    ]
    assert [answer.status_code for answer in refused] == [422, 422, 422, 409]
    assert all(NO in answer.text for answer in refused)
    assert NO in json.dumps(drawn(strict, name).components)
    with pytest.raises(WorkflowError, match=NO):
        strict.backend.start(name, {"1.image": picture}, BOBS)
    assert bring(strict, {"1": SHOW}, ANN).ok


def test_finding_09_a_script_opens_nothing_where_it_may_not(strict: RunningApp, permitted: set[str]) -> None:
    """The endpoint for scripts refuses such a name in the same sentence."""
    permitted.clear()
    caller = Caller(strict.url, verbose=False, analytics_enabled=False)
    try:
        with pytest.raises(Exception, match=NO):
            caller.predict("~0123456789abcdef", {}, api_name="/run")
    finally:
        caller.close()


@pytest.mark.parametrize("who", [ANN, BOB])
def test_finding_09_the_button_is_there_for_those_who_may(strict: RunningApp, permitted: set[str], who: str) -> None:
    """The page is told who may when it is loaded."""
    permitted.remove(BOBS)
    page = PageCalls(strict, who)
    answer = page.call(page.load, {"workflow": "upscale"}).json()["data"]
    assert page.component("open")["props"]["visible"] is False
    assert answer[3].get("visible") is (who == ANN)


def test_finding_09_opened_workflows_use_listed_nodes_only(strict: RunningApp) -> None:
    """Others are refused in a sentence that names them; workflows of the folder use any."""
    name = bring(strict, {"1": node("LoadImage", image=""), "2": SHOW, "3": node("ExecPython", code="1")}).json()[
        "name"
    ]
    assert "may not use “ExecPython”" in json.dumps(drawn(strict, name).components, ensure_ascii=False)
    with pytest.raises(WorkflowError, match="may not use “ExecPython”"):
        strict.backend.start(name, {}, BOBS)
    finished(strict.backend.start("text-to-image", {}, BOBS, deadline=20))


def test_finding_09_what_a_stranger_keeps_names_no_file(strict: RunningApp, folder: Path) -> None:
    """What is in the folder counts as the operator's: only a workflow that names nothing gets there."""
    before = sorted(folder.iterdir())
    for image in (SECRET, RESULT, {"__value__": RESULT}, ["3", 0]):
        name = bring(strict, {"1": node("LoadImage", image=image), "2": SHOW}).json()["name"]
        assert "names files of the server" in post(strict, f"/workflows/{name}/keep", BOB).text
    name = bring(strict, {"1": node("NotInstalled", image="a.png"), "2": SHOW}).json()["name"]
    assert "nodes that it does not have" in post(strict, f"/workflows/{name}/keep", BOB).text
    assert sorted(folder.iterdir()) == before
    name = bring(strict, {"1": node("LoadImage", image=""), "2": SHOW}).json()["name"]
    kept = post(strict, f"/workflows/{name}/keep", BOB).json()["name"]
    assert build_form(strict.backend.folder.get(kept), strict.backend.catalogue.get()).field("1.image").default == ""


def test_finding_02_an_earlier_run_is_judged_by_the_rules_of_today(served: Served) -> None:
    """A record that names another's file, made when that was allowed, is not run again."""
    _, app = served
    loads: dict[str, Any] = {"1": node("LoadImage", image=RESULT), "2": SHOW}
    for workflow in ("~0123456789abcdef", "image-to-image", "gone"):
        run = finished(app.backend.runs.submit(Job(loads, workflow), owner=BOBS, keeps_going=True))
        with pytest.raises(WorkflowError, match="somebody else's"):
            app.backend.again(run.id, BOBS)
