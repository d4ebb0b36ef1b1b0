"""Serving Gradio's scripts to the browser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import gradio as gr
import pytest
import requests

from tests.imports import ROOT
from tests.support.serving import RunningApp, running_demo_app
from tests.support.waiting import LONGEST_WAIT
from ui.gradio.page_files import UNUSED_VARIABLES, style_text

ASSETS = Path(gr.__file__).with_name("templates") / "frontend" / "assets"


@pytest.fixture(scope="module")
def app(own_temporary_folder: object) -> Iterator[RunningApp]:
    with running_demo_app() as (_, running):
        yield running


@pytest.mark.parametrize("packing", ["br", "gzip", "identity"])
@pytest.mark.parametrize("kind", ["js", "css"])
def test_a_script_is_the_same_with_and_without_compression(
    app: RunningApp, kind: str, packing: str
) -> None:
    """The app serves Gradio's script byte for byte and its style sheet in a layer, and browsers may
    cache both permanently."""
    page = requests.get(app.url, timeout=LONGEST_WAIT).text
    name = re.search(rf"/assets/(index-[\w.-]+\.{kind})", page)[1]
    answer = requests.get(
        f"{app.url}/assets/{name}", headers={"accept-encoding": packing}, timeout=LONGEST_WAIT
    )
    file = ASSETS / name
    assert answer.content == (style_text(file).encode() if kind == "css" else file.read_bytes())
    assert answer.headers.get("content-encoding", "identity") == packing
    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["content-type"].startswith(
        {"js": "text/javascript", "css": "text/css"}[kind]
    )


@pytest.mark.parametrize("name", ["nothing.js", "..%2F..%2Fserver.py", "%2E%2E/index.html"])
def test_nothing_else_is_there(app: RunningApp, name: str) -> None:
    """The app serves no other file, in particular none outside the folder."""
    assert requests.get(f"{app.url}/assets/{name}", timeout=LONGEST_WAIT).status_code in (403, 404)


def test_the_document_requests_what_gradio_would_find_later(app: RunningApp) -> None:
    """One style sheet has the rules of all others, which Gradio then doesn't load: their tags are
    disabled."""
    page = requests.get(app.url, timeout=LONGEST_WAIT).text
    scripts = re.findall(r'<link rel="modulepreload" href="\./assets/([\w.-]+\.js)">', page)
    assert {name.partition("-")[0] for name in scripts} > {"index", "core", "Blocks", "Index"}
    styles = re.findall(
        r'<link rel="stylesheet" href="\./assets/([\w.-]+\.css)"( disabled)?>', page
    )
    (joined,) = [name for name, disabled in styles if not disabled]
    text = requests.get(f"{app.url}/assets/{joined}", timeout=LONGEST_WAIT).text
    others = [name for name, disabled in styles if disabled]
    assert len(others) > 20
    seen = [name for name in others if "HistoryStorageControl" not in name]
    assert len(seen) == len(others) - 1
    assert style_text(*(ASSETS / name for name in seen)) in text


def test_dropped_variables_are_named_nowhere() -> None:
    """Neither Gradio's styles and scripts nor the app's use a variable that the page leaves out."""
    folders = (ASSETS, ROOT / "ui", ROOT / "comfyforms")
    text = "\n".join(
        file.read_text(encoding="utf-8", errors="replace")
        for folder in folders
        for kind in ("css", "js", "py")
        for file in folder.rglob(f"*.{kind}")
    )
    dropped = {one[0].partition(":")[0] for one in UNUSED_VARIABLES.finditer(text)}
    used = {*re.findall(r"--[\w-]+\b(?!:)", text)}
    assert len(dropped) > 150
    assert dropped & used == set()
