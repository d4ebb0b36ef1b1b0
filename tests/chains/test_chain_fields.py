"""A chain's steps in the forms of their workflows, and the inputs of each of their runs."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from typing import Any

import pytest

from comfy.chains.folder import CHAIN_KEYS, STEP_KEYS, parse_chain
from comfy.chains.model import ChainErrors, Source, Step, chosen
from comfy.chains.runner import Given, StepRun, runs_of
from comfy.chains.steps import PlannedStep, StepForm, form_steps, step_form
from comfy.comfyui.protocol.outputs import OutputFile, TextOutput
from comfy.form.build import build_form
from comfy.form.model import Form
from comfy.prompt.value_types import BadValue
from comfy.workflow.model import read_workflow
from tests.support.samples.extra_nodes import PAINTED, wide_form
from tests.support.samples.forms import WORKFLOWS, form_of, node, small_catalog

DOCS = (WORKFLOWS.parent / "docs" / "chains.md").read_text(encoding="utf-8")
BASE = '[[steps]]\nname = "base"\nworkflow = "text-to-image"\n'
LARGE = '[[steps]]\nname = "large"\nworkflow = "upscale"\n'
SAVERS = '[[steps]]\nname = "savers"\nworkflow = "savers"\n'
MANY = '[[steps]]\nname = "many"\nworkflow = "many"\n'


@cache
def form(workflow: str) -> Form:
    """Return the form of a shipped workflow, or of a test workflow: `two` has two images, `savers`
    several outputs, and `many` takes many images."""
    if workflow == "two":
        return form_of(
            {
                "1": node("LoadImage", image="example.png"),
                "2": node("SaveImage", images=["1", 0], filename_prefix="x"),
                "3": node("LoadImage", image="example.png"),
                "4": node("SaveImage", images=["3", 0], filename_prefix="x"),
            }
        )
    if workflow == "savers":
        return form_of(
            {
                "1": node("LoadImage", image="example.png"),
                "2": node("SaveImage", "Large", images=["1", 0], filename_prefix="x"),
                "3": node("SaveImage", images=["1", 0], filename_prefix="x"),
                "4": node("SaveImage", images=["1", 0], filename_prefix="x"),
                "5": node("PreviewAny", source=["1", 0]),
            }
        )
    if workflow == "many":
        return form_of(
            {
                "1": node("LoadImage", image="example.png"),
                "2": node("BatchImagesNode", **{"images.image0": ["1", 0]}),
                "3": node("SaveImage", images=["2", 0], filename_prefix="x"),
            }
        )
    return build_form(read_workflow(WORKFLOWS / f"{workflow}.json"), small_catalog())


def steps_of(text: str, **settings: dict[str, object]) -> dict[str, PlannedStep]:
    """Return the steps of a chain in their forms."""
    chain = parse_chain("a.chain.toml", tomllib.loads(text))
    forms = {step.name: form(step.workflow) for step in chain.steps}
    return {one.step.name: one for one in form_steps(chain, forms, settings)}


def image(name: str, run: str = "1", *, node: str = "9", aside: bool = False) -> Given:
    """Return an image made by a run."""
    return Given(OutputFile(name, "", "temp" if aside else "output", "image", node), (run,))


def given(runs: tuple[StepRun, ...]) -> list[str]:
    return [
        one.result.filename
        for run in runs
        for one in run.given.values()
        if isinstance(one.result, OutputFile)
    ]


def test_the_documented_example_works_as_described() -> None:
    """The chain in docs/chains.md fits the shipped workflows, and its tables name all settings."""
    (example,) = re.findall(r"```toml\n(.*?)```", DOCS, re.DOTALL)
    chain = parse_chain("a.chain.toml", tomllib.loads(example))
    forms = {step.name: form(step.workflow) for step in chain.steps}
    face, light = form_steps(chosen(chain, {}), forms, {})
    assert [row["5.seed"] for row in face.rows] == ["1", "2", "3"]
    assert light.inputs == {"4.image": Source("face", "each")}
    _, _, light = form_steps(chosen(chain, {"large": "yes"}), forms, {})
    assert light.inputs == {"4.image": Source("upscale", "each")}
    tables = DOCS.partition("## On the page")[0]
    rows = [line.split("|")[1] for line in tables.splitlines() if line.startswith("| ")]
    assert set(re.findall(r"`(\w+)`", " ".join(rows))) == {*CHAIN_KEYS, *STEP_KEYS}


def test_fields_are_found_by_label_or_key() -> None:
    """A chain file names fields by label or key. Seeds come from the workflow, so that the run
    repeats exactly. The user's values take precedence over the chain's."""
    text = (
        BASE
        + 'values = { steps = 3, "2.text" = "a" }\n'
        + LARGE
        + 'inputs = { "your image" = "base" }'
    )
    steps = steps_of(text, base={"Steps": "5"})
    assert steps["base"].values == {"5.seed": 406127, "5.steps": "5", "2.text": "a"}
    assert [*steps["large"].inputs] == ["4.image"]
    assert "Your image" not in [field.label for field in steps["large"].shown]
    assert steps["large"].title == "Upscale"


def test_the_form_omits_fields_that_the_chain_sets() -> None:
    """The user can't set fields that have a fixed value, several values or results of other
    steps."""
    text = BASE + 'repeat = { Seed = "1..3" }\nvalues = { Width = 512 }\n'
    steps = steps_of(text + LARGE + 'inputs = { "Your image" = "base" }')
    base, large = ([field.label for field in step.shown] for step in steps.values())
    assert {"Prompt", "Height"} <= {*base}
    assert not {"Seed", "Width"} & {*base}
    assert "Your image" not in large


def test_a_repeated_text_may_name_a_file_of_lines() -> None:
    """A repeated text may name a file of lines, as several values of a text may. The error for a
    wrong file name is on the field."""
    files = {"times": ["at dawn", "at {noon|night}"]}

    def lines(name: str) -> list[str]:
        if name not in files:
            raise BadValue("There is no such file.")
        return files[name]

    def prompts(text: str) -> list[object]:
        chain = parse_chain(
            "a.chain.toml", tomllib.loads(f'{BASE}repeat = {{ Prompt = "{text}" }}')
        )
        (step,) = form_steps(chain, {"base": form("text-to-image")}, {}, lines)
        return [row["2.text"] for row in step.rows]

    assert prompts("a boat __times__") == ["a boat at dawn", "a boat at noon", "a boat at night"]
    with pytest.raises(ChainErrors, match="Step “base”, Prompt: There is no such file"):
        prompts("a boat __tims__")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (BASE + "values = { stepz = 3 }", "Step “base”, There is no field “stepz”. Did you mean"),
        (BASE + 'show = ["Stepz"]', "Step “base”, There is no field “Stepz”."),
        (BASE + "values = { steps = 3, Steps = 4 }", "Step “base”, Steps: It is given twice."),
        (
            BASE + 'values = { steps = 3 }\nrepeat = { steps = "1..3" }',
            "Step “base”, Steps: The chain already sets it.",
        ),
        (
            BASE + 'show = ["Steps"]\nrepeat = { "5.steps" = "1..3" }',
            "Step “base”, Steps: The chain already sets it.",
        ),
        (
            BASE + LARGE + 'show = ["Your image"]\ninputs = { "4.image" = "base" }',
            "Step “large”, Your image: The chain already sets it.",
        ),
        (
            BASE + LARGE + 'inputs = { "Your image" = "base", Steps = "base" }',
            "Step “large”, Steps: It doesn't take results of “base”.",
        ),
        (
            BASE + LARGE + 'inputs = { Prompt = "base.text" }',
            "Step “large”, Prompt: It doesn't take results of “base”.",
        ),
        (
            BASE + LARGE + 'inputs = { "Your image" = "base[all]" }',
            "Step “large”, Your image: It takes one file, so it can't take all results of “base”.",
        ),
        (
            SAVERS + LARGE + 'inputs = { "Your image" = "savers@9" }',
            "Step “large”, Your image: “9” must name one output of “savers”: 2 (Large), 3 (Save"
            " Image), 4 (Save Image 2), 5 (Previ",
        ),
        (
            SAVERS + LARGE + 'inputs = { "Your image" = "savers@save image" }',
            "Step “large”, Your image: “save image” must name one output of “savers”: 2 (Large), 3",
        ),
        (
            SAVERS + LARGE + 'inputs = { "Your image" = "savers@5" }',
            "Step “large”, Your image: It doesn't take results of “savers”.",
        ),
        (BASE + 'repeat = { steps = "1..x" }', "Step “base”, Steps: “1..x” isn't a range."),
        (
            BASE + 'repeat = { steps = "1..200", seed = "1..200" }',
            "Step “base”, It can run at most 10000 times. Give fewer values in “repeat”.",
        ),
        (BASE + 'repeat = { steps = "1..10001" }', "Step “base”, It can run at most 10000 times."),
    ],
)
def test_contradictions_are_reported(text: str, said: str) -> None:
    """The error names the step and the field."""
    with pytest.raises(ChainErrors) as caught:
        steps_of(text)
    assert [problem[: len(said)] for problem in caught.value.problems] == [said]


@pytest.mark.parametrize(
    ("source", "names"),
    [("base", ["a.png"]), ("base[2]", ["b.png"]), ("base[each]", ["a.png", "b.png"])],
)
def test_a_step_takes_one_result_or_each(source: str, names: list[str]) -> None:
    """The step gets only results that the other step has saved, regardless of anything else that it
    shows."""
    step = steps_of(BASE + LARGE + f'inputs = {{ "Your image" = "{source}" }}')["large"]
    text = Given(TextOutput("8", "words"), ("1",))
    made = {"base": [image("p.png", aside=True), text, image("a.png"), image("b.png", "2")]}
    assert given(runs_of(step, made)) == names
    with pytest.raises(ChainErrors, match="which has only 0"):
        runs_of(step, {"base": [text]})


def test_a_field_that_grows_takes_all_results() -> None:
    """In one run, each result gets its own place in the field, for each of the repeated values. The
    chain refuses more results than there are places."""
    text = BASE + MANY + 'inputs = { "1.image" = "base[all]" }\nrepeat = { "3.filename_prefix" = '
    step = steps_of(text + '["a", "b"] }')["many"]
    first, second = runs_of(step, {"base": [image("a.png"), image("b.png"), image("c.png", "2")]})
    assert first.given.keys() == {"1.image", *(f"2.images.image{n}.image" for n in (1, 2))}
    assert given((first, second)) == ["a.png", "b.png", "c.png"] * 2
    assert given(runs_of(step, {"base": [image("a.png")]})) == ["a.png"] * 2
    with pytest.raises(ChainErrors, match="has 51 results, but “Image” accepts at most 50"):
        runs_of(step, {"base": [image(f"{n}.png") for n in range(51)]})
    with pytest.raises(ChainErrors, match="which has only 0"):
        runs_of(step, {"base": []})


def test_a_text_takes_all_texts() -> None:
    """The texts go into the field one below the other."""
    step = steps_of(SAVERS + BASE + 'inputs = { Prompt = "savers.text[all]" }')["base"]
    said = {"1": "a boat", "2": "at sea"}
    texts = [Given(TextOutput("5", one), (run,)) for run, one in said.items()]
    (run,) = runs_of(step, {"savers": [image("a.png"), *texts]})
    assert run.given == {"2.text": Given(TextOutput("5", "a boat\nat sea"), ("1", "2"))}


@pytest.mark.parametrize("node", ["2", "large"])
def test_a_step_takes_the_results_of_a_named_node(node: str) -> None:
    """The chain names the node by its id, or by its title in any case."""
    text = SAVERS + LARGE + f'inputs = {{ "Your image" = "savers@{node}[each]" }}'
    step = steps_of(text)["large"]
    made = {"savers": [image("a.png", node="3"), image("b.png", node="2"), image("c.png")]}
    assert given(runs_of(step, made)) == ["b.png"]
    with pytest.raises(ChainErrors, match="which has only 0"):
        runs_of(step, {"savers": [image("a.png", node="3")]})


def test_values_are_repeated_for_each_of_several_results() -> None:
    text = BASE + LARGE + 'inputs = { "Your image" = "base[each]" }\nrepeat = { steps = [3, 4] }'
    runs = runs_of(steps_of(text)["large"], {"base": [image("a.png"), image("b.png")]})
    assert given(runs) == ["a.png", "a.png", "b.png", "b.png"]
    assert [run.values["7.steps"] for run in runs] == [3, 4, 3, 4]


def test_each_results_of_several_steps_are_paired() -> None:
    """The first result of a step goes with the first result of the other step. A step's only result
    goes with all results of the other step."""
    text = BASE + BASE.replace('"base"', '"other"') + LARGE.replace("upscale", "two")
    text += 'inputs = { "1.image" = "base[each]", "3.image" = "other[each]" }'
    step = steps_of(text)["large"]
    a, b, c, d = map(image, ("a.png", "b.png", "c.png", "d.png"))
    pairs = given(runs_of(step, {"base": [a, b], "other": [c, d]}))
    assert pairs == ["a.png", "c.png", "b.png", "d.png"]
    alone = given(runs_of(step, {"base": [a, b], "other": [c]}))
    assert alone == ["a.png", "c.png", "b.png", "c.png"]
    with pytest.raises(ChainErrors) as wrong:
        runs_of(step, {"base": [a, b, c], "other": [a, b]})
    one, other = (step.form.field(key).label for key in ("1.image", "3.image"))
    assert wrong.value.problems == (
        f"{one}, {other}: To run row by row, all fields need the same number of values.",
    )


IMAGE, SECOND, THIRD = "1.image", *(f"8.model.images.image_{n}.image" for n in (2, 3))
MODE, RATE, SIZE = "8.model.mode", "8.model.mode.rate", "8.model.size"


def of(step: Step, **settings: Any) -> StepForm:
    """Return the form of a step whose prompt is `PAINTED`."""

    def form_of(values: Mapping[str, object]) -> Form:
        return wide_form(PAINTED, values)

    return step_form(form_of, step, {key.replace("__", "."): one for key, one in settings.items()})


def keys(one: StepForm) -> set[str]:
    return {field.key for field in one.form.fields}


def test_fields_of_a_choice_are_found_by_label() -> None:
    """Labels also find the fields of a nested choice, in any order."""
    labelled = {"Rate": 9, "Mode": "fast", "Model": "Animated"}
    said = of(Step("a", 1, "painted", values=labelled))
    assert said.step.values == {RATE: 9, MODE: "fast", "8.model": "Animated"}
    assert {RATE, MODE} <= keys(said)
    typed = step_form(lambda values: wide_form(PAINTED, values), Step("a", 1, "painted"), labelled)
    assert typed.settings == said.step.values
    wrong = of(Step("a", 1, "painted", values={"Rate": 9, "Model": "Animated"}))
    assert wrong.step.values == {"Rate": 9, "8.model": "Animated"}  # there is no such field


def test_values_of_another_choice_are_ignored() -> None:
    """The app ignores the author's values and fields for the other choice. The fields of the user's
    choice appear next to the choice, if the form shows it."""
    step = Step("a", 1, "painted", values={"Model": "Large", "Size": "2K"}, show=("Model", "Size"))
    assert of(step).step.values == {"8.model": "Large", SIZE: "2K"}
    chosen = of(step, **{"8.model": "Animated", MODE: "fast"})
    assert chosen.step.values == {"8.model": "Large"}
    assert chosen.step.show == ("8.model", MODE, RATE)
    hidden = of(Step("a", 1, "painted", show=("Seed",)), **{"8.model": "Animated"})
    assert hidden.step.show == ("8.seed",)


def test_file_fields_are_added_by_label_or_key() -> None:
    """A label brings the fields before it, too. A field that the user adds appears next to the
    shown one."""
    inputs = {"Reference image 3": (Source("b"),)}
    assert of(Step("a", 1, "painted", inputs=inputs)).step.inputs == {THIRD: (Source("b"),)}
    both = of(Step("a", 1, "painted", inputs=inputs))
    assert {IMAGE, SECOND, THIRD} <= keys(both)
    alone = of(Step("a", 1, "painted", inputs={THIRD: (Source("b"),)}))
    assert SECOND not in keys(alone)
    added = of(Step("a", 1, "painted", show=("Image", "Seed")), **{SECOND: None})
    assert added.step.show == (IMAGE, SECOND, "8.seed")
    assert "Image 4" in of(Step("a", 1, "painted", values={"Image 4": "b.png"})).step.values


def test_a_repeated_choice_adds_the_fields_of_every_option() -> None:
    """Labels also find the fields of a nested choice. If a repeated value is no list of choices,
    the app reports it when it reads the values."""
    values = {"Size": "2K", "Rate": 9}
    repeat = {"Model": ("Large", "Animated"), "Mode": "plain, fast"}
    said = of(Step("a", 1, "painted", values=values, repeat=repeat, show=("Model",)))
    assert said.step.values == {SIZE: "2K", RATE: 9}
    assert said.step.repeat == {"8.model": ("Large", "Animated"), MODE: "plain, fast"}
    assert {IMAGE, SIZE, MODE, RATE} <= keys(said)  # also for the author's own choice
    assert len(keys(said)) == len(said.form.fields)
    one = of(Step("a", 1, "painted", values={"Size": "2K"}, repeat={"Model": ("Animated",)}))
    assert one.step.values == {"Size": "2K"}  # there is no such field
