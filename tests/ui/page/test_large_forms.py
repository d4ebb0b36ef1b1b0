"""The cost of a form on the page grows with what it shows, not with the graph."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from comfyui_standin import DemoServer
from tests.support.gradio_calls import PageCalls
from tests.support.large_graphs import write_large
from tests.support.serving import PAINTED, RunningApp, running_app

SIZES = (30, 300)


@pytest.fixture(scope="module")
def app(own_temporary_folder: Path) -> Iterator[RunningApp]:
    folder = write_large(own_temporary_folder / "large", *SIZES)
    with (
        DemoServer(step_seconds=0, painted=PAINTED) as demo,
        running_app(demo.url, workflows=folder) as app,
    ):
        yield app


def test_listeners_of_a_form_grow_with_its_fields(app: RunningApp) -> None:
    """Gradio collects all inputs of a listener at each of its triggers. With a listener for all
    fields that each field triggers, the work would grow with the square of their number."""
    page = PageCalls(app)
    before = len(page.listeners)
    page.open("large-300")
    work = sum(
        len(one["targets"]) * (len(one["inputs"]) + len(one["outputs"]))
        for one in page.listeners[before:]
    )
    fields = [
        one for one in page.components if str(one["props"].get("elem_id")).startswith("field-")
    ]
    assert len(fields) > 100
    assert work < 10 * len(fields)
