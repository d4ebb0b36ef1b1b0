"""Markup and script from workflows, authors and servers are shown as text and never run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
from playwright.sync_api import expect

from comfy.demo import DemoServer
from comfy.demo.nodes.registry import NODES
from tests.browser.test_markup import NODE, PROMPT, RUN_IT, TOML, Visit, evil
from tests.support.leaks import Closing
from tests.support.serving import running_app
from tests.support.visitor import Site, Visitor

OPENED = {"1": {"class_type": RUN_IT, "inputs": {}}}


@pytest.fixture(scope="module")
def full_site(
    tmp_path_factory: pytest.TempPathFactory, own_temporary_folder: Path, closing: Closing
) -> Iterator[Site]:
    """A folder and a server full of it."""
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
    """Somebody on it, for whom nothing of it may run. `visit` sees that no request goes
    elsewhere."""
    person = visit(site)
    yield person
    assert person.page.evaluate("window.owned") is None
    assert not person.page.locator("img[src=x], svg[onload], b[onmouseover]").count()
    person.leave()


def test_an_address_shows_its_words_as_they_are(person: Visitor) -> None:
    """A link that somebody was sent: an unknown workflow, and values for fields that are there or
    not."""
    page = person.page
    page.goto(f"{person.site.url}/?{urlencode({'workflow': evil('unknown')})}")
    expect(page.locator("#no-form")).to_contain_text("unknown <img src=x")
    values = {
        "1.text": evil("linked"),
        "1.steps": evil("linked"),
        f"9.{evil('x')}": evil("linked"),
        "1.model": "<i>",
    }
    person.open("evil", **values)
    expect(person.entry("1.text")).to_have_value(evil("linked"))
    an_opened_file_shows_its_name_as_it_is(person)


def an_opened_file_shows_its_name_as_it_is(person: Visitor) -> None:
    """A file with such a name, which is a workflow or none."""
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
