"""Other users' files on the same ComfyUI server: a stranger's workflow never offers, shows or reads
them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from comfy.comfyui.object_info import Catalog
from comfy.form.build import build_form
from comfy.form.candidates import find_candidates
from comfy.form.check import check
from comfy.runs.input_files import UPLOADS, names_on_server
from comfy.workflow.config import parse_config
from comfy.workflow.model import Workflow
from comfy.workflow.sanitize import sanitize
from tests.support.gradio_calls import PageCalls
from tests.support.http_client import ANN, BOB, cookie_of, finished, page_open, start, told
from tests.support.samples.forms import node, parse_workflow, small_catalog
from tests.support.samples.media import saved
from tests.support.serving import RunningApp, Served, running_demo_app
from tests.support.waiting import LONGEST_WAIT, eventually

SECRET = "ann-on-holiday.png"


@pytest.fixture(scope="module")
def running(own_temporary_folder: Path) -> Iterator[Served]:
    """A ComfyUI server on which another user uploaded an image and generated one, with the app in
    front."""
    with running_demo_app(step_seconds=0) as (demo, app):
        form = {"type": "input", "overwrite": "true"}
        requests.post(
            f"{demo.url}/upload/image",
            form,
            files={"image": (SECRET, saved("PNG"))},
            timeout=LONGEST_WAIT,
        )
        finished(start(app, "text-to-image", ANN, **{"5.steps": 1}))
        yield demo, app


@pytest.fixture
def served(running: Served, nothing_left_behind: None) -> Iterator[Served]:
    """Yield the server and the app, and wait until every run has ended."""
    yield running
    _, app = running
    eventually(
        lambda: all(run.state.phase.finished for run in app.runs.known()), "every run has ended"
    )
    app.close_idle()


def brought(app: RunningApp, image: str, loader: str = "LoadImage", cookie: str = BOB) -> str:
    """Open a stranger's workflow that shows an image of the server's, and return the workflow's
    name."""
    prompt = {
        "1": node(loader, image=image),
        "2": node("SaveImage", images=["1", 0], filename_prefix="x"),
    }
    answer = requests.post(
        f"{app.url}/api/v1/workflows?file=a.json",
        json.dumps(prompt),
        cookies=cookie_of(cookie),
        timeout=LONGEST_WAIT,
    )
    return str(answer.json()["name"])


def test_the_servers_list_holds_it(served: Served) -> None:
    """The ComfyUI server shows it to every client, so these tests would notice a leak."""
    demo, _ = served
    assert SECRET in json.dumps(
        requests.get(f"{demo.url}/object_info", timeout=LONGEST_WAIT).json()["LoadImage"]
    )


def test_answers_to_scripts_contain_no_uploads(served: Served) -> None:
    """Neither the list of workflows nor the error about a file that isn't the author's names an
    upload."""
    _, app = served
    workflows = f"{app.url}/api/v1/workflows"
    wrong = {"values": {"4.image": SECRET}}
    refused = requests.post(f"{workflows}/image-to-image/runs", json=wrong, timeout=LONGEST_WAIT)
    said = [requests.get(workflows, timeout=LONGEST_WAIT).text, refused.text]
    assert "image-to-image" in said[0]
    assert "Send the file itself." in said[1]
    assert not [text for text in said if SECRET in text]


@pytest.mark.parametrize(
    "image", [SECRET, f"{SECRET} [input]", "ComfyForms_00001_.png [output]", "../x.png", "x [temp]"]
)
@pytest.mark.parametrize("loader", ["LoadImage", "LoadImageMask"])
def test_an_opened_workflow_reads_no_other_users_file(
    served: Served, loader: str, image: str
) -> None:
    """The form shows no image. The workflow doesn't run until the stranger adds an image of their
    own."""
    _, app = served
    page = PageCalls(app, BOB).open(brought(app, image, loader))
    shown = [
        one for one in page.components if "takes-files" in (one["props"].get("elem_classes") or ())
    ]
    assert shown
    assert [one["props"]["value"] for one in shown if one["props"]["elem_id"] != "image"] == [None]
    assert "Add an image." in json.dumps(page.said(page.press())["errors"])


def test_uploads_go_to_a_private_folder(served: Served) -> None:
    """The app uploads each run's files to a separate folder. Its name can't be guessed and appears
    in no list of the ComfyUI server."""
    demo, app = served
    before = requests.get(f"{demo.url}/object_info/LoadImage", timeout=LONGEST_WAIT).json()
    names = set()
    for _ in range(2):
        page = PageCalls(app, BOB).open("image-to-image")
        run = app.services.runs.get(page.said(page.press())["run"], f"browser:{BOB}")
        finished(run)
        (name,) = names_on_server(run.record).values()
        assert demo.storage.find(name)
        assert demo.queue.history_of(run.id)[run.id]["prompt"][2]["4"]["inputs"]["image"] == name
        names.add(name)
    assert all(re.fullmatch(r"comfyforms/[0-9a-f]{32}/[^/]+", name) for name in names)
    assert len({name.split("/")[1] for name in names}) == 2
    assert requests.get(f"{demo.url}/object_info/LoadImage", timeout=LONGEST_WAIT).json() == before


def catalog(**classes: Any) -> Catalog:
    """Return the small server's catalog with more classes."""
    return Catalog({**small_catalog().raw, **classes})


