r"""Files of users and servers: only the app's own checks open them, and every refusal is an error
message.

The app runs in its own process. Its PATH has decoy programs that report each call, and each Pillow
decoder that the app doesn't allow reports the call and raises an error.
"""

from __future__ import annotations

import base64
import itertools
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest
import requests

from comfyui_standin import DemoServer
from comfyui_standin.nodes.base import Inputs, NodeClass, NodeResult, NodeRun, fixed, node_info
from comfyui_standin.nodes.registry import NODES
from tests.support.app_process import started
from tests.support.gradio_calls import PageCalls
from tests.support.http_client import ANN, cookie_of, get
from tests.support.samples.forms import node
from tests.support.samples.hostile_files import FORMATS, files
from tests.support.samples.media import saved
from tests.support.serving import SECRET, RunningApp
from tests.support.waiting import LONGEST_WAIT, eventually

PROGRAMS = ("ffmpeg", "ffprobe", "gs", "convert", "magick", "inkscape", "rsvg-convert", "dvipng")
TELLING = """import PIL.Image as pillow
ALLOWED = ("PNG", "JPEG", "WEBP", "BMP", "DIB", "TIFF", "AVIF", "GIF")
register = pillow.register_open
def register_open(form, factory, accept=None):
    def telling(*_):
        with open({told!r}, "a") as file:
            file.write(f"Pillow {{form}}\\n")
        raise OSError(f"{{form}} is not to be opened")
    register(form, factory if form.upper() in ALLOWED else telling, accept)
pillow.register_open = register_open
"""
WIDGETS = ("image", "mask", "audio", "video", "file")
KEYS = tuple(f"{number}.image" for number in range(1, 6))


@dataclass(frozen=True, slots=True)
class Watched:
    """App in a separate process, with a file that records every call of a program or decoder."""

    app: RunningApp
    told: Path


def gives(run: NodeRun, inputs: Inputs) -> NodeResult:
    """Output a file of every kind under every name."""
    shown = []
    for form in FORMATS:
        for name, data in files(form):
            folder = Path(run.storage.folder("output") or "") / form
            folder.mkdir(exist_ok=True)
            (folder / name).write_bytes(data)
            shown.append({"filename": name, "subfolder": form, "type": "output"})
    return NodeResult((), {"images": shown})


GIFT = NodeClass(fixed(node_info("Gift", "Gift", "tests", required={}, output_node=True)), gives)


def workflows(folder: Path) -> None:
    """Write a form with fields for every kind of file, and a workflow that outputs every kind of
    file."""
    prompt = {str(number): node("LoadImage", image="example.png") for number in range(1, 6)}
    prompt |= {
        str(n + 10): node("SaveImage", images=[str(n), 0], filename_prefix="x") for n in range(1, 6)
    }
    (folder / "fields.json").write_text(json.dumps(prompt))
    fields = (
        f'[fields."{key}"]\nwidget = "{widget}"\n'
        for key, widget in zip(KEYS, WIDGETS, strict=True)
    )
    (folder / "fields.toml").write_text("\n".join(fields))
    (folder / "gift.json").write_text(json.dumps({"1": node("Gift")}))


@pytest.fixture(autouse=True)
def nothing_left_behind(only_loopback: None) -> None:
    """Skip the check for open connections. Between these tests, the app's process stays connected
    to the demo server in this process; both end with the module."""


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """Run the app in front of a demo server that outputs files of every kind."""
    folder = tmp_path_factory.mktemp("watched")
    told, programs, python, offered = (
        folder / name for name in ("told", "bin", "python", "workflows")
    )
    for one in (programs, python, offered):
        one.mkdir()
    for name in PROGRAMS:
        (programs / name).write_text(f'#!/bin/sh\necho "{name} $@" >> {told}\nexit 1\n')
        (programs / name).chmod(0o755)
    (python / "sitecustomize.py").write_text(TELLING.format(told=str(told)))
    workflows(offered)
    (folder / "data").mkdir()
    (folder / "data" / "secret").write_bytes(SECRET)
    options = ("--workflows", str(offered), "--data", str(folder / "data"))
    more = {"PATH": f"{programs}:{os.environ['PATH']}", "PYTHONPATH": str(python)}
    with (
        DemoServer(step_seconds=0, nodes={**NODES, "Gift": GIFT}) as demo,
        started("--server", demo.url, *options, fresh=True, **more) as one,
    ):
        yield Watched(RunningApp(one.url, *(cast(Any, None),) * 6), told)


@pytest.fixture
def app(watched: Watched) -> Iterator[RunningApp]:
    yield watched.app
    assert get(watched.app, "/config").ok
    assert not watched.told.exists(), watched.told.read_text()


def upload(app: RunningApp, name: str, data: bytes) -> str:
    """Upload a file as the page does and return its location."""
    answer = requests.post(
        f"{app.url}/gradio_api/upload",
        files={"files": (name, data)},
        cookies=cookie_of(ANN),
        timeout=LONGEST_WAIT,
    )
    assert answer.ok, answer.text
    return str(answer.json()[0])


def elements(places: tuple[str, ...]) -> dict[str, Any]:
    held: dict[str, Any] = {key: {"file": place} for key, place in zip(KEYS, places, strict=False)}
    held[KEYS[1]]["mask"] = places[1]
    return held


