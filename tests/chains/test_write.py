"""Chains made from runs that used each other's results, and chains as the text of a file."""

from __future__ import annotations

import random
import tomllib
from dataclasses import replace
from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from comfy.chains.fields import FormStep, form_steps
from comfy.chains.model import Chain, ChainErrors, Source, Step
from comfy.chains.read import parse_chain
from comfy.chains.write import RecordedStep, chain_of_runs, chain_text
from comfy.comfyui.protocol.outputs import OutputFile, TextOutput
from comfy.form.build import build_form
from comfy.form.check import check
from comfy.form.fill import fill
from comfy.form.model import Form
from comfy.records.record import KeptInput
from comfy.workflow.model import read_workflow
from tests.support.distribution import examples
from tests.support.samples.forms import (
    WORKFLOWS,
    form_of,
    node,
    small_catalog,
    text_to_image,
    with_values,
    workflow_of,
)
from tests.support.samples.histories import begun, ended_record

SAID = some.text(some.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)
TEXTS = SAID.filter(lambda text: text == text.strip())
NAMES = some.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,20}", fullmatch=True)
SCALARS = some.one_of(
    SAID,
    some.integers(-(2**64), 2**64),
    some.booleans(),
    some.floats(allow_nan=False, allow_infinity=False),
)


@some.composite
def chains(draw: some.DrawFn) -> Chain:
    """Draw chains whose steps get results of earlier steps."""
    steps: list[Step] = []
    for number, name in enumerate(draw(some.lists(NAMES, min_size=1, max_size=4, unique=True)), 1):
        before = [step.name for step in steps]
        sources = some.builds(
            Source, some.sampled_from(before), some.integers(1, 9), some.booleans()
        )
        inputs = draw(some.dictionaries(TEXTS, sources, max_size=3)) if before else {}
        shown = some.lists(TEXTS.filter(lambda one, given=inputs: one not in given), max_size=3)
        step = Step(
            name,
            number,
            draw(NAMES),
            draw(TEXTS),
            draw(some.dictionaries(SAID, SCALARS, max_size=3)),
            tuple(draw(shown)),
            {field: (source,) for field, source in inputs.items()},
        )
        steps.append(step)
    return Chain(tuple(steps), title=draw(TEXTS))


def form_with(workflow: str) -> Form:
    return build_form(read_workflow(WORKFLOWS / f"{workflow}.json"), small_catalog())


def run(
    run_id: str,
    workflow: str,
    at: float,
    *made_from: str,
    parents: tuple[str, ...] = (),
    **told: object,
) -> RecordedStep:
    """Return a finished run. `told` has the requested values and, as `files` and `texts`, the
    results."""
    made = {key: told.pop(key) for key in ("files", "texts") if key in told}
    record = ended_record(begun(run_id, at=at, workflow=workflow, **told), **made)  # type: ignore[arg-type]
    return RecordedStep(replace(record, parents=parents), form_with(workflow), None, made_from)


def image(digest: str, *, aside: bool = False) -> OutputFile:
    return OutputFile(f"{digest}.png", "", "temp" if aside else "output", "image", "9", digest, 9)


def image_input(digest: str) -> dict[str, KeptInput]:
    return {"4.image": KeptInput("x.png", digest)}


def read(chain: Chain) -> Chain:
    """Return the chain as its file has it."""
    return parse_chain("a.chain.toml", tomllib.loads(chain_text(chain)))


def steps_of(chain: Chain) -> tuple[FormStep, ...]:
    """Return the chain's steps in the forms of their workflows."""
    return form_steps(chain, {step.name: form_with(step.workflow) for step in chain.steps}, {})


@settings(max_examples=examples(40))
@given(chains())
def test_a_written_chain_is_read_back_unchanged(chain: Chain) -> None:
    """Field names and values may be any text."""
    assert read(chain) == chain


def test_a_chain_from_runs_has_only_the_steps_that_were_used() -> None:
    """The steps start with the oldest run. The chain keeps changed values but no seeds, and the
    user can set its main fields. The second of two images goes into the next step. The chain leaves
    out a run that gave nothing to another run."""
    made = (image("aside", aside=True), image("a"), image("b"))
    values = {"2.text": "a {red} boat", "4.batch_size": 2, "5.seed": 77, "5.steps": 20}
    base = run("base", "text-to-image", 1.0, values=values, files=made)
    other = run("other", "text-to-image", 2.0, files=(image("c"),))
    again = run(
        "again", "image-to-image", 3.0, "base", inputs=image_input("b"), files=(image("d"),)
    )
    last = run("last", "image-to-image", 4.0, "again", "other", inputs=image_input("d"))
    chain = read(chain_of_runs("Boats", [last, again, other, base]).chain)
    first, second, third = chain.steps
    assert [step.name for step in chain.steps] == [
        "text-to-image",
        "image-to-image",
        "image-to-image-2",
    ]
    assert first.title == "Text to image"
    default = {field.key: field.default for field in base.form.fields}
    changed = {"Prompt": r"a \{red\} boat", "Images": 2, "Steps": 20}  # nothing is drawn of it
    same = {"Steps"} if default["5.steps"] == 20 else set()
    assert first.values == {name: one for name, one in changed.items() if name not in same}
    assert "Prompt" in first.show
    assert "Seed" in first.show
    assert second.inputs == {"Your image": (Source("text-to-image", 2),)}
    assert third.inputs == {"Your image": (Source("image-to-image", 1),)}
    assert "Your image" not in second.show
    assert [one.step.name for one in steps_of(chain)] == [step.name for step in chain.steps]


