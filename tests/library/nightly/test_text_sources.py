"""Runs that use the text of an earlier run record it as a parent."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from comfy.demo import DemoServer
from comfy.runs.interface import Origin, RunPolicy
from tests.library.test_text_sources import CHAIN, OWNER, PUT_IN, SAYS, WORDS, made_from, said_by
from tests.support.serving import RunningApp, running_app
from tests.support.waiting import eventually


@pytest.fixture
def app(tmp_path: Path) -> Iterator[RunningApp]:
    """An app with a workflow that makes a text, one that is given one, and a chain of that."""
    (tmp_path / "words.json").write_text(json.dumps(WORDS))
    (tmp_path / "says.json").write_text(json.dumps(SAYS))
    (tmp_path / "two.chain.toml").write_text(CHAIN + CHAIN.replace("only", "other"))
    with (
        DemoServer(step_seconds=0, painted=64) as demo,
        running_app(demo.url, workflows=tmp_path) as app,
    ):
        yield app


@pytest.mark.parametrize(
    ("text", "counts"),
    [(PUT_IN, True), (f"{PUT_IN}\nin oil", True), (f"{PUT_IN}, in oil", False), ("", False)],
)
def test_a_run_is_made_from_the_run_whose_text_it_was_given(
    app: RunningApp, text: str, counts: bool
) -> None:
    """As long as the text stands there as it was; of several runs of a press each is."""
    source = said_by(app)
    batch = app.services.starter.start_several(
        "words",
        {"6.text": text},
        Origin(OWNER, text_sources=(source.id,)),
        2,
        RunPolicy(keeps_going=True),
    )
    for run in batch.runs:
        eventually(lambda run=run: run.state.phase.finished)  # type: ignore[misc]
        assert made_from(app, run.record) == ([source.id] if counts else [])
        assert run.record.parents == ((source.id,) if counts else ())