TURNS = (0, 1, 4)  # each puts the false names at other fields


@pytest.mark.parametrize(("form", "turn"), itertools.product(FORMATS, TURNS))
def test_finding_01_and_04_no_field_hands_a_file_to_anything(
    app: RunningApp, form: str, turn: int
) -> None:
    """The form is drawn with the file, redrawn, and submitted. If a field doesn't accept the file,
    the error says what to choose."""
    places = [upload(app, name, data) for name, data in files(form)]
    turned = tuple(places[turn:] + places[:turn])
    kept = {key: {"file": place} for key, place in zip(KEYS, turned, strict=True)}
    page = PageCalls(app).open("fields", kept=kept)
    answer = page.draw(page.choice)
    assert answer.ok
    assert "Choose a video file" in answer.text
    shown = [page.component(f"field-{number}-image")["props"]["value"] for number in range(1, 5)]
    assert shown == [None] * 4
    errors = page.said(page.press(elements(turned)))["errors"]
    assert [errors[key].startswith("Choose a") for key in KEYS[:4]] == [True] * 4


@pytest.mark.parametrize("form", FORMATS)
def test_finding_04_paint_is_never_decoded_as_anything_else(app: RunningApp, form: str) -> None:
    """The app refuses paint layers of every other kind over a valid image."""
    good = upload(app, "a.png", saved("PNG"))
    page = PageCalls(app).open("fields")
    for name, data in files(form):
        painted = {"file": good, "mask": upload(app, name, data)}
        errors = page.said(page.press({"2.image": painted}))["errors"]
        assert "Choose an image file" in errors["2.image"]


@pytest.mark.parametrize("form", FORMATS)
def test_finding_04_scripts_files_are_judged_alike(app: RunningApp, form: str) -> None:
    """Every field refuses a data URL with a file of another kind, and says why."""
    for media in ("image/png", "video/mp4"):
        url = f"data:{media};base64,{base64.b64encode(FORMATS[form]()).decode()}"
        call = {"data": ["fields", dict.fromkeys(KEYS, url)]}
        started = requests.post(
            f"{app.url}/gradio_api/call/run",
            json=call,
            cookies=cookie_of(ANN),
            timeout=LONGEST_WAIT,
        ).json()
        told = requests.get(
            f"{app.url}/gradio_api/call/run/{started['event_id']}",
            cookies=cookie_of(ANN),
            timeout=LONGEST_WAIT,
        )
        assert "Choose an image file" in told.text


def test_finding_01_the_past_is_put_back_unopened(app: RunningApp) -> None:
    """The app restores a run's inputs to their fields and reruns them without opening the files."""
    wav, mp4 = b"RIFF\x24\0\0\0WAVEfmt " + bytes(40), b"\0\0\0\x18ftypmp42" + bytes(40)
    given = (saved("PNG"), saved("PNG"), wav, mp4, FORMATS["eps"]())
    names = ("a.png", "b.png", "c.wav", "d.mp4", "e.png")
    page = PageCalls(app).open("fields")
    places = tuple(upload(app, name, data) for name, data in zip(names, given, strict=True))
    run = page.said(page.press(elements(places)))["run"]
    eventually(lambda: ended(app, run))
    values = get(app, f"/api/v1/runs/{run}/values").json()["values"]
    page.open("fields", kept=values)
    shown = [page.component(f"field-{number}-image")["props"]["value"] for number in (1, 3, 4, 5)]
    assert [one["orig_name"] for one in shown] == ["a.png", "c.wav", "d.mp4", "e.png"]
    for one in shown:
        assert get(app, f"/gradio_api/file={one['path']}").ok
    again = requests.post(
        f"{app.url}/api/v1/runs/{run}/again", cookies=cookie_of(ANN), timeout=LONGEST_WAIT
    )
    assert again.status_code < 500


def ended(app: RunningApp, run: str) -> bool:
    answer = get(app, f"/api/v1/runs/{run}?with_page=true")
    return answer.ok and answer.json()["phase"] in ("done", "failed", "refused")


def test_finding_01_and_08_results_of_every_kind_are_not_opened(app: RunningApp) -> None:
    """The app shows the server's files at its own addresses, makes thumbnails only of images, and
    fetches no file by itself."""
    page = PageCalls(app).open("gift")
    run = page.said(page.press())["run"]
    eventually(lambda: ended(app, run))
    assert get(app, f"/api/v1/runs/{run}?with_page=true").json()["phase"] == "done", get(
        app, f"/api/v1/runs/{run}?with_page=true"
    ).text
    told = get(app, f"/api/v1/runs/{run}?with_page=true")
    assert "127.0.0.1" not in told.text
    total = len(FORMATS) * 5
    assert len(told.json()["page"]["files"]) == total
    for at in range(total):
        assert get(app, f"/files/{run}/{at}/thumb").status_code == 404
        assert get(app, f"/files/{run}/{at}/x").status_code == 200
    page.open("fields")
    use = page.listener("use", page.component("stage")["id"])
    for at in range(0, total, 7):
        assert page.call(use, event_data={"run": run, "at": at}).ok
