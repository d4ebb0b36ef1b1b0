"""The steps of a chain in the forms of their workflows, and what each run of them is given."""

from __future__ import annotations

import re
import tomllib
from functools import cache

import pytest

from comfy.batches.rows import UnequalLengths
from comfy.chains.chosen import chosen
from comfy.chains.fields import FormStep, form_steps
from comfy.chains.model import ChainErrors, Source
from comfy.chains.read import CHAIN_KEYS, STEP_KEYS, parse_chain
from comfy.chains.results import Given, StepRun, runs_of
from comfy.form.build import build_form
from comfy.form.model import Form
from comfy.protocol.outputs import OutputFile, TextOutput
from comfy.workflow.model import read_workflow
from tests.support.samples.forms import WORKFLOWS, form_of, node, small_catalogue

DOCS = (WORKFLOWS.parent / "docs" / "chains.md").read_text(encoding="utf-8")
BASE = '[[steps]]\nname = "base"\nworkflow = "text-to-image"\n'
LARGE = '[[steps]]\nname = "large"\nworkflow = "upscale"\n'


@cache
def form(workflow: str) -> Form:
    """The form of a workflow that is shipped, or of one with two images."""
    if workflow == "two":
        return form_of(
            {
                "1": node("LoadImage", image="example.png"),
                "2": node("SaveImage", images=["1", 0], filename_prefix="x"),
                "3": node("LoadImage", image="example.png"),
                "4": node("SaveImage", images=["3", 0], filename_prefix="x"),
            }
        )
    return build_form(read_workflow(WORKFLOWS / f"{workflow}.json"), small_catalogue())


def steps_of(text: str, **settings: dict[str, object]) -> dict[str, FormStep]:
    """The steps of a chain in their forms."""
    chain = parse_chain("a.chain.toml", tomllib.loads(text))
    forms = {step.name: form(step.workflow) for step in chain.steps}
    return {one.step.name: one for one in form_steps(chain, forms, settings)}


def image(name: str, run: str = "1", *, aside: bool = False) -> Given:
    """An image that a run has made."""
    return Given(OutputFile(name, "", "temp" if aside else "output", "image", "9"), run)


def given(runs: tuple[StepRun, ...]) -> list[str]:
    """What the image of each run is."""
    return [
        one.result.filename
        for run in runs
        for one in run.given.values()
        if isinstance(one.result, OutputFile)
    ]


def test_the_documented_example_works_as_described() -> None:
    """The chain in docs/chains.md fits the workflows that are shipped; its tables name all
    settings."""
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


def test_fields_go_by_their_labels_and_keys() -> None:
    """Seeds are the workflow's, so that it is the same run again; what people set goes before what
    the chain says."""
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


def test_what_the_chain_sets_is_not_for_people_to_set() -> None:
    """Fixed values, several ones, and results of other steps."""
    text = BASE + 'repeat = { Seed = "1..3" }\nvalues = { Width = 512 }\n'
    steps = steps_of(text + LARGE + 'inputs = { "Your image" = "base" }')
    base, large = ([field.label for field in step.shown] for step in steps.values())
    assert {"Prompt", "Height"} <= {*base}
    assert not {"Seed", "Width"} & {*base}
    assert "Your image" not in large


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (BASE + "values = { stepz = 3 }", "Step “base”, There is no field “stepz”. Did you mean"),
        (BASE + 'show = ["Stepz"]', "Step “base”, There is no field “Stepz”."),
        (BASE + "values = { steps = 3, Steps = 4 }", "Step “base”, Steps: It is given twice."),
        (
            BASE + 'values = { steps = 3 }\nrepeat = { steps = "1..3" }',
            "Step “base”, Steps: It is given by the chain already.",
        ),
        (
            BASE + 'show = ["Steps"]\nrepeat = { "5.steps" = "1..3" }',
            "Step “base”, Steps: It is given by the chain already.",
        ),
        (
            BASE + LARGE + 'show = ["Your image"]\ninputs = { "4.image" = "base" }',
            "Step “large”, Your image: It is given by the chain already.",
        ),
        (
            BASE + LARGE + 'inputs = { "Your image" = "base", Steps = "base" }',
            "Step “large”, Steps: It takes no result of “base”.",
        ),
        (
            BASE + LARGE + 'inputs = { Prompt = "base.text" }',
            "Step “large”, Prompt: It takes no result of “base”.",
        ),
        (BASE + 'repeat = { steps = "1..x" }', "Step “base”, Steps: “1..x” isn't a range."),
        (
            BASE + 'repeat = { steps = "1..200", seed = "1..200" }',
            "Step “base”, A batch has 10000 rows at most.",
        ),
    ],
)
def test_what_does_not_go_together_is_told(text: str, said: str) -> None:
    """With the step and the field."""
    with pytest.raises(ChainErrors) as caught:
        steps_of(text)
    assert [problem[: len(said)] for problem in caught.value.problems] == [said]


@pytest.mark.parametrize(
    ("source", "names"),
    [("base", ["a.png"]), ("base[2]", ["b.png"]), ("base[each]", ["a.png", "b.png"])],
)
def test_a_step_is_given_one_result_or_each(source: str, names: list[str]) -> None:
    """Of what the other one has saved, whatever else it shows."""
    step = steps_of(BASE + LARGE + f'inputs = {{ "Your image" = "{source}" }}')["large"]
    text = Given(TextOutput("8", "words"), "1")
    made = {"base": [image("p.png", aside=True), text, image("a.png"), image("b.png", "2")]}
    assert given(runs_of(step, made)) == names
    with pytest.raises(ChainErrors, match="has made 0 results that “Your image” takes"):
        runs_of(step, {"base": [text]})


def test_values_are_repeated_for_each_of_several_results() -> None:
    """Every value with every result."""
    text = BASE + LARGE + 'inputs = { "Your image" = "base[each]" }\nrepeat = { steps = [3, 4] }'
    runs = runs_of(steps_of(text)["large"], {"base": [image("a.png"), image("b.png")]})
    assert given(runs) == ["a.png", "a.png", "b.png", "b.png"]
    assert [run.values["7.steps"] for run in runs] == [3, 4, 3, 4]


def test_each_of_several_steps_goes_in_pairs() -> None:
    """The first with the first; one alone goes with all of the others."""
    text = BASE + BASE.replace('"base"', '"other"') + LARGE.replace("upscale", "two")
    text += 'inputs = { "1.image" = "base[each]", "3.image" = "other[each]" }'
    step = steps_of(text)["large"]
    a, b, c, d = map(image, ("a.png", "b.png", "c.png", "d.png"))
    pairs = given(runs_of(step, {"base": [a, b], "other": [c, d]}))
    assert pairs == ["a.png", "c.png", "b.png", "d.png"]
    alone = given(runs_of(step, {"base": [a, b], "other": [c]}))
    assert alone == ["a.png", "c.png", "b.png", "c.png"]
    with pytest.raises(UnequalLengths):
        runs_of(step, {"base": [a, b, c], "other": [a, b]})
