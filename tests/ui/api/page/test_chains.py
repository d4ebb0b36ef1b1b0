"""Chains behind the page: progress, changes, owners, and restarts of the app."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from comfy.base.errors import ChainNotFound, ComfyError
from comfy.chains.open_chain import ChainSummary
from comfy.form.seeds import CountUp
from comfy.launch.start import FieldErrors
from comfy.launch.uploads import Upload
from comfy.runs.interface import Origin
from comfyui_standin import DemoServer
from tests.support.http_client import ANN, BOB, get, post
from tests.support.samples.forms import WORKFLOWS
from tests.support.serving import RunningApp, running_app
from tests.support.waiting import LONGEST_WAIT, eventually
from ui.documents.group_docs import shown_chain

OWNER = f"browser:{ANN}"
ORIGIN = Origin(OWNER)
STEPS = "[steps.values]\nSteps = 2\nWidth = 256\nHeight = 256\n"
BOATS = f"""
title = "Boats"
[[steps]]
name = "make"
title = "Make"
workflow = "text-to-image"
show = ["Prompt", "Images", "Seed"]
{STEPS}
[[steps]]
name = "large"
workflow = "upscale.json"
show = ["Model"]
optional = true
[steps.values]
Steps = 2
[steps.inputs]
"Your image" = "make[each]"
[[steps]]
name = "over"
workflow = "image-to-image"
show = ["Prompt"]
{STEPS}
[steps.inputs]
"Your image" = "large"
"""
MAKE, SEED, IMAGES = "make.2.text", "make.5.seed", "make.4.batch_size"
MODEL, BROKEN = "large.1.ckpt_name", "demo-broken.safetensors"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Create three workflows, their TOML files and a chain of them in a subfolder."""
    folder = tmp_path / "workflows" / "boats"
    folder.mkdir(parents=True)
    for name in ("text-to-image", "upscale", "image-to-image"):
        for ending in ("json", "toml"):
            file = f"{name}.{ending}"
            (folder / file).write_bytes((WORKFLOWS / file).read_bytes())
    (folder / "boats.chain.toml").write_text(BOATS)
    return tmp_path / "workflows"


@pytest.fixture
def demo() -> Iterator[DemoServer]:
    with DemoServer(step_seconds=0.01, painted=128) as demo:
        yield demo


def served(demo: DemoServer, folder: Path) -> AbstractContextManager[RunningApp]:
    """Run the app with the data beside this folder."""
    return running_app(demo.url, workflows=folder, data=folder.parent / "data")


def standing(app: RunningApp, owner: str = OWNER) -> ChainSummary:
    """Return the owner's latest chain."""
    app.services.chains.look_up(owner)
    return app.services.chains.recent(owner)[-1]


def ended(app: RunningApp, state: str) -> ChainSummary:
    """Wait until the latest chain ends in this state, and return it."""
    eventually(lambda: standing(app).state != "running", "the chain ends")
    chain = standing(app)
    assert chain.state == state, chain
    return chain


def prompts(demo: DemoServer) -> int:
    return len(demo.journal.all())


def test_each_result_goes_through_a_step_once(demo: DemoServer, folder: Path) -> None:
    """A step runs for each result of the previous step. If the user presses again with the same
    values and seed, the app reuses all results. A randomly drawn or counting seed makes a new
    chain."""
    with served(demo, folder) as app:
        chains = app.services.chains
        chains.start("boats/boats.chain", values := {MAKE: "two boats", IMAGES: 2, SEED: 5}, ORIGIN)
        chain = ended(app, "done")
        assert [(step.runs, step.done) for step in chain.steps] == [(1, 1), (2, 2), (1, 1)]
        assert chain.title == "Boats"
        assert [step.title for step in chain.steps] == ["Make", "Upscale", "Image to image"]
        results = shown_chain(chain).results
        assert all(results[step.name].thumb and results[step.name].run for step in chain.steps)
        assert prompts(demo) == 4

        chains.start("boats/boats.chain", values, ORIGIN)
        assert ended(app, "done").id != chain.id
        assert prompts(demo) == 4
        started = chains.start("boats/boats.chain", {**values, SEED: CountUp(5)}, ORIGIN)
        assert chains.values(started.id, OWNER)[SEED] == 6
        ended(app, "done")
        assert prompts(demo) == 8
        shows_the_chain(app, results["over"].run)


