"""Chains: steps that use results, values of steps, and repeated presses."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from comfy.base.errors import ChainNotFound
from comfy.chains.model import ChainErrors
from comfy.chains.open_chain import ChainSummary, OpenChain
from comfy.chains.queue import ChainQueue
from comfy.launch.start import FieldErrors
from comfy.launch.uploads import Upload
from comfy.prompt.model import Node
from comfy.records.groups import Group, GroupStore
from comfy.records.record import Record
from comfy.runs.interface import Origin, RunPolicy
from comfyui_standin import DemoServer
from tests.support.http_client import ANN
from tests.support.samples.extra_nodes import CLIP, ENCODING
from tests.support.samples.forms import node
from tests.support.serving import WORKFLOWS, RunningApp, running_app
from tests.support.waiting import LONGEST_WAIT, eventually

OWNER = "user:ann"
PAINT = {
    "1": node("CheckpointLoaderSimple", ckpt_name="demo-landscapes.safetensors"),
    "2": node("CLIPTextEncode", "Prompt", text="a boat", clip=["1", 1]),
    "3": node("CLIPTextEncode", text="", clip=["1", 1]),
    "4": node("EmptyLatentImage", width=64, height=64, batch_size=3),
    "5": node(
        "KSampler",
        model=["1", 0],
        positive=["2", 0],
        negative=["3", 0],
        latent_image=["4", 0],
        seed=5,
        steps=1,
        cfg=7.0,
        sampler_name="euler",
        scheduler="normal",
        denoise=1.0,
    ),
    "6": node("VAEDecode", samples=["5", 0], vae=["1", 2]),
}
SAVED = node("SaveImage", images=["6", 0], filename_prefix="x")
SAVERS = {
    **PAINT,
    "7": node("ImageScaleBy", image=["6", 0], upscale_method="bilinear", scale_by=2.0),
    "8": node("SaveImage", "Small", images=["6", 0], filename_prefix="small"),
    "9": node("SaveImage", "Large", images=["7", 0], filename_prefix="large"),
}
TOGETHER = {
    "1": node("LoadImage", "Images", image="example.png"),
    "2": node("BatchImagesNode", **{"images.image0": ["1", 0]}),
    "3": node("SaveImage", images=["2", 0], filename_prefix="x"),
}


def chain_of(folder: Path, given: str, first: dict[str, Node], second: dict[str, Node]) -> None:
    (folder / "first.json").write_text(json.dumps(first))
    (folder / "second.json").write_text(json.dumps(second))
    (folder / "two.chain.toml").write_text(
        '[[steps]]\nname = "first"\nworkflow = "first"\n'
        f'[[steps]]\nname = "second"\nworkflow = "second"\ninputs = {{ {given} }}\n'
    )


@pytest.fixture
def app(tmp_path: Path) -> Iterator[RunningApp]:
    """Yield an app with no workflows yet."""
    with (
        DemoServer(step_seconds=0, painted=64) as demo,
        running_app(demo.url, workflows=tmp_path) as app,
    ):
        yield app


def made(app: RunningApp) -> list[Record]:
    started = app.services.chains.start("two.chain", {}, Origin(OWNER))

    def standing() -> ChainSummary:
        return app.services.chains.get(started.id, OWNER)

    eventually(lambda: standing().state != "running")
    assert standing().state == "done", standing()
    return [app.runs.record(run, OWNER) for step in standing().steps for run in step.ended]


def test_all_images_go_into_one_batch(app: RunningApp, tmp_path: Path) -> None:
    """The images come from the saver that the title names, in one run and in their order."""
    chain_of(tmp_path, '"Images" = "first@Large[all]"', SAVERS, TOGETHER)
    first, second = made(app)
    large = [one for one in first.state.files if one.node == "9"]
    keys = ["1.image", "2.images.image1.image", "2.images.image2.image"]
    assert [second.job.inputs[key].digest for key in keys] == [one.digest for one in large]
    assert len(second.state.files) == 3


def test_an_omitted_step_can_be_restored_when_another_needs_it(
    app: RunningApp, tmp_path: Path
) -> None:
    """Without the optional step, the next step would get more results than it takes. The form says
    so and still lets the user put the step back."""
    chain_of(tmp_path, '"Images" = "first@8[all]"', SAVERS, TOGETHER)
    with (tmp_path / "two.chain.toml").open("a") as file:
        file.write("optional = true\n")
        file.write('[[steps]]\nname = "third"\nworkflow = "upscale"\n')
        file.write('inputs = { "Your image" = "second" }\n')
    (tmp_path / "upscale.json").write_bytes((WORKFLOWS / "upscale.json").read_bytes())
    (tmp_path / "upscale.toml").write_bytes((WORKFLOWS / "upscale.toml").read_bytes())
    assert not app.services.chain_forms.form("two.chain", OWNER).plan.problem
    left_out = {"second.runs": False}
    form = app.services.chain_forms.form("two.chain", OWNER, left_out)
    assert form.plan.problem == (
        "Step “third”, Your image: It takes one file, so it can't take all results of “first”."
    )
    assert "second.runs" in [field.key for field in form.form.fields]
    with pytest.raises(ChainErrors, match="can't take all"):
        app.services.chains.start("two.chain", left_out, Origin(OWNER))


LOOKS = """
[switches]
look = ["photo", "oil", "ink"]
[[steps]]
name = "first"
workflow = "first"
when = "look=photo"
[[steps]]
name = "drawn"
workflow = "ink"
when = "look=ink"
[[steps]]
name = "second"
workflow = "second"
optional = true
inputs = { "Images" = ["first", "drawn"] }
"""


def test_another_choice_can_replace_one_that_cannot_run(app: RunningApp, tmp_path: Path) -> None:
    """The form opens, as it does with the author's choices, and names the choice that can't run and
    the reason. The app starts nothing with that choice and reports no field as unknown."""
    chain_of(tmp_path, "", SAVERS, TOGETHER)
    (tmp_path / "two.chain.toml").write_text(LOOKS)
    forms, chains, look = app.services.chain_forms, app.services.chains, "switches:.look"
    without = {"second.runs": False}
    needs = "“look: oil”: Step “second” needs “first”, which is turned off."
    none = "“look: oil”: No step is left to run."
    gone = "“look: ink”: Step “drawn” needs the workflow “ink”, which isn't here."
    for choices, said in (
        ({look: "oil"}, needs),
        ({look: "oil"} | without, none),
        ({look: "INK", "drawn.2.text": "x"}, gone),
    ):
        form = forms.form("two.chain", OWNER, choices)
        assert form.plan.problem == f"This chain can't run with {said}"
        assert form.form.problems == (form.plan.problem,)
        assert {look, "second.runs"} <= {field.key for field in form.form.fields}
        with pytest.raises(ChainErrors, match="can't run with"):
            chains.start("two.chain", choices, Origin(OWNER))
    assert not forms.form("two.chain", OWNER, {look: "PHOTO"} | without).plan.problem
    (tmp_path / "two.chain.toml").write_text(LOOKS.replace("look=photo", "look=oil"))
    with pytest.raises(ChainErrors, match="Step “second” needs “first”"):
        forms.form("two.chain", OWNER, {look: "ink"})


@pytest.mark.embedded("stores a chain that no process has claimed")
def test_a_resumed_chain_fails_if_its_choice_can_no_longer_run(
    app: RunningApp, tmp_path: Path
) -> None:
    """The chain's file changed before the chain resumed after a restart. The chain fails and says
    why."""
    chain_of(tmp_path, "", SAVERS, TOGETHER)
    (tmp_path / "two.chain.toml").write_text(LOOKS)
    history = app.runs.history
    begun = Group("ab", OWNER, "chain", 1.0, "running", {"chain": "two.chain", "title": "Two"})
    history.groups.put(begun, {"values": {"switches:.look": "oil"}}, set())
    app.services.chains.resume()
    eventually(lambda: app.services.chains.get("ab", OWNER).finished)
    standing = app.services.chains.get("ab", OWNER)
    assert (standing.state, standing.steps) == ("failed", ())
    assert "can't run with “look: oil”" in standing.why
    assert not history.of(OWNER)


def test_a_run_names_the_sources_of_its_text_and_its_image(app: RunningApp, tmp_path: Path) -> None:
    """The run names the sources of its text and of its image, whichever the chain names first."""
    words = {
        "1": node("PrimitiveStringMultiline", "Words", value="a boat"),
        "2": node("PreviewAny", source=["1", 0]),
    }
    saved = {**PAINT, "7": node("SaveImage", images=["6", 0], filename_prefix="x")}
    given = {
        "8": node("LoadImage", "Picture", image="example.png"),
        "9": node("SaveImage", images=["8", 0], filename_prefix="x"),
    }
    both = {**saved, **given}
    chain_of(tmp_path, '"Picture" = "picture", "2.text" = "first.text"', words, both)
    (tmp_path / "picture.json").write_text(json.dumps(saved))
    with (tmp_path / "two.chain.toml").open("a") as file:
        file.write('[[steps]]\nname = "picture"\nworkflow = "picture"\n')
    first, second, picture = made(app)
    made_from = app.services.chain_forms.lineage(second).made_from
    assert {one.id for one in made_from} == {first.id, picture.id}
    assert second.parents == (picture.id, first.id)


def test_a_run_of_all_texts_names_the_run_of_each_text(app: RunningApp, tmp_path: Path) -> None:
    """The run and its texts link to each other, also if the user repeats the run."""
    words = {
        "1": node("PrimitiveStringMultiline", "Words", value="a boat"),
        "2": node("PreviewAny", source=["1", 0]),
    }
    paint = {**PAINT, "7": node("SaveImage", images=["6", 0], filename_prefix="x")}
    chain_of(tmp_path, '"2.text" = "first.text[all]"', words, paint)
    chain = tmp_path / "two.chain.toml"
    repeated = 'workflow = "first"\nrepeat = { Words = ["a boat", "at sea"] }\n'
    chain.write_text(chain.read_text().replace('workflow = "first"\n', repeated))
    *texts, image = made(app)
    assert image.job.values["2.text"] == "a boat\nat sea"
    starter, lineage = app.services.starter, app.services.chain_forms.lineage
    again = starter.again(image.id, Origin(OWNER), RunPolicy(keeps_going=True))
    eventually(lambda: again.state.phase.finished)
    twice = starter.again(again.id, Origin(OWNER), RunPolicy(keeps_going=True))
    eventually(lambda: twice.state.phase.finished)
    ids = {one.id for one in texts}
    assert len(ids) == 2
    for one in (image, again.record, twice.record):
        assert {before.id for before in lineage(one).made_from} == ids
    assert {*again.record.parents} == {image.id, *ids}
    assert {*twice.record.parents} == {again.id, *ids}
    for text in texts:
        after = lineage(text).used_for
        assert [one.id for one in after] == [twice.id, again.id, image.id]


def test_a_step_runs_with_the_fields_of_each_repeated_choice(
    app: RunningApp, tmp_path: Path
) -> None:
    """Each run has the values of the fields that its own choice adds, and takes their inputs. The
    chain refuses fields that no choice has."""
    chain_of(tmp_path, '"1.image" = "first"', {**PAINT, "7": SAVED}, CLIP)
    chain = tmp_path / "two.chain.toml"
    plain = chain.read_text()
    said = '[steps.repeat]\nCodec = ["auto", "h264"]\n[steps.values]\nEncoding = "re-encode"\n'
    chain.write_text(f'{plain}{said}"Quality (CRF)" = 30\n')
    form = app.services.chain_forms.form("two.chain", OWNER)
    assert form.sections[1].runs == 2
    _, *runs = made(app)
    encoded = {run.job.values["4.format.codec"]: run.job.values.get(ENCODING) for run in runs}
    assert encoded == {"auto": None, "h264": "re-encode"}
    assert {run.job.values.get(f"{ENCODING}.crf") for run in runs} == {None, 30}
    assert all("1.image" in run.job.inputs for run in runs)
    chain.write_text(f"{plain}{said}Rate = 30\n")
    with pytest.raises(ChainErrors, match="There is no field “Rate”"):
        app.services.chains.start("two.chain", {}, Origin(OWNER))
    chain.write_text(f'{plain}{said}"Quality (CRF)" = 1000\n')
    with pytest.raises(FieldErrors) as refused:
        app.services.chains.start("two.chain", {}, Origin(OWNER))
    assert refused.value.errors == {f"second.{ENCODING}.crf": "Maximum 51."}


VALUES_OWNER = f"browser:{ANN}"
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


@contextlib.contextmanager
def boats_app(folder: Path) -> Iterator[RunningApp]:
    """Yield the app with three workflows and a chain of them."""
    for name in ("text-to-image", "upscale", "image-to-image"):
        for file in (f"{name}.json", f"{name}.toml"):
            (folder / file).write_bytes((WORKFLOWS / file).read_bytes())
    (folder / "boats.chain.toml").write_text(BOATS)
    with (
        DemoServer(step_seconds=0, painted=64) as demo,
        running_app(demo.url, workflows=folder, may_keep=True) as app,
    ):
        yield app


@pytest.fixture
def values_app(tmp_path: Path) -> Iterator[RunningApp]:
    with boats_app(tmp_path) as values_app:
        yield values_app


def done(values_app: RunningApp) -> ChainSummary:
    eventually(lambda: values_app.services.chains.recent(VALUES_OWNER)[-1].state != "running")
    chain = values_app.services.chains.recent(VALUES_OWNER)[-1]
    assert chain.state == "done", chain
    return chain


def test_unknown_values_of_switches_and_options_are_refused(
    values_app: RunningApp, tmp_path: Path
) -> None:
    """The app reports the error on the switch's key, with the allowed values, next to the errors in
    a step's values. Case doesn't matter. The app never starts another chain instead."""
    switches = '[switches]\nlook = ["photo", "oil"]\nlarge = false\n'
    (tmp_path / "styles.chain.toml").write_text(
        BOATS.replace("[[steps]]", f"{switches}[[steps]]", 1).replace(
            'name = "large"', 'name = "large"\noptional = true'
        )
    )
    chains = values_app.services.chains
    one_of = "The switch “look” must be one of “photo”, “oil”, not “{}”."
    for given, wrong in (
        ({"switches:.look": "x"}, [("switches:.look", one_of.format("x"))]),
        ({"switches:.look": None, SEED: "s"}, [("switches:.look", one_of.format("")), (SEED, "")]),
        ({"switches:.large": 2.5, "large.runs": "nein"}, [("large.runs", "Enter true or false.")]),
        ({"switches:.large": "nein"}, [("switches:.large", "must be one of “false”, “true”, not")]),
    ):
        with pytest.raises(FieldErrors) as refused:
            chains.start("styles.chain", given, Origin(VALUES_OWNER))
        errors = refused.value.errors
        assert [*errors] == [key for key, _ in wrong]
        for key, said in wrong:
            assert said in errors[key]
    assert not chains.recent(VALUES_OWNER)
    form = values_app.services.chain_forms.form(
        "styles.chain", VALUES_OWNER, {"switches:.look": " OIL"}
    )
    assert not form.plan.wrong


def test_values_without_a_field_are_reported_with_other_errors(values_app: RunningApp) -> None:
    """The errors don't mention seeds, because the app draws them later."""
    wrong = {"make.2.txt": "x", "large.7.steps": "many", SEED: None, "x.y": 1}
    with pytest.raises(FieldErrors) as refused:
        values_app.services.chains.start("boats.chain", wrong, Origin(VALUES_OWNER))
    assert [*refused.value.errors] == ["make.2.txt", "x.y", "large.7.steps"]
    assert refused.value.labelled["large.7.steps"].startswith("Step “large”, Steps: ")
    good = {MAKE: "a ship", SEED: None}
    with pytest.raises(FieldErrors) as refused:
        values_app.services.chains.start("boats.chain", good | {"x.y": 1}, Origin(VALUES_OWNER))
    assert [*refused.value.errors] == ["x.y"]


