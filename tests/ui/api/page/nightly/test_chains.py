"""Chains behind the page: progress, changes, owners, and restarts of the app."""

from __future__ import annotations

import io
import threading
from pathlib import Path

import pytest
import requests
from PIL import Image

from comfy.base.errors import ChainNotFound, TooManyRuns
from comfy.chains.open_chain import ChainSummary
from comfy.chains.queue import ChainQueue
from comfy.launch.uploads import Upload, content_of
from comfy.runs.interface import Origin
from comfy.runs.limits import ChainLimits, RunLimits
from comfyui_standin import DemoServer
from tests.support.http_client import ANN, BOB, cookie_of, finished, start
from tests.support.samples.forms import WORKFLOWS
from tests.support.serving import RunningApp, running_app
from tests.support.waiting import LONGEST_WAIT, eventually
from tests.ui.api.page import test_chains as twin
from tests.ui.api.page.test_chains import (
    BROKEN,
    IMAGES,
    MAKE,
    MODEL,
    ORIGIN,
    OWNER,
    SEED,
    ended,
    prompts,
    served,
    standing,
    threads_of,
)
from ui.documents.group_docs import shown_chain

folder, demo = twin.folder, twin.demo


def test_a_chain_counts_where_it_was_started(demo: DemoServer, folder: Path) -> None:
    """After a restart, the chain and its runs still count for their address. Another user at that
    address finds the queue full."""
    with demo.hold("progress"), served(demo, folder) as app:
        given = {MAKE: "a boat", SEED: 5}
        chains = app.services.chains
        chains.start("boats/boats.chain", given, Origin(OWNER, "10.0.0.1"))
        eventually(lambda: any(run.state.node for run in app.runs.line_of(OWNER)))
    with demo.hold("progress"), served(demo, folder) as app:
        chains = ChainQueue(app.services.chain_forms, ChainLimits(address=1))
        chains.resume()
        with pytest.raises(TooManyRuns, match="queue is full"):
            chains.start("boats/boats.chain", given, Origin(f"browser:{BOB}", "10.0.0.1"))
        eventually(lambda: {run.address for run in app.runs.line_of(OWNER)} == {"10.0.0.1"})
        chains.start("boats/boats.chain", given, Origin(f"browser:{BOB}", "10.0.0.2"))
        app.runs.close()
        chains.close()


@pytest.mark.parametrize("is_known", [True, False])
def test_a_chain_resumed_from_two_pages_runs_once(
    demo: DemoServer, folder: Path, *, is_known: bool
) -> None:
    """Two pages of one user resume the chain, with or without a restart in between. One thread runs
    the chain, each step runs once, and both pages get the same answer."""
    given = {MAKE: "a boat", IMAGES: 2, SEED: 5, MODEL: BROKEN}
    mended = {**given, MODEL: "demo-landscapes.safetensors"}
    with served(demo, folder) as app:
        app.services.chains.start("boats/boats.chain", given, ORIGIN)
        chain = ended(app, "failed")
        before = prompts(demo)
        if is_known:
            with demo.hold("progress"):
                let_go_on_twice(app, chain, mended)
            ended(app, "done")
    if not is_known:
        with served(demo, folder) as app:
            with demo.hold("progress"):
                let_go_on_twice(app, chain, mended)
            ended(app, "done")
    assert prompts(demo) == before + 3


def let_go_on_twice(app: RunningApp, chain: ChainSummary, values: dict[str, object]) -> None:
    """Resume the chain from two threads at the same time."""
    both = threading.Barrier(2)
    told = []

    def go_on() -> None:
        both.wait(LONGEST_WAIT)
        told.append(app.services.chains.go_on(chain.id, OWNER, values))

    threads = [threading.Thread(target=go_on) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONGEST_WAIT)
    assert [one.id for one in told] == [chain.id] * 2
    assert app.services.chains.values(chain.id, OWNER)[MODEL] == values[MODEL]
    assert threads_of(chain.id) == 1


