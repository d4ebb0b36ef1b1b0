"""The values of a chain's steps, and the documents of steps that ran again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from comfy.demo import DemoServer
from comfy.launch.uploads import Upload
from comfy.runs.interface import Origin
from tests.chains.test_chain_values import BOATS, MAKE, OVER, OWNER, SEED, done
from tests.support.http_client import BOB, get, post
from tests.support.samples.extra_nodes import CLIP, ENCODED, ENCODING
from tests.support.serving import WORKFLOWS, RunningApp, running_app

MADE_WITH = "Seed (Text to image)"  # as details say it


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


def test_a_step_that_repeats_its_result_reports_this(app: RunningApp) -> None:
    """Only a step that the user runs again says that its result is the same. If the result differs,
    the step says nothing and the later steps get the new result."""

    def same() -> list[bool]:
        return [step.same for step in done(app).steps]

    chains = app.services.chains
    chain_id = chains.start("boats.chain", {MAKE: "a boat", SEED: 5}, Origin(OWNER)).id
    assert same() == [False, False, False]
    before = [step.ended for step in done(app).steps]
    chains.go_on(chain_id, OWNER, again=["large"])
    assert same() == [False, True, False]
    after = [step.ended for step in done(app).steps]
    assert [one == other for one, other in zip(before, after, strict=True)] == [True, False, True]
    chains.go_on(chain_id, OWNER, {MAKE: "a ship", SEED: 5}, again=["make"])
    assert same() == [False, False, False]
    assert done(app).steps[2].ended != after[2]


def test_values_of_a_step_fill_the_form_of_its_chain(app: RunningApp) -> None:
    """The form gets the values of the run and of all runs before it, even if steps have run again
    with other values since. A varied chain starts with these values, except for its seeds. Escaped
    braces still draw no alternative. A run of a deleted chain counts as a run of its workflow."""

    def values(run: str) -> dict[str, Any]:
        return dict(get(app, f"/api/v1/runs/{run}/values").json())

    def varied(run: str) -> requests.Response:
        return post(app, f"/api/v1/runs/{run}/chain/vary")

    chains = app.services.chains
    boat, ship = r"a \{red\|blue\} boat", r"a \{ship\}"
    chain_id = chains.start("boats.chain", {MAKE: boat, SEED: 5}, Origin(OWNER)).id
    before = [step.ended[-1] for step in done(app).steps]
    mended = {MAKE: ship, SEED: 9, OVER: "at sea"}
    chains.go_on(chain_id, OWNER, mended, again=["make", "over"])
    after = [step.ended[-1] for step in done(app).steps]
    assert not {*before} & {*after}
    for runs, typed, seed in ((before, boat, 5), (after, ship, 9)):
        for run in runs:
            told = values(run)
            assert told["workflow"] == "boats.chain"
            assert (told["values"][MAKE], told["values"][SEED]) == (typed, seed)
    assert values(before[2])["values"][OVER] != "at sea"
    assert values(after[2])["values"][OVER] == "at sea"
    assert post(app, f"/api/v1/runs/{before[2]}/chain/vary", BOB).status_code == 404
    told = varied(before[2]).json()
    assert told["id"] == done(app).id != chain_id
    anew = values(done(app).steps[2].ended[0])["values"]
    assert anew[SEED] not in (5, 9)
    assert told["seeds"] == {SEED: str(anew.pop(SEED))}
    assert anew == {key: one for key, one in values(before[2])["values"].items() if key != SEED}
    chains.delete(chain_id, OWNER)
    alone = values(after[0])
    assert (alone["workflow"], alone["values"]["2.text"]) == ("text-to-image", ship)
    assert varied(after[0]).status_code == 404


def test_a_varied_chain_uses_the_files_of_its_run(app: RunningApp, tmp_path: Path) -> None:
    """The new chain uses the files of the run that it is started from."""
    step = '[[steps]]\nname = "large"\nworkflow = "upscale"\nshow = ["Your image"]\n'
    (tmp_path / "photo.chain.toml").write_text(step)
    given = {"large.4.image": Upload("photo.webp", WORKFLOWS / "upscale.webp")}
    app.services.chains.start("photo.chain", given, Origin(OWNER))
    first = app.runs.record(done(app).steps[0].ended[0], OWNER)
    assert post(app, f"/api/v1/runs/{first.id}/chain/vary").status_code == 201
    assert done(app).steps[0].ended == (first.id,)  # of the same the same comes


def test_a_chain_result_lists_its_own_and_its_sources_seeds(
    app: RunningApp, tmp_path: Path
) -> None:
    """A result has its own seeds in the history and in the details. The details also list the seeds
    of its sources that the user can set, even if another chain had already made a source or the
    chain repeats it. They list none if a seed is always the same."""

    def told(step: int) -> list[list[str]]:
        runs = [
            get(app, f"/api/v1/runs/{run}?with_page=true").json()
            for run in done(app).steps[step].ended
        ]
        for run in runs:
            assert [*run["seeds"].values()] == [
                value for name, value in run["page"]["details"] if name == "Seed"
            ]
        return [
            [value for name, value in run["page"]["details"] if name == MADE_WITH] for run in runs
        ]

    chains = app.services.chains
    for over, seed in (("at sea", 5), ("in port", 5), ("at sea", 9)):
        chains.start("boats.chain", {MAKE: "a boat", SEED: seed, OVER: over}, Origin(OWNER))
        assert [told(step) for step in range(3)] == [[[]], [[str(seed)]], [[str(seed)]]]
        (made,) = done(app).steps[0].ended
        doc = get(app, f"/api/v1/runs/{made}?with_page=true").json()
        assert [*doc["seeds"].values()] == [str(seed)]
    asked = BOATS.replace(', "Seed"]', "]")
    (tmp_path / "same.chain.toml").write_text(asked)
    each = asked.replace('" = "make"', '" = "make[each]"').replace(
        '" = "large"', '" = "large[each]"'
    )
    repeated = each.replace("[steps.values]", '[steps.repeat]\nSeed = "3..4"\n[steps.values]', 1)
    (tmp_path / "repeated.chain.toml").write_text(repeated)
    for name, expected in (("same.chain", [[]]), ("repeated.chain", [["3"], ["4"]])):
        chains.start(name, {}, Origin(OWNER))
        assert [told(step) for step in range(3)] == [[[]] * len(expected), expected, expected]


def test_a_chain_keeps_added_files_and_fields_of_a_choice(app: RunningApp, tmp_path: Path) -> None:
    """A chain keeps added files and a choice's fields whether its author fixes them or the user
    sets them. It also keeps them when the app varies the chain or makes it from runs."""
    added, again = "2.images.image1.image", "again"
    (tmp_path / "clip.json").write_text(json.dumps(CLIP))
    (tmp_path / "small.chain.toml").write_text(
        '[[steps]]\nname = "clip"\nworkflow = "clip"\nshow = ["Image"]\n'
        '[steps.values]\nCodec = "h264"\nEncoding = "re-encode"\n"Quality (CRF)" = 30\n'
        f'[[steps]]\nname = "{again}"\nworkflow = "clip"\n[steps.inputs]\n"Image" = "still"\n'
        '"Image 2" = "still"\n[[steps]]\nname = "still"\nworkflow = "upscale"\nshow = ["Your image"]\n'
    )
    file = WORKFLOWS / "upscale.webp"
    given = {
        "clip.1.image": Upload("photo.webp", file),
        f"clip.{added}": Upload("other.webp", file),
        "still.4.image": Upload("photo.webp", file),
        **{f"{again}.{key}": one for key, one in ENCODED.items()},
        f"{again}.{ENCODING}.crf": 40,
    }
    form = app.services.chain_forms.form("small.chain", OWNER, given).form
    assert [one.label for one in form.fields if one.key.startswith("clip.")] == ["Image", "Image 2"]
    app.services.chains.start("small.chain", given, Origin(OWNER))
    runs = [app.runs.record(step.ended[0], OWNER) for step in done(app).steps]
    assert [run.job.values.get(f"{ENCODING}.crf") for run in runs] == [30, 40, None]
    assert all({"1.image", added} <= run.job.inputs.keys() for run in runs[:2])

    assert post(app, f"/api/v1/runs/{runs[0].id}/chain/vary").status_code == 201
    assert [step.ended[0] for step in done(app).steps] == [run.id for run in runs]
    told = get(app, f"/api/v1/runs/{runs[0].id}/values").json()["values"]
    assert told[f"clip.{added}"]["file"]
    name, _ = app.services.chain_forms.add(runs[1], "Made", ["clip", "upscale"])
    last = app.services.chain_forms.form(name, OWNER).plan.steps[-1]
    assert last.values.items() >= {**ENCODED, f"{ENCODING}.crf": 40}.items()
    assert last.inputs.keys() == {"1.image", added}