def test_a_finished_chain_reports_its_total_time(values_app: RunningApp) -> None:
    """The total excludes the time between the chain's end and the moment when the user resumes
    it."""
    told = {"chain": "boats.chain", "title": "Boats", "idle": 10.0}
    chain = OpenChain(Group("boats", VALUES_OWNER, "chain", 100.0, "done", told, {}, 160.0))
    assert chain.summary.seconds == 50
    before = time.time()
    chain.go_on(values_app.services.chain_forms.plan("boats.chain", VALUES_OWNER, {}))
    assert chain.summary.seconds is None
    assert chain.group.about["idle"] >= 10 + before - 160


def test_an_added_but_empty_file_field_starts_no_new_run(
    values_app: RunningApp, tmp_path: Path
) -> None:
    saved = {"class_type": "SaveImage", "inputs": {"images": ["2", 0], "filename_prefix": "x"}}
    images = {node: CLIP[node] for node in ("1", "2")} | {"5": saved}
    (tmp_path / "images.json").write_text(json.dumps(images))
    step = '[[steps]]\nname = "all"\nworkflow = "images"\nshow = ["Image"]\n'
    (tmp_path / "images.chain.toml").write_text(step)
    file, added = WORKFLOWS / "upscale.webp", "all.2.images.image1.image"
    given = {"all.1.image": Upload("photo.webp", file)}
    runs = []
    for more in ({}, {added: None}, {added: Upload("other.webp", file)}):
        values_app.services.chains.start("images.chain", given | more, Origin(VALUES_OWNER))
        runs.append(done(values_app).steps[0].ended[0])
    assert runs[0] == runs[1] != runs[2]