def test_a_chain_is_deleted_by_its_owner(demo: DemoServer, folder: Path) -> None:
    """Deleting a running chain stops it. It doesn't come back after a restart. Its results stay."""

    def delete(chain_id: str, cookie: str = ANN) -> int:
        address = f"{app.url}/api/v1/chains/{chain_id}"
        return requests.delete(address, cookies=cookie_of(cookie), timeout=30).status_code

    with served(demo, folder) as app:
        chains = app.services.chains
        chains.start("boats/boats.chain", {MAKE: "a boat", "large.runs": False, SEED: 5}, ORIGIN)
        made = ended(app, "done")
        assert delete(made.id, BOB) == 404
        assert [delete(made.id), delete(made.id)] == [200, 404]
        assert app.runs.record(made.steps[0].ended[0], OWNER)
        with demo.hold("progress") as reached:
            begun = chains.start("boats/boats.chain", {MAKE: "a boat", SEED: 6}, ORIGIN)
            assert reached.reached.wait(LONGEST_WAIT)
            assert delete(begun.id) == 200
            assert chains.recent(OWNER) == ()
        with pytest.raises(ChainNotFound):
            chains.go_on(begun.id, OWNER)
        eventually(lambda: not app.runs.line_of(OWNER) and not threads_of(begun.id), "it is over")
        chains.look_up(OWNER)
        assert chains.recent(OWNER) == ()


def make_chain(app: RunningApp, run_id: str, title: str, cookie: str = ANN) -> requests.Response:
    """Create a chain from a run, as a browser with this cookie."""
    return requests.post(
        f"{app.url}/api/v1/runs/{run_id}/chain",
        json={"title": title},
        cookies=cookie_of(cookie),
        timeout=LONGEST_WAIT,
    )


def test_manual_runs_become_a_chain_for_all_users(demo: DemoServer, folder: Path) -> None:
    """The chain starts from a photo, and its title may match another chain's. Its form has the
    typed values and, for its author, the photo. The app refuses a single step, another user's run
    and a run of a deleted workflow. Users without permission to add workflows can't create chains.
    """
    photo = Upload("photo.webp", WORKFLOWS / "upscale.webp")
    small = {"4.image": photo, "8.steps": 2, "5.width": 256, "5.height": 256}
    with running_app(demo.url, workflows=folder / "boats", data=folder, may_keep=True) as app:
        made = finished(start(app, "image-to-image", **{"2.text": "a red boat", **small}))
        path = app.services.starter.blobs.path(made.state.files[0].digest)
        assert path is not None
        boat = Upload("boat.png", path)
        large = finished(start(app, "upscale", **{"4.image": boat, "7.steps": 2}))
        assert make_chain(app, large.id, "Boats", BOB).status_code == 404
        alone = make_chain(app, made.id, "Boats")
        assert alone.status_code == 409
        assert "created in one step" in alone.json()["detail"]
        assert make_chain(app, large.id, " ").json()["detail"] == "A chain needs a title."
        before = (folder / "boats" / "boats.chain.toml").read_bytes()
        told = make_chain(app, large.id, "boats").json()
        name, (given,) = told["name"], [*told["values"]]
        assert (name, given) == ("boats-2.chain", "image-to-image.4.image")
        assert app.services.copies.uploads.find(OWNER, told["values"][given]["file"])
        assert (folder / "boats" / "boats.chain.toml").read_bytes() == before
        told_form = app.services.chain_forms.form(name, f"browser:{BOB}")
        form = told_form.form
        assert form.field("image-to-image.2.text").default == "a red boat"
        assert told_form.plan.steps[1].values["7.steps"] == 2
        assert [one.key for one in form.fields if one.is_media] == [given]
        app.services.chains.start(name, {given: photo}, ORIGIN)
        chain = ended(app, "done")
        assert [step.title for step in chain.steps] == ["Image to image", "Upscale"]
        (folder / "boats" / "image-to-image.json").unlink()
        gone = make_chain(app, large.id, "Gone")
        assert gone.status_code == 422
        assert "“Image to image” isn't shared" in gone.json()["detail"]
    with running_app(demo.url, workflows=folder / "boats", data=folder) as app:
        assert make_chain(app, large.id, "Boats").status_code == 422
        assert len([*(folder / "boats").glob("*.chain.toml")]) == 2


