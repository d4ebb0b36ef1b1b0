"""The cost of a form grows with the fields on the page, not with the graph."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from comfy.form.model import Field
from comfyui_standin import DemoServer
from tests.support.gradio_calls import PageCalls
from tests.support.http_client import ANN, finished
from tests.support.large_graphs import write_large
from tests.support.serving import PAINTED, RunningApp, running_app
from ui.page.form.kinds.view import element_id

SMALLER, LARGER = "large-300", "large-600"
ADVANCED = "section-"


@pytest.fixture(scope="module")
def app(own_temporary_folder: Path) -> Iterator[RunningApp]:
    folder = write_large(own_temporary_folder / "large", 300, 600)
    with (
        DemoServer(step_seconds=0, painted=PAINTED) as demo,
        running_app(demo.url, workflows=folder) as app,
    ):
        yield app


def fields_of(app: RunningApp, name: str) -> list[Field]:
    _, form = app.services.forms.form(name, f"browser:{ANN}")
    return [field for field in form.fields if field.group != "hidden"]


def drawn(page: PageCalls) -> set[str]:
    """Return the ids of the fields on the page."""
    ids = {str(one["props"].get("elem_id")) for one in page.components}
    return {one for one in ids if one.startswith("field-")}


def offered(page: PageCalls) -> set[str]:
    """Return the keys of the fields in groups that can be opened."""
    text = "".join(str(one["props"].get("value")) for one in page.components)
    lists = re.findall(r'data-opens="[^"]*" data-keys="([^"]*)"', text)
    return {key for keys in lists for key in json.loads(html.unescape(keys))}


def test_listeners_of_a_form_grow_with_its_fields(app: RunningApp) -> None:
    """Gradio collects all inputs of a listener at each of its triggers. With a listener for all
    fields that each field triggers, the work would grow with the square of their number."""
    page = PageCalls(app)
    before = len(page.listeners)
    fields = fields_of(app, SMALLER)
    page.open(SMALLER, unfolded=[element_id(field) for field in fields])
    work = sum(
        len(one["targets"]) * (len(one["inputs"]) + len(one["outputs"]))
        for one in page.listeners[before:]
    )
    assert drawn(page) == {element_id(field) for field in fields}
    assert len(fields) > 300
    assert work < 10 * len(fields)


def test_a_larger_graph_draws_no_more(app: RunningApp) -> None:
    """Neither components nor listeners nor values to send, whether Advanced is open or not."""
    for unfolded in ([], [ADVANCED]):
        smaller, larger = (PageCalls(app) for _ in range(2))
        smaller.open(SMALLER, unfolded=unfolded)
        larger.open(LARGER, unfolded=unfolded)
        assert len(larger.components) == len(smaller.components) < 300
        assert len(larger.listeners) == len(smaller.listeners)
        assert len(smaller.held) < 100


def test_every_field_of_a_large_graph_can_be_shown(app: RunningApp) -> None:
    """Advanced lists the fields by node. A node's fields are drawn once the user opens it."""
    page = PageCalls(app).open(LARGER, unfolded=[ADVANCED])
    fields = fields_of(app, LARGER)
    keys = {field.key for field in fields if element_id(field) in drawn(page)}
    assert keys | offered(page) == {field.key for field in fields}
    steps = next(field for field in fields if field.input == "cfg" and field.key not in keys)
    page.draw({**page.choice, "unfolded": [ADVANCED, f"{ADVANCED}-{steps.node}"]})
    assert element_id(steps) in drawn(page)
    page.draw({**page.choice, "unfolded": [element_id(steps)]})
    assert element_id(steps) in drawn(page)


def test_a_folded_value_that_the_user_has_changed_is_sent(app: RunningApp) -> None:
    """The author's values of folded fields aren't."""
    one, *others = (field.key for field in fields_of(app, LARGER)[::-1] if field.input == "cfg")
    page = PageCalls(app).open(LARGER, kept={one: 3.5})
    assert page.held[one] == 3.5
    assert not set(others) & set(page.held)
    run = app.services.runs.get(page.said(page.press())["run"], f"browser:{ANN}")
    run.cancel()
    sent = finished(run).record.job.values
    assert sent[one] == 3.5
    assert {sent[key] for key in others} == {7.0}
