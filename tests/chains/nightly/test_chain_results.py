"""Rare cases of chains' results, values and presses."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest
import requests

from comfy.launch.uploads import Upload
from comfy.prompt.model import Node
from comfy.runs.interface import Origin
from comfyui_standin import DemoServer
from tests.chains import test_chain_results as twin
from tests.chains.test_chain_results import (
    BOATS,
    MAKE,
    OVER,
    PAINT,
    SAVERS,
    SEED,
    USER_ANN,
    VALUES_OWNER,
    app_files,
    chain_of,
    done,
    made,
)
from tests.support.http_client import BOB, get, post
from tests.support.samples.extra_nodes import CLIP, ENCODED, ENCODING
from tests.support.samples.forms import node
from tests.support.serving import WORKFLOWS, RunningApp, running_app
from tests.support.waiting import LONGEST_WAIT, eventually

app, values_app = twin.app, twin.values_app


FILM = {
    **PAINT,
    "7": node("CreateVideo", images=["6", 0], fps=2.0),
    "8": node("SaveVideo", video=["7", 0], filename_prefix="x", format="auto"),
}
FILM_AGAIN = {
    "1": node("LoadVideo", "Film", file="a.mp4"),
    "2": node("SaveVideo", video=["1", 0], filename_prefix="again", format="auto"),
}
SOUND = {
    "1": node("EmptyAudio", duration=1.0, sample_rate=8000, channels=1),
    "2": node("SaveAudio", audio=["1", 0], filename_prefix="x"),
}
SOUND_AGAIN = {
    "1": node("LoadAudio", "Sound", audio="a.flac"),
    "2": node("SaveAudio", audio=["1", 0], filename_prefix="again"),
}
AS_MASK = {
    **PAINT,
    "7": node("LoadImageMask", "Mask", image="example.png", channel="red"),
    "8": node("VAEEncodeForInpaint", pixels=["6", 0], vae=["1", 2], mask=["7", 0], grow_mask_by=6),
    "9": node("VAEDecode", samples=["8", 0], vae=["1", 2]),
    "10": node("SaveImage", images=["9", 0], filename_prefix="x"),
}
PAINTED_OVER = {
    **AS_MASK,
    "7": node("LoadImage", "Mask", image="example.png"),
    "8": node("VAEEncodeForInpaint", pixels=["7", 0], vae=["1", 2], mask=["7", 1], grow_mask_by=6),
}


@pytest.mark.parametrize(
    ("given", "first", "second", "kind"),
    [
        ('"Film" = "first"', FILM, FILM_AGAIN, "video"),
        ('"Sound" = "first"', SOUND, SOUND_AGAIN, "audio"),
    ],
)
def test_a_video_or_a_sound_is_passed_on(
    app: RunningApp,
    tmp_path: Path,
    given: str,
    first: dict[str, Node],
    second: dict[str, Node],
    kind: str,
) -> None:
    """The next step gets the file byte for byte as the first step made it."""
    chain_of(tmp_path, given, first, second)
    before, after = ((*run.state.files,) for run in made(app))
    assert [one.kind for one in after] == [kind]
    assert [one.digest for one in after] == [one.digest for one in before]


@pytest.mark.parametrize("second", [AS_MASK, PAINTED_OVER], ids=["as a mask", "to be painted on"])
def test_an_image_is_a_mask(app: RunningApp, tmp_path: Path, second: dict[str, Node]) -> None:
    """The image goes into a node that loads a mask, and into one where users would paint a mask.
    The chain leaves seeds alone that users can't set, because their nodes make nothing in this
    workflow."""
    chain_of(tmp_path, '"7.image" = "first@8[2]"', SAVERS, second)
    first, after = made(app)
    small = [one for one in first.state.files if one.node == "8"]
    assert [one.digest for one in after.job.inputs.values()] == [small[1].digest]
    assert after.state.files


@pytest.mark.parametrize(
    "text",
    [
        '{"subject": "a cat", "style": "ink"}',
        'the words "http://example.org" on a wall',
        "one of {a|b|c|d}, __times__ /* this stays */",
        r"\frac{a}{b} \{ \\} \|",
    ],
)
def test_a_text_is_passed_on_unchanged(app: RunningApp, tmp_path: Path, text: str) -> None:
    """The chain treats nothing in the text as a comment or an alternative, unlike in text that a
    user types. The details show the text unchanged, too."""
    words = {
        "1": node("PrimitiveStringMultiline", "Words", value=text),
        "2": node("PreviewAny", source=["1", 0]),
    }
    paint = {**PAINT, "7": node("SaveImage", images=["6", 0], filename_prefix="x")}
    chain_of(tmp_path, '"2.text" = "first.text"', words, paint)
    before, after = made(app)
    assert [one.text for one in before.state.texts] == [text]
    assert after.job.prompt["2"]["inputs"]["text"] == after.job.values["2.text"] == text


MADE_WITH = "Seed (Text to image)"  # as details say it


def test_a_step_that_repeats_its_result_reports_this(values_app: RunningApp) -> None:
    """Only a step that the user runs again says that its result is the same. If the result differs,
    the step says nothing and the later steps get the new result."""

    def same() -> list[bool]:
        return [step.same for step in done(values_app).steps]

    chains = values_app.services.chains
    chain_id = chains.start("boats.chain", {MAKE: "a boat", SEED: 5}, Origin(VALUES_OWNER)).id
    assert same() == [False, False, False]
    before = [step.ended for step in done(values_app).steps]
    chains.go_on(chain_id, VALUES_OWNER, again=["large"])
    assert same() == [False, True, False]
    after = [step.ended for step in done(values_app).steps]
    assert [one == other for one, other in zip(before, after, strict=True)] == [True, False, True]
    chains.go_on(chain_id, VALUES_OWNER, {MAKE: "a ship", SEED: 5}, again=["make"])
    assert same() == [False, False, False]
    assert done(values_app).steps[2].ended != after[2]


def test_values_of_a_step_fill_the_form_of_its_chain(values_app: RunningApp) -> None:
    """The form gets the values of the run and of all runs before it, even if steps have run again
    with other values since. A varied chain starts with these values, except for its seeds. Escaped
    braces still draw no alternative. A run of a deleted chain counts as a run of its workflow."""

    def values(run: str) -> dict[str, Any]:
        return dict(get(values_app, f"/api/v1/runs/{run}/values").json())

    def varied(run: str) -> requests.Response:
        return post(values_app, f"/api/v1/runs/{run}/chain/vary")

    chains = values_app.services.chains
    boat, ship = r"a \{red\|blue\} boat", r"a \{ship\}"
    chain_id = chains.start("boats.chain", {MAKE: boat, SEED: 5}, Origin(VALUES_OWNER)).id
    before = [step.ended[-1] for step in done(values_app).steps]
    mended = {MAKE: ship, SEED: 9, OVER: "at sea"}
    chains.go_on(chain_id, VALUES_OWNER, mended, again=["make", "over"])
    after = [step.ended[-1] for step in done(values_app).steps]
    assert not {*before} & {*after}
    for runs, typed, seed in ((before, boat, 5), (after, ship, 9)):
        for run in runs:
            told = values(run)
            assert told["workflow"] == "boats.chain"
            assert (told["values"][MAKE], told["values"][SEED]) == (typed, seed)
    assert values(before[2])["values"][OVER] != "at sea"
    assert values(after[2])["values"][OVER] == "at sea"
    assert post(values_app, f"/api/v1/runs/{before[2]}/chain/vary", BOB).status_code == 404
    told = varied(before[2]).json()
    assert told["id"] == done(values_app).id != chain_id
    repeated = values(done(values_app).steps[2].ended[0])["values"]
    assert repeated[SEED] not in (5, 9)
    assert told["seeds"] == {SEED: str(repeated.pop(SEED))}
    assert repeated == {key: one for key, one in values(before[2])["values"].items() if key != SEED}
    chains.delete(chain_id, VALUES_OWNER)
    alone = values(after[0])
    assert (alone["workflow"], alone["values"]["2.text"]) == ("text-to-image", ship)
    assert varied(after[0]).status_code == 404


def test_a_varied_chain_uses_the_files_of_its_run(values_app: RunningApp, tmp_path: Path) -> None:
    """The new chain uses the files of the run that it is started from."""
    step = '[[steps]]\nname = "large"\nworkflow = "upscale"\nshow = ["Your image"]\n'
    (tmp_path / "photo.chain.toml").write_text(step)
    given = {"large.4.image": Upload("photo.webp", WORKFLOWS / "upscale.webp")}
    values_app.services.chains.start("photo.chain", given, Origin(VALUES_OWNER))
    first = values_app.runs.record(done(values_app).steps[0].ended[0], VALUES_OWNER)
    assert post(values_app, f"/api/v1/runs/{first.id}/chain/vary").status_code == 201
    assert done(values_app).steps[0].ended == (first.id,)  # of the same the same comes


def test_a_chain_result_lists_its_own_and_its_sources_seeds(
    values_app: RunningApp, tmp_path: Path
) -> None:
    """A result has its own seeds in the history and in the details. The details also list the seeds
    of its sources that the user can set, even if another chain had already made a source or the
    chain repeats it. They list none if a seed is always the same."""

    def told(step: int) -> list[list[str]]:
        runs = [
            get(values_app, f"/api/v1/runs/{run}?with_page=true").json()
            for run in done(values_app).steps[step].ended
        ]
        for run in runs:
            assert [*run["seeds"].values()] == [
                value for name, value in run["page"]["details"] if name == "Seed"
            ]
        return [
            [value for name, value in run["page"]["details"] if name == MADE_WITH] for run in runs
        ]

    chains = values_app.services.chains
    for over, seed in (("at sea", 5), ("in port", 5), ("at sea", 9)):
        chains.start("boats.chain", {MAKE: "a boat", SEED: seed, OVER: over}, Origin(VALUES_OWNER))
        assert [told(step) for step in range(3)] == [[[]], [[str(seed)]], [[str(seed)]]]
        (made,) = done(values_app).steps[0].ended
        doc = get(values_app, f"/api/v1/runs/{made}?with_page=true").json()
        assert [*doc["seeds"].values()] == [str(seed)]
    asked = BOATS.replace(', "Seed"]', "]")
    (tmp_path / "same.chain.toml").write_text(asked)
    each = asked.replace('" = "make"', '" = "make[each]"').replace(
        '" = "large"', '" = "large[each]"'
    )
    repeated = each.replace("[steps.values]", '[steps.repeat]\nSeed = "3..4"\n[steps.values]', 1)
    (tmp_path / "repeated.chain.toml").write_text(repeated)
    for name, expected in (("same.chain", [[]]), ("repeated.chain", [["3"], ["4"]])):
        chains.start(name, {}, Origin(VALUES_OWNER))
        assert [told(step) for step in range(3)] == [[[]] * len(expected), expected, expected]


def test_a_chain_keeps_added_files_and_fields_of_a_choice(
    values_app: RunningApp, tmp_path: Path
) -> None:
    """A chain keeps added files and a choice's fields whether its author fixes them or the user
    sets them. It also keeps them when the app varies the chain or makes it from runs."""
    added, again = "2.images.image1.image", "again"
    (tmp_path / "clip.json").write_text(json.dumps(CLIP))
    (tmp_path / "small.chain.toml").write_text(
        '[[steps]]\nname = "clip"\nworkflow = "clip"\nshow = ["Image"]\n'
        '[steps.values]\nCodec = "h264"\nEncoding = "re-encode"\n"Quality (CRF)" = 30\n'
        f'[[steps]]\nname = "{again}"\nworkflow = "clip"\n[steps.inputs]\n"Image" = "still"\n'
        '"Reference image 2" = "still"\n[[steps]]\nname = "still"\nworkflow = "upscale"\nshow = ["Your image"]\n'
    )
    file = WORKFLOWS / "upscale.webp"
    given = {
        "clip.1.image": Upload("photo.webp", file),
        f"clip.{added}": Upload("other.webp", file),
        "still.4.image": Upload("photo.webp", file),
        **{f"{again}.{key}": one for key, one in ENCODED.items()},
        f"{again}.{ENCODING}.crf": 40,
    }
    form = values_app.services.chain_forms.form("small.chain", VALUES_OWNER, given).form
    assert [one.label for one in form.fields if one.key.startswith("clip.")] == [
        "Reference image 1",
        "Reference image 2",
    ]
    values_app.services.chains.start("small.chain", given, Origin(VALUES_OWNER))
    runs = [values_app.runs.record(step.ended[0], VALUES_OWNER) for step in done(values_app).steps]
    assert [run.job.values.get(f"{ENCODING}.crf") for run in runs] == [30, 40, None]
    assert all({"1.image", added} <= run.job.inputs.keys() for run in runs[:2])

    assert post(values_app, f"/api/v1/runs/{runs[0].id}/chain/vary").status_code == 201
    assert [step.ended[0] for step in done(values_app).steps] == [run.id for run in runs]
    told = get(values_app, f"/api/v1/runs/{runs[0].id}/values").json()["values"]
    assert told[f"clip.{added}"]["file"]
    name, _ = values_app.services.chain_forms.add(runs[1], "Made", ["clip", "upscale"])
    last = values_app.services.chain_forms.form(name, VALUES_OWNER).plan.steps[-1]
    assert last.values.items() >= {**ENCODED, f"{ENCODING}.crf": 40}.items()
    assert last.inputs.keys() == {"1.image", added}


def test_a_chain_resumed_at_its_end_runs_until_its_new_end(tmp_path: Path) -> None:
    """Even if the user stops the resumed chain before its first thread finishes, the chain is
    active until its new thread ends."""
    app_files(tmp_path)
    with (
        DemoServer(step_seconds=0, painted=64) as demo,
        running_app(demo.url, workflows=tmp_path) as app,
    ):
        chains, gates = app.services.chains, (threading.Event(), threading.Event())
        held: list[threading.Thread] = []

        def hold(_owner: str) -> None:
            """Hold the first thread when it reports its end, then the next thread when it
            starts."""
            thread = threading.current_thread()
            of_chain = thread.name.startswith("chain-") and thread not in held
            if of_chain and (held or chains.recent(USER_ANN)[0].finished):
                held.append(thread)
                assert gates[len(held) - 1].wait(LONGEST_WAIT)

        leave = chains.subscribe(hold)
        chain_id = chains.start("one.chain", {}, Origin(USER_ANN)).id
        eventually(lambda: len(held) == 1)
        chains.go_on(chain_id, USER_ANN, again=["first"])
        eventually(lambda: len(held) == 2)
        chains.stop(chain_id, USER_ANN)
        gates[0].set()
        held[0].join(LONGEST_WAIT)
        assert chains.is_at_work(chain_id)
        gates[1].set()
        held[1].join(LONGEST_WAIT)
        leave()
        assert not chains.is_at_work(chain_id)


@pytest.mark.parametrize("stopped", [0, 1], ids=["that began the run", "that shares it"])
def test_stopping_a_chain_stops_no_other(tmp_path: Path, stopped: int) -> None:
    """Both chains share one run. The other chain finishes, and the user can resume the stopped
    chain."""
    app_files(tmp_path)
    with (
        DemoServer(step_seconds=0.3, painted=64) as demo,
        running_app(demo.url, workflows=tmp_path) as app,
    ):
        chains, values = app.services.chains, {"first.5.seed": 5, "first.5.steps": 50}
        ids = [chains.start("one.chain", values, Origin(USER_ANN)).id]
        eventually(lambda: chains.get(ids[0], USER_ANN).steps[0].live, "the first is at work")
        ids.append(chains.start("one.chain", values, Origin(USER_ANN)).id)
        eventually(lambda: chains.get(ids[1], USER_ANN).steps[0].live, "the second shares its run")
        assert len(app.runs.owned(USER_ANN)) == 1
        chains.stop(ids[stopped], USER_ANN)
        demo.speed.step = 0
        eventually(lambda: chains.get(ids[1 - stopped], USER_ANN).finished, "the other one ends")
        assert chains.get(ids[1 - stopped], USER_ANN).state == "done"
        assert chains.get(ids[stopped], USER_ANN).state == "stopped"
        chains.go_on(ids[stopped], USER_ANN)
        eventually(lambda: chains.get(ids[stopped], USER_ANN).state == "done", "it goes on")
