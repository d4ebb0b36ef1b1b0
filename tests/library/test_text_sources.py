"""Runs that use the text of an earlier run record it as a parent."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from comfy.batches.spec import AxisSpec, BatchSpec
from comfy.demo import DemoServer
from comfy.records.record import Record
from comfy.runs.interface import Origin, RunPolicy
from tests.support.samples.forms import node, text_to_image
from tests.support.serving import RunningApp, running_app
from tests.support.waiting import eventually

OWNER = "user:ann"
SAID = "a {boat} at night"
# The text field of this one is drawn from, as prompts are.
WORDS = text_to_image(
    n4=node("CheckpointLoaderSimple", ckpt_name="demo-landscapes.safetensors"),
    n5=node("EmptyLatentImage", width=64, height=64, batch_size=1),
    n6=node("CLIPTextEncode", "Prompt", text="", clip=["4", 1]),
)
SAYS = {
    "1": node("PrimitiveStringMultiline", "Words", value=SAID),
    "2": node("PreviewAny", source=["1", 0]),
}
PUT_IN = r"a \{boat\} at night"
CHAIN = '[[steps]]\nname = "only"\nworkflow = "words"\nshow = ["Prompt", "Seed"]\n'


@pytest.fixture
def app(tmp_path: Path) -> Iterator[RunningApp]:
    """Run an app with a workflow that outputs text, another that takes text, and a chain that uses
    both."""
    (tmp_path / "words.json").write_text(json.dumps(WORDS))
    (tmp_path / "says.json").write_text(json.dumps(SAYS))
    (tmp_path / "two.chain.toml").write_text(CHAIN + CHAIN.replace("only", "other"))
    with (
        DemoServer(step_seconds=0, painted=64) as demo,
        running_app(demo.url, workflows=tmp_path) as app,
    ):
        yield app


def said_by(app: RunningApp, owner: str = OWNER, text: str = SAID) -> Record:
    """Run a workflow that outputs this text, and return its record."""
    run = app.services.starter.start(
        "says", {"1.value": text}, Origin(owner), RunPolicy(keeps_going=True)
    )
    eventually(lambda: run.state.phase.finished)
    return run.record


def of_group(app: RunningApp, group: str) -> list[Record]:
    """Return the finished runs of a batch or chain."""
    assert app.services.runs.history is not None
    found = app.services.runs.history.of(OWNER, limit=100)
    return [one for one in found if one.group == group]


def made_in(app: RunningApp, chain: str) -> list[Record]:
    """Wait until a chain ends, and return its runs."""
    eventually(lambda: app.services.chains.get(chain, OWNER).finished)
    return of_group(app, chain)


def made_from(app: RunningApp, record: Record) -> list[str]:
    return [one.id for one in app.services.chain_forms.lineage(record).made_from]


def test_only_own_texts_count(app: RunningApp) -> None:
    """The app looks up the given ids only among the user's own runs."""
    others = said_by(app, "user:bob")
    run = app.services.starter.start(
        "words",
        {"6.text": PUT_IN},
        Origin(OWNER, text_sources=(others.id, "x", "\ud800", "")),
        RunPolicy(keeps_going=True),
    )
    assert run.record.parents == ()
    eventually(lambda: run.state.phase.finished)


def test_rows_and_steps_are_made_from_it_too(app: RunningApp) -> None:
    """In a batch, each row that keeps the form's text is made from it. In a chain, each step with
    the text is, even if it gets the text only when the user resumes the chain."""
    source = said_by(app)
    services = app.services
    spec = BatchSpec((AxisSpec("3.seed", "1..2"),))
    base = {"6.text": PUT_IN}
    batch = services.batches.start("words", base, spec, Origin(OWNER, text_sources=(source.id,)))
    eventually(lambda: services.batches.get(batch.id, OWNER).state == "done")
    rows = of_group(app, batch.id)
    assert [made_from(app, one) for one in rows] == [[source.id]] * 2
    other = said_by(app, text="at sea")
    values = {"only.6.text": "a boat", "other.6.text": PUT_IN}
    chain = services.chains.start("two.chain", values, Origin(OWNER, text_sources=(source.id,)))
    ended = made_in(app, chain.id)
    assert sorted(made_from(app, one) for one in ended) == [[], [source.id]]
    mended = {**values, "only.6.text": "at sea"}
    services.chains.go_on(chain.id, OWNER, mended, again=["only"], text_sources=[other.id])
    (last,) = (one for one in made_in(app, chain.id) if one not in ended)
    assert made_from(app, last) == [other.id]
    varied = services.chains.vary(last)
    again = {source: one for one in made_in(app, varied.id) for source in made_from(app, one)}
    assert again.keys() == {source.id, other.id}
    assert again[other.id].job.values["6.text"] == "at sea"


@pytest.mark.parametrize(
    ("text", "counts"),
    [(PUT_IN, True), (f"{PUT_IN}\nin oil", True), (f"{PUT_IN}, in oil", False), ("", False)],
)
def test_an_unchanged_source_text_is_recorded_as_a_parent(
    app: RunningApp, text: str, counts: bool
) -> None:
    """The source counts as long as its text is still there, unchanged. It counts for each run that
    one press starts."""
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