def test_a_chain_from_runs_draws_new_seeds_each_time() -> None:
    """The new seeds include the seed of an animation's movement, which the workflow's own form has
    under advanced."""
    animation = run("animation", "animation", 1.0, files=(image("a"),))
    seeds = [one for one in animation.form.fields if one.widget == "seed"]
    assert {one.group for one in seeds} == {"main", "advanced"}
    last = run("last", "image-to-image", 2.0, "animation", inputs=image_input("a"))
    first, _ = steps_of(read(chain_of_runs("Waves", [last, animation]).chain))
    assert {one.key for one in seeds} <= {one.key for one in first.shown}


def test_a_text_from_another_run_becomes_an_input_of_its_step() -> None:
    """The field takes the text from the step if one run was made from the other. Otherwise, the
    equal text is a coincidence and stays a value."""
    said = TextOutput("3", "a red boat")
    caption = run("caption", "text-to-image", 1.0, files=(image("a"),), texts=(said,))
    values: dict[str, object] = {"2.text": "a red boat"}
    last = run("last", "image-to-image", 2.0, "caption", parents=("caption",), values=values)
    _, step = read(chain_of_runs("Words", [last, caption]).chain).steps
    assert step.inputs == {"Prompt": (Source("text-to-image", 1, text=True),)}
    assert "Prompt" not in step.values
    two = replace(caption.record.state, texts=(said, TextOutput("3", "at sea")))
    caption_of_two = replace(caption, record=replace(caption.record, state=two))
    told = {"2.text": "a red boat\nat sea"}
    both = run("last", "image-to-image", 2.0, "caption", parents=("caption",), values=told)
    _, step = read(chain_of_runs("Words", [both, caption_of_two]).chain).steps
    assert step.inputs == {"Prompt": (Source("text-to-image", "all", text=True),)}
    inputs = image_input("a")
    by_chance = run("last", "image-to-image", 2.0, "caption", values=values, inputs=inputs)
    _, step = read(chain_of_runs("Words", [by_chance, caption]).chain).steps
    assert [*step.inputs] == ["Your image"]
    assert step.values == {"Prompt": "a red boat"}


def test_a_chain_asks_for_the_users_own_file() -> None:
    """The file belongs to this user only. The chain's form has its field, and the chain itself
    doesn't contain the file."""
    own = run("own", "image-to-image", 1.0, inputs=image_input("mine"), files=(image("a"),))
    last = run("last", "image-to-image", 2.0, "own", inputs=image_input("a"))
    made = chain_of_runs("Twice", [last, own])
    first, _ = read(made.chain).steps
    assert "Your image" in first.show
    assert "Your image" not in first.values
    assert made.files == ((made.chain.steps[0], "4.image", own.record.job.inputs["4.image"]),)


def test_unset_values_are_left_to_the_workflow() -> None:
    """The chain omits an unset file prefix with a date and a name, and the alternative that was
    drawn. It keeps a value that the user set, and a value that doesn't come from the author's text.
    """
    saver = node("SaveImage", filename_prefix="%date:yyyy-MM-dd%/%KSampler.steps%", images=["8", 0])
    prompt = with_values(text_to_image(n9=saver), "6", text="a {red|blue|green} boat // or so")
    form, now = form_of(prompt), datetime(2026, 3, 9, 12, 5)
    for typed, fixed in (
        ({}, {}),
        ({"3.steps": 3}, {"Steps": 3}),
        ({"6.text": "a pink boat"}, {"Prompt": "a pink boat"}),
        ({"9.filename_prefix": "%date:yyyy%/20"}, {"File name": "2026/20"}),
    ):
        sent, used = fill(workflow_of(prompt), form, check(form, typed)[0], random.Random(1), now)
        first = run(
            "first",
            "text-to-image",
            now.timestamp() + 1,
            prompt=sent,
            values=used,
            files=(image("x"),),
        )
        first = replace(first, form=form)
        last = run("last", "upscale", now.timestamp() + 9, "first", inputs=image_input("x"))
        step, _ = chain_of_runs("Boats", [last, first]).chain.steps
        assert step.values == fixed


def test_a_chain_needs_several_connected_steps() -> None:
    """Two steps are no chain either if the first gave the second nothing."""
    base = run("base", "text-to-image", 1.0, files=(image("a"),))
    last = run("last", "image-to-image", 2.0, "base", inputs=image_input("gone"))
    for runs in ([base], [last, base]):
        with pytest.raises(ChainErrors, match="This result was created in one step"):
            chain_of_runs("Boats", runs)
