"""Serving Gradio's scripts to the browser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import gradio as gr
import pytest
import requests

from tests.support.serving import RunningApp, running_demo_app
from tests.support.waiting import LONGEST_WAIT

ASSETS = Path(gr.__file__).with_name("templates") / "frontend" / "assets"


@pytest.fixture(scope="module")
def app(own_temporary_folder: object) -> Iterator[RunningApp]:
    with running_demo_app() as (_, running):
        yield running


@pytest.mark.parametrize("packing", ["gzip", "identity"])
@pytest.mark.parametrize("kind", ["js", "css"])
def test_a_script_is_the_same_with_and_without_compression(
    app: RunningApp, kind: str, packing: str
) -> None:
    """The app serves Gradio's file byte for byte, and browsers may cache it permanently."""
    page = requests.get(app.url, timeout=LONGEST_WAIT).text
    name = re.search(rf"/assets/([\w.-]+\.{kind})", page)[1]
    answer = requests.get(
        f"{app.url}/assets/{name}", headers={"accept-encoding": packing}, timeout=LONGEST_WAIT
    )
    assert answer.content == (ASSETS / name).read_bytes()
    assert answer.headers.get("content-encoding", "identity") == packing
    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["content-type"].startswith(
        {"js": "text/javascript", "css": "text/css"}[kind]
    )


@pytest.mark.parametrize("name", ["nothing.js", "..%2F..%2Fserver.py", "%2E%2E/index.html"])
def test_nothing_else_is_there(app: RunningApp, name: str) -> None:
    """The app serves no other file, in particular none outside the folder."""
    assert requests.get(f"{app.url}/assets/{name}", timeout=LONGEST_WAIT).status_code in (403, 404)
