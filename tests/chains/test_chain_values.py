"""The values of a chain's steps, and the documents of steps that ran again."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from comfy.chains.open_chain import ChainSummary, OpenChain
from comfy.demo import DemoServer
from comfy.launch.start import FieldErrors
from comfy.launch.uploads import Upload
from comfy.records.groups import Group
from comfy.runs.interface import Origin
from tests.support.http_client import ANN
from tests.support.samples.extra_nodes import CLIP
from tests.support.serving import WORKFLOWS, RunningApp, running_app
from tests.support.waiting import eventually

OWNER = f"browser:{ANN}"
SMALL = "[steps.values]\nSteps = 1\nWidth = 256\nHeight = 256\n"
BOATS = f"""
title = "Boats"
[[steps]]
name = "make"
workflow = "text-to-image"
show = ["Prompt", "Seed"]
{SMALL}
[[steps]]
name = "large"
workflow = "upscale"
show = ["Model"]
[steps.inputs]
"Your image" = "make"
[[steps]]
name = "over"
workflow = "image-to-image"
show = ["Prompt"]
[steps.values]
Steps = 1
[steps.inputs]
"Your image" = "large"
"""
MAKE, SEED, OVER = "make.2.text", "make.5.seed", "over.2.text"


@pytest.fixture
def app(tmp_path: Path) -> Iterator[RunningApp]:
    """Yield the app with three workflows and a chain of them."""
    for name in ("text-to-image", "upscale", "image-to-image"):
        for file in (f"{name}.json", f"{name}.toml"):
            (tmp_path / file).write_bytes((WORKFLOWS / file).read_bytes())
    (tmp_path / "boats.chain.toml").write_text(BOATS)
    with (
        DemoServer(step_seconds=0, painted=64) as demo,
        running_app(demo.url, workflows=tmp_path, may_keep=True) as app,
    ):
        yield app


def done(app: RunningApp) -> ChainSummary:
    eventually(lambda: app.services.chains.recent(OWNER)[-1].state != "running")
    chain = app.services.chains.recent(OWNER)[-1]
    assert chain.state == "done", chain
    return chain


def test_unknown_values_of_switches_and_options_are_refused(
    app: RunningApp, tmp_path: Path
) -> None:
    """The app reports the error on the switch's key, with the allowed values, next to the errors in
    a step's values. Case doesn't matter. The app never starts another chain instead."""
    switches = '[switches]\nlook = ["photo", "oil"]\nlarge = false\n'
    (tmp_path / "styles.chain.toml").write_text(
        BOATS.replace("[[steps]]", f"{switches}[[steps]]", 1).replace(
            'name = "large"', 'name = "large"\noptional = true'
        )
    )
    chains = app.services.chains
    one_of = "The switch “look” must be one of “photo”, “oil”, not “{}”."
    for given, wrong in (
        ({"switches:.look": "x"}, [("switches:.look", one_of.format("x"))]),
        ({"switches:.look": None, SEED: "s"}, [("switches:.look", one_of.format("")), (SEED, "")]),
        ({"switches:.large": 2.5, "large.runs": "nein"}, [("large.runs", "Enter true or false.")]),
        ({"switches:.large": "nein"}, [("switches:.large", "must be one of “false”, “true”, not")]),
    ):
        with pytest.raises(FieldErrors) as refused:
            chains.start("styles.chain", given, Origin(OWNER))
        errors = refused.value.errors
        assert [*errors] == [key for key, _ in wrong]
        for key, said in wrong:
            assert said in errors[key]
    assert not chains.recent(OWNER)
    form = app.services.chain_forms.form("styles.chain", OWNER, {"switches:.look": " OIL"})
    assert not form.plan.wrong


def test_values_without_a_field_are_reported_with_other_errors(app: RunningApp) -> None:
    """The errors don't mention seeds, because the app draws them later."""
    wrong = {"make.2.txt": "x", "large.7.steps": "many", SEED: None, "x.y": 1}
    with pytest.raises(FieldErrors) as refused:
        app.services.chains.start("boats.chain", wrong, Origin(OWNER))
    assert [*refused.value.errors] == ["make.2.txt", "x.y", "large.7.steps"]
    assert refused.value.labelled["large.7.steps"].startswith("Step “large”, Steps: ")
    good = {MAKE: "a ship", SEED: None}
    with pytest.raises(FieldErrors) as refused:
        app.services.chains.start("boats.chain", good | {"x.y": 1}, Origin(OWNER))
    assert [*refused.value.errors] == ["x.y"]


def test_a_finished_chain_reports_its_total_time(app: RunningApp) -> None:
    """The total excludes the time between the chain's end and the moment when the user resumes
    it."""
    told = {"chain": "boats.chain", "title": "Boats", "idle": 10.0}
    chain = OpenChain(Group("boats", OWNER, "chain", 100.0, "done", told, {}, 160.0))
    assert chain.summary.seconds == 50
    before = time.time()
    chain.go_on(app.services.chain_forms.plan("boats.chain", OWNER, {}))
    assert chain.summary.seconds is None
    assert chain.group.about["idle"] >= 10 + before - 160


def test_an_added_but_empty_file_field_starts_no_new_run(app: RunningApp, tmp_path: Path) -> None:
    saved = {"class_type": "SaveImage", "inputs": {"images": ["2", 0], "filename_prefix": "x"}}
    images = {node: CLIP[node] for node in ("1", "2")} | {"5": saved}
    (tmp_path / "images.json").write_text(json.dumps(images))
    step = '[[steps]]\nname = "all"\nworkflow = "images"\nshow = ["Image"]\n'
    (tmp_path / "images.chain.toml").write_text(step)
    file, added = WORKFLOWS / "upscale.webp", "all.2.images.image1.image"
    given = {"all.1.image": Upload("photo.webp", file)}
    runs = []
    for more in ({}, {added: None}, {added: Upload("other.webp", file)}):
        app.services.chains.start("images.chain", given | more, Origin(OWNER))
        runs.append(done(app).steps[0].ended[0])
    assert runs[0] == runs[1] != runs[2]