USER_ANN = "user:ann"
CHAIN = '[[steps]]\nname = "first"\nworkflow = "text-to-image"\n[steps.values]\nSteps = 1\n'


def app_files(folder: Path) -> None:
    """Write the chain and its workflow to the folder."""
    (folder / "one.chain.toml").write_text(CHAIN)
    for file in ("text-to-image.json", "text-to-image.toml"):
        (folder / file).write_bytes((WORKFLOWS / file).read_bytes())


class TellingLock:
    def __init__(self, waited_for: threading.Event) -> None:
        self._lock, self._waited_for = threading.Lock(), waited_for

    def __enter__(self) -> None:
        if not self._lock.acquire(blocking=False):
            self._waited_for.set()
            self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


@pytest.mark.parametrize(
    "look",
    [
        lambda queue, chain_id: queue.get(chain_id, USER_ANN),
        lambda queue, _: queue.look_up(USER_ANN),
    ],
    ids=["by its id", "among the last"],
)
def test_a_chain_deleted_while_being_read_stays_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, look: Callable[[ChainQueue, str], object]
) -> None:
    """After a restart, the queue neither lists the deleted chain nor resumes it."""
    app_files(tmp_path)
    with (
        DemoServer(step_seconds=0, painted=64) as demo,
        running_app(demo.url, workflows=tmp_path) as app,
    ):
        chain_id = app.services.chains.start("one.chain", {}, Origin(USER_ANN)).id
        eventually(lambda: app.services.chains.get(chain_id, USER_ANN).finished)
        app.services.chains.close()
        queue = ChainQueue(app.services.chain_forms)  # which has read nothing yet
        has_read, goes_on = threading.Event(), threading.Event()
        monkeypatch.setattr(queue, "_reading", TellingLock(goes_on), raising=False)

        def slow(read: Callable[..., Any]) -> Callable[..., Any]:
            def read_slowly(*asked: Any) -> Any:
                found, is_first = read(*asked), not has_read.is_set()
                has_read.set()
                if is_first:
                    assert goes_on.wait(LONGEST_WAIT)
                return found

            return read_slowly

        for name in ("get", "of"):
            monkeypatch.setattr(GroupStore, name, slow(getattr(GroupStore, name)))
        with ThreadPoolExecutor() as people:
            reader = people.submit(look, queue, chain_id)
            assert has_read.wait(LONGEST_WAIT)
            deleter = people.submit(queue.delete, chain_id, USER_ANN)
            deleter.add_done_callback(lambda _: goes_on.set())
            with contextlib.suppress(ChainNotFound):
                reader.result()
            deleter.result()
        assert queue.recent(USER_ANN) == queue.of(USER_ANN) == ()
        with pytest.raises(ChainNotFound):
            queue.go_on(chain_id, USER_ANN, again=["first"])


def test_a_chain_looked_up_by_id_is_not_listed_as_recent(tmp_path: Path) -> None:
    """The chain ended before the program started. The queue lists such a chain only after a page
    has looked it up."""
    app_files(tmp_path)
    with (
        DemoServer(step_seconds=0, painted=64) as demo,
        running_app(demo.url, workflows=tmp_path) as app,
    ):
        chain_id = app.services.chains.start("one.chain", {}, Origin(USER_ANN)).id
        forms = app.services.chain_forms
        eventually(
            lambda: ChainQueue(forms).get(chain_id, USER_ANN).state == "done", "it is on record"
        )
        app.services.chains.close()
        queue = ChainQueue(forms)
        assert queue.get(chain_id, USER_ANN).state == "done"
        assert queue.recent(USER_ANN) == ()
        queue.look_up(USER_ANN)
        assert [one.id for one in queue.recent(USER_ANN)] == [chain_id]