def shows_the_chain(app: RunningApp, run: str) -> None:
    """Check that the link to a result of the last step, whose prompt is the author's, shows the
    chain's title and the user's prompt."""
    link = post(app, f"/api/v1/link?file={run}/0&prompt=true").json()["address"]
    page = get(app, link).text
    assert "<h1>Boats</h1>" in page
    assert '<p class="prompt">two boats</p>' in page


def test_a_failed_step_resumes_with_other_values(demo: DemoServer, folder: Path) -> None:
    """The failed step reports the reason and the field, and later steps wait. Resuming with another
    model keeps the first step's result, even with other form values and after a restart. Other
    users get 404."""
    with served(demo, folder) as app:
        given = {MAKE: "a boat", SEED: None, MODEL: BROKEN}
        app.services.chains.start("boats/boats.chain", given, ORIGIN)
        chain = ended(app, "failed")
        assert [step.state for step in chain.steps] == ["done", "failed", "waiting"]
        assert set(chain.steps[1].errors) == {MODEL}
        for change in ("stop", "continue"):
            address = f"/api/v1/chains/{chain.id}/{change}"
            assert post(app, address, BOB).status_code == 404
        with pytest.raises(ChainNotFound):
            app.services.chains.go_on(chain.id, f"browser:{BOB}", {})
        assert post(app, address).status_code == 200
        assert ended(app, "failed").steps[1].errors == chain.steps[1].errors
    with served(demo, folder) as app:
        mended = {MAKE: "something else", SEED: 9, MODEL: "demo-landscapes.safetensors"}
        app.services.chains.go_on(chain.id, OWNER, mended)
        done = ended(app, "done")
        assert done.id == chain.id
        assert done.steps[0].ended == chain.steps[0].ended


def threads_of(chain_id: str) -> int:
    return [one.name for one in threading.enumerate()].count(f"chain-{chain_id[:8]}")


def test_a_stopped_chain_resumes_at_once(demo: DemoServer, folder: Path) -> None:
    """The chain's thread waits until the canceled run ends, then restarts. A chain that is stopped
    again stays stopped."""
    with served(demo, folder) as app:
        chains = app.services.chains
        with demo.hold("progress") as first:
            begun = chains.start("boats/boats.chain", {MAKE: "a boat", SEED: 5}, ORIGIN)
            assert first.reached.wait(LONGEST_WAIT)
            chains.stop(begun.id, OWNER)
            chains.go_on(begun.id, OWNER)
            assert (standing(app).state, threads_of(begun.id)) == ("running", 1)
        assert ended(app, "done").id == begun.id
        with demo.hold("progress") as second:
            other = chains.start("boats/boats.chain", {MAKE: "a boat", SEED: 6}, ORIGIN)
            assert second.reached.wait(LONGEST_WAIT)
            for change in (chains.stop, chains.go_on, chains.stop):
                change(other.id, OWNER)
        eventually(lambda: not app.runs.line_of(OWNER), "nothing of it is left")
        assert standing(app).state == "stopped"


def test_values_that_are_wrong_start_nothing(demo: DemoServer, folder: Path) -> None:
    """The app reports all problems at once, under the chain's own field keys. It also refuses an
    invalid file, and skipping a step that another step needs."""
    with served(demo, folder) as app:
        chains = app.services.chains
        with pytest.raises(FieldErrors) as wrong:
            chains.start("boats/boats.chain", {IMAGES: 0, SEED: "boat", MODEL: "none"}, ORIGIN)
        assert set(wrong.value.errors) == {IMAGES, SEED, MODEL}
        assert "Step “make”" in wrong.value.labelled[IMAGES]
        with pytest.raises(ComfyError, match="not found"):
            chains.start("boats/other.chain", {}, ORIGIN)
        with pytest.raises(FieldErrors):
            chains.start("boats/boats.chain", {MAKE: Upload("boat.png", b"no text")}, ORIGIN)
        assert chains.recent(OWNER) == ()
        chains.start("boats/boats.chain", {"large.runs": False, SEED: 1}, ORIGIN)
        assert [step.name for step in ended(app, "done").steps] == ["make", "over"]
