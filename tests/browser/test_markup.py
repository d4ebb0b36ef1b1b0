"""Markup and script from workflows, authors and servers are shown as text and never run."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlencode

import pytest
from playwright.sync_api import expect

from comfyui_standin import DemoServer
from comfyui_standin.nodes.base import (
    Inputs,
    NodeClass,
    NodeFailure,
    NodeInfo,
    NodeResult,
    NodeRun,
    node_info,
    spec,
)
from comfyui_standin.nodes.registry import NODES
from tests.support.leaks import closing
from tests.support.serving import running_app
from tests.support.visitor import Site, Visit, Visitor

RUN_IT = "window.owned=1"
OUTSIDE = "http://outside.example"


def evil(mark: str) -> str:
    """Return a hostile text behind a word to find it by: tags, quotes, templates, and Markdown that
    fetches an image."""
    tags = (
        f'<img src=x onerror="{RUN_IT}"><svg onload="{RUN_IT}"></svg><script>{RUN_IT}</script><i>'
    )
    quotes = f"""'"><b onmouseover='{RUN_IT}'>"""
    templates = f"${{{RUN_IT}}} {{{{constructor.constructor('{RUN_IT}')()}}}}"
    return (
        f"{mark} {tags}{quotes}{templates} ![p]({OUTSIDE}/p) [l](javascript:{RUN_IT})"
        " &lt;em&gt; end"
    )


FILE = f"""result'"><img src=x onerror="{RUN_IT}">.txt"""
LOADED = f"{evil('model').replace('/', '')}.safetensors"  # lists show the last part of a path


def describe(_: object) -> NodeInfo:
    """Describe a node of a malicious server."""
    required = {
        "text": spec("STRING", multiline=True, default="", tooltip=evil("tooltip")),
        "model": spec([LOADED, "plain.safetensors"], tooltip=evil("tip")),
        "count": spec("INT", default=3, min=1, max=9, tooltip=evil("hint")),
    }
    return node_info(
        "Evil", evil("class"), "", required=required, output_node=True, description=evil("about")
    )


def work(run: NodeRun, inputs: Inputs) -> NodeResult:
    """Fail with a hostile message, or return a text and a file with a hostile name."""
    if inputs["text"] == "fail":
        raise NodeFailure(evil("failure"))
    directory, subfolder, _, _ = run.storage.next_name("output", "x")
    (directory / FILE).write_text("harmless")
    file = {"filename": FILE, "subfolder": subfolder, "type": "output"}
    return NodeResult((inputs["text"],), {"text": [evil("answer")], "files": [file]})


def judge(_: object, inputs: Inputs) -> Mapping[str, str]:
    """Refuse the input with a hostile message."""
    return {"text": evil("refusal")} if inputs["text"] == "refuse" else {}


NODE = NodeClass(describe, work, validate=judge, validated=frozenset({"text"}))
PROMPT = {
    "1": {
        "class_type": "Evil",
        "inputs": {"text": evil("text"), "model": LOADED, "count": 3},
        "_meta": {"title": evil("title")},
    }
}
TOML = f"""
title = {json.dumps(evil("heading"))}
description = {json.dumps(evil("description"))}
[fields."1.text"]
label = {json.dumps(evil("label"))}
help = {json.dumps(evil("help"))}
[fields."1.{evil("nothing").replace('"', "")}"]
"""


@pytest.fixture(scope="module")
def full_site(
    tmp_path_factory: pytest.TempPathFactory, own_temporary_folder: Path
) -> Iterator[Site]:
    """Yield a site whose folder and server are full of hostile text."""
    folder = tmp_path_factory.mktemp("workflows")
    (folder / "evil.json").write_text(json.dumps(PROMPT))
    (folder / "evil.toml").write_text(TOML)
    (folder / f"{evil('file')[:60]}.json").write_text("{")
    with (
        DemoServer(step_seconds=0, nodes={**NODES, "Evil": NODE}) as demo,
        running_app(demo.url, workflows=folder) as app,
    ):
        closing.append(app.close_idle)
        yield Site(app.url, demo, app)


@pytest.fixture
def site(full_site: Site, nothing_left_behind: None) -> Iterator[Site]:
    yield full_site
    full_site.rest()


@pytest.fixture
def person(site: Site, visit: Visit) -> Iterator[Visitor]:
    """Yield a user on this site and check that no injected markup runs. `visit` checks that no
    request goes elsewhere."""
    person = visit(site)
    yield person
    assert person.page.evaluate("window.owned") is None
    assert not person.page.locator("img[src=x], svg[onload], b[onmouseover]").count()
    person.leave()


def joined(text: str) -> str:
    """Return the text with the joiners that keep Gradio from turning it into links."""
    return text.replace("](", "]\u2060(")