@pytest.mark.parametrize("file", sorted(WORKFLOWS.glob("*.chain.toml")), ids=lambda file: file.stem)
def test_each_shipped_chain_runs_out_of_the_box(
    demo: DemoServer, tmp_path: Path, file: Path
) -> None:
    """The chain's form has a cover and no problem. All steps finish with the form's default values,
    and with a user's image where the chain needs an image."""
    photo = io.BytesIO()
    Image.new("RGB", (96, 64), (30, 60, 200)).save(photo, "PNG")
    with running_app(demo.url, data=tmp_path / "data") as app:
        name = file.name.removesuffix(".toml")
        form = app.services.chain_forms.form(name, OWNER).form
        assert form.description
        assert (form.problems, form.missing) == ((), ())
        assert app.services.library.cover(name, f"browser:{ANN}")
        images = [one.key for one in form.fields if one.is_media]
        below = content_of(Upload("photo.png", photo.getvalue()))
        given = dict.fromkeys(images, Upload("photo.png", photo.getvalue(), below))
        app.services.chains.start(name, given, ORIGIN)
        chain = ended(app, "done")
        results = shown_chain(chain).results
        assert all(results[step.name].thumb or results[step.name].text for step in chain.steps)
        runs = [app.runs.record(run, OWNER) for step in chain.steps for run in step.ended]
        files = [file for run in runs for file in run.job.inputs.values()]
        assert all(file.below == below for file in files if file.name == "photo.png")


def test_a_chain_resumes_after_a_restart_of_the_app(demo: DemoServer, folder: Path) -> None:
    """The app exits in the middle of the second step. After the restart, it doesn't rerun the first
    step, and the chain keeps its drawn seeds and typed values."""
    demo.speed.step = 0.5
    with served(demo, folder) as app:
        app.services.chains.start("boats/boats.chain", {MAKE: "a boat", SEED: None}, ORIGIN)
        eventually(lambda: standing(app).steps[1].state == "running", "the second step runs")
        (first,) = standing(app).steps[0].ended
        assert standing(app).state == "running"
    demo.speed.step = 0.01
    with served(demo, folder) as app:
        chain = ended(app, "done")
        assert chain.steps[0].ended == (first,)
        texts = [
            app.runs.record(step.ended[-1], OWNER).job.values.get("2.text") for step in chain.steps
        ]
        assert texts[0] == "a boat"
    with served(demo, folder) as app:
        assert standing(app).id == chain.id
        assert standing(app).state == "done"
        assert shown_chain(standing(app)).results["make"].run == first


def test_a_chain_waits_where_there_are_too_many_runs(demo: DemoServer, folder: Path) -> None:
    """At the user's run limit, a chain waits and continues when a run ends. If it is stopped while
    it waits, it starts no run."""
    demo.speed.step = 0.2
    limits = RunLimits(person=1)
    with running_app(demo.url, workflows=folder, run_limits=limits) as app:
        start(app, "boats/text-to-image", **{"5.steps": 10})
        app.services.chains.start("boats/boats.chain", {SEED: 1}, ORIGIN)
        app.services.chains.stop(standing(app).id, OWNER)
        assert [step.ended for step in ended(app, "stopped").steps] == [(), (), ()]
        app.services.chains.start("boats/boats.chain", {SEED: 1}, ORIGIN)
        demo.speed.step = 0
        ended(app, "done")