def lister(name: str, *choices: str) -> dict[str, Any]:
    """Return a custom node's class that lists the input folder and doesn't know about uploads."""
    return {
        name: {
            "input": {"required": {"file": [list(choices)]}},
            "output": ["IMAGE"],
            "output_node": False,
        }
    }


def test_choices_from_the_input_folder_omit_other_users_files() -> None:
    """Custom nodes list the same folder as a plain choice. The form doesn't offer other users'
    files there."""
    uploads = {
        "A": {
            "input": {
                "required": {"image": [["a.png", SECRET, "mine.png"], {"image_upload": True}]}
            }
        }
    }
    nodes = catalog(**uploads, **lister("Lister", "none", "a.png", SECRET, "mine.png"))
    assert nodes.uploads == {"a.png", SECRET, "mine.png", *small_catalog().uploads}
    prompt = {
        "1": node("Lister", file="mine.png"),
        "2": node("SaveImage", images=["1", 0], filename_prefix="x"),
    }
    workflow = parse_workflow("a", prompt)
    form = build_form(workflow, nodes)
    assert [value for _, value in form.field("1.file").choices or ()] == ["none", "mine.png"]
    assert "1.file" in check(form, {"1.file": SECRET})[1]
    assert SECRET not in str(check(form, {"1.file": SECRET[:-1]})[1])
    assert SECRET not in json.dumps(form.to_json())
    (found,) = (one for one in find_candidates(workflow.prompt, nodes) if one.input == "file")
    assert found.spec is not None
    assert found.spec.choices == ("none", "mine.png")


def test_a_toml_cannot_offer_uploads() -> None:
    """An author can't turn a file's field into a list or a text, because it would show or read
    every user's files."""
    prompt = {
        "1": node("LoadImage", image="example.png"),
        "2": node("SaveImage", images=["1", 0], filename_prefix="x"),
    }
    for widget in ("dropdown", "text"):
        config = parse_config("a.toml", {"fields": {"1.image": {"widget": widget}}})
        form = build_form(Workflow("a", prompt, config=config), small_catalog())
        field = form.field("1.image")
        assert (field.widget, field.choices) == ("image", None)
        assert "this field takes a file" in form.problems[0]


def test_texts_that_name_a_server_file_are_emptied() -> None:
    """The app also empties a text that another node hands to a loader. It doesn't change other
    texts."""
    prompt = {
        "1": node("PrimitiveString", value="ComfyUI_00001_.png [output]"),
        "2": node("PrimitiveString", value="a [red] hat [output] and more"),
        "3": node("LoadImage", image=["1", 0]),
        "4": node("LoadImage", image="example.png"),
        "5": node("Unknown", image="a.png", text="x.png [temp] "),
    }
    emptied = sanitize(parse_workflow("a", prompt), small_catalog(), UPLOADS).prompt
    assert emptied["1"]["inputs"] == {"value": ""}
    assert emptied["2"]["inputs"] == prompt["2"]["inputs"]
    assert emptied["3"]["inputs"] == {"image": ""}
    assert emptied["4"]["inputs"] == {"image": ""}
    assert emptied["5"]["inputs"] == {"image": "a.png", "text": ""}


@pytest.mark.parametrize("workflow", ["image-to-image", "inpaint", "upscale"])
def test_a_form_shows_no_other_users_uploads(served: Served, workflow: str) -> None:
    """Uploads appear neither as choices, nor as examples, nor in the error for an invalid value."""
    _, app = served
    page = PageCalls(app, BOB).open(workflow)
    answers = [page.draw(page.choice).text, page.press().text, json.dumps(page.components)]
    fields = [key for key, value in page.held.items() if isinstance(value, dict)]
    answers += [page.press(dict.fromkeys(fields, wrong)).text for wrong in (None, {})]
    answers += [
        requests.get(app.url + path, timeout=LONGEST_WAIT).text
        for path in ("/", "/config", "/gradio_api/info")
    ]
    assert fields
    assert not [text for text in answers if SECRET in text]


def test_a_client_without_a_cookie_sees_no_list(served: Served) -> None:
    """The app can't tell apart scripts and browsers without cookies. It shows none of them another
    client's runs."""
    _, app = served
    run = start(app, "text-to-image", "", **{"5.steps": 60, "4.batch_size": 8})
    with page_open(app, "") as socket:
        assert told(socket, lambda news: "runs" in news)["runs"] == []
    run.cancel()
    finished(run)