def test_hostile_text_in_forms_and_runs_is_shown_as_plain_text(person: Visitor, site: Site) -> None:
    """The form shows hostile text as it is in its title, description, labels, help, values, choices
    and remarks. So do the list of workflows and the workflow names in the list of the user's runs.
    A result shows it in texts, file names and settings. Errors show it in a failed node's message
    and in the server's message about a field."""
    page = person.open("evil").page
    are_of_the_form(person)
    page.keyboard.press("Escape")
    with site.demo.hold("POST /prompt"):
        for _ in range(2):
            person.press()
        expect(page.locator("#queue")).to_contain_text("heading <img src=x")
    expect(page.locator("#history .tile")).to_have_count(2)
    person.phase("done")
    are_of_a_result(person)
    person.type("1.text", "fail")
    person.press()
    person.phase("failed")
    expect(page.locator("#stage .headline")).to_contain_text("title <img src=x")
    page.locator("#stage .detail summary").click()
    expect(page.locator("#stage .detail pre")).to_contain_text(evil("failure"))
    person.type("1.text", "refuse")
    person.press()
    person.phase("refused")
    expect(person.field("1.text").locator(".field-error")).to_contain_text("refusal <img src=x")


def are_of_the_form(person: Visitor) -> None:
    """Check the words of the form and of the list of workflows."""
    page = person.page
    expect(page.locator("#heading h1")).to_contain_text(evil("heading"))
    page.locator("#description").get_by_role("button", name="More").click()
    expect(page.locator("#description p")).to_contain_text(evil("description"))
    label = person.field("1.text").locator("label")
    expect(label).to_contain_text(evil("label"))
    expect(label).to_contain_text(joined(evil("help")))
    expect(person.entry("1.text")).to_have_value(evil("text"))
    expect(page.locator("[role=note]")).to_contain_text("nothing <img src=x")
    person.unfold()
    expect(person.field("1.count")).to_contain_text(joined(evil("hint")))
    expect(person.field("1.model")).to_contain_text(joined(evil("tip")))
    person.entry("1.model").click()
    expect(page.locator("#form").get_by_role("option").first).to_contain_text("model <img src=x")
    page.keyboard.press("Escape")
    page.locator("#picker .chosen").click()
    options = page.locator("#picker").get_by_role("option")
    expect(options.filter(has_text="file <img src=x")).to_have_count(1)
    expect(options.filter(has_text=evil("heading"))).to_have_count(1)


def are_of_a_result(person: Visitor) -> None:
    """Check the words of a result."""
    page = person.page
    expect(page.locator("#stage .result-text")).to_have_text(evil("answer"), use_inner_text=True)
    download = page.get_by_role("link", name="Download", exact=True)
    expect(download).to_be_visible()
    with page.expect_download() as downloaded:
        download.click()
    assert downloaded.value.suggested_filename.endswith(".txt")
    page.locator("#stage .details summary").click()
    expect(page.locator("#stage .details")).to_contain_text(evil("text"))
    expect(page.locator("#stage .details")).to_contain_text("model <img src=x")


OPENED = {"1": {"class_type": RUN_IT, "inputs": {}}}


def test_hostile_text_in_links_is_shown_as_plain_text(person: Visitor) -> None:
    """A link with an unknown workflow, or with values for existing and missing fields, shows its
    words as plain text."""
    page = person.page
    page.goto(f"{person.site.url}/?{urlencode({'workflow': evil('unknown')})}")
    expect(page.locator("#no-form")).to_contain_text("unknown <img src=x")
    values = {
        "1.text": evil("linked"),
        "1.count": evil("linked"),
        f"9.{evil('x')}": evil("linked"),
        "1.model": "<i>",
    }
    person.open("evil", **values)
    expect(person.entry("1.text")).to_have_value(evil("linked"))
    an_opened_file_shows_its_name_as_it_is(person)


def an_opened_file_shows_its_name_as_it_is(person: Visitor) -> None:
    """Check a file with a hostile name, with and without a workflow inside."""
    page = person.page
    for content, place, said in (
        ("{", "#stage .headline", "dropped _img src_x onerror_window.owned_1_.json"),
        (json.dumps(OPENED), "#heading h1", "Dropped img src x onerror"),
    ):
        with page.expect_file_chooser() as chosen:
            page.locator("#open button").click()
        name = f"dropped <img src=x onerror={RUN_IT}>.json"
        file = {"name": name, "mimeType": "application/json", "buffer": content.encode()}
        chosen.value.set_files(file)  # type: ignore[arg-type]
        expect(page.locator(place)).to_contain_text(said)
    person.forgive("422")  # the browser's own note of the 422
