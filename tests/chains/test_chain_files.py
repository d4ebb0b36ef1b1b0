"""Chain files: parsing, and the errors for invalid files; chains made from runs; and values in the
database."""

from __future__ import annotations

import contextlib
import random
import resource
import tomllib
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from hypothesis import strategies as st

from comfy.base.errors import ComfyError, WorkflowError
from comfy.chains.folder import (
    SUFFIX,
    ChainFolder,
    RecordedStep,
    chain_of_runs,
    chain_text,
    parse_chain,
    read_chain,
)
from comfy.chains.model import (
    Chain,
    ChainErrors,
    Condition,
    Source,
    Step,
    StepKey,
    Switch,
    choices_that_cannot_run,
    chosen,
    due,
    held_up,
)
from comfy.chains.open_chain import load_chain_values, save_chain
from comfy.chains.steps import PlannedStep, form_steps
from comfy.comfyui.protocol.outputs import OutputFile, TextOutput
from comfy.form.build import build_form
from comfy.form.check import check
from comfy.form.fill import fill
from comfy.form.model import Form
from comfy.library.folder import WorkflowFolder
from comfy.records.blobs import BlobStore
from comfy.records.groups import Group
from comfy.records.record import KeptInput
from comfy.records.store import RunStore
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

STEPS = """
[[steps]]
name = "base"
workflow = "small"
[[steps]]
name = "other"
workflow = "small.json"
[[steps]]
name = "both"
workflow = "sub/two"
"""


def read(text: str) -> Chain:
    """Return the chain of a file with this text."""
    return parse_chain("a.chain.toml", tomllib.loads(text))


def refused(text: str) -> tuple[str, ...]:
    with pytest.raises(ChainErrors) as caught:
        read(text)
    return tuple(map(str, caught.value.problems))


def test_every_setting_is_read() -> None:
    """A chain file can have inputs from several steps, from one of several results, from each
    result and from texts. It can also have switches, lists and fixed values."""
    chain = read("""
        title = "All"
        description = "Of it."
        [switches]
        large = false
        look = ["photo", "painting"]
        [[steps]]
        name = "base"
        workflow = "small"
        values = { steps = 3, "2.text" = "a boat", tiled = true }
        show = ["Width"]
        [steps.repeat]
        Prompt = ["a", "b"]
        Seed = "1..4"
        [[steps]]
        name = "last"
        title = "The last"
        workflow = "small"
        optional = true
        when = "look = painting"
        [steps.inputs]
        A = "base"
        B = "base[2]"
        C = ["base[each]", "base"]
        D = "base.text"
        E = "base[all]"
        F = "base@9"
        G = "base@Save large.text[all]"
    """)
    base, last = chain.steps
    assert chain.switches == (
        Switch("large", ("false", "true")),
        Switch("look", ("photo", "painting")),
    )
    assert base.values == {"steps": 3, "2.text": "a boat", "tiled": True}
    assert (base.show, base.repeat) == (("Width",), {"Prompt": ("a", "b"), "Seed": "1..4"})
    assert (last.number, last.title, last.optional) == (2, "The last", True)
    assert last.when == Condition("look", "painting")
    assert last.inputs == {
        "A": (Source("base"),),
        "B": (Source("base", 2),),
        "C": (Source("base", "each"), Source("base")),
        "D": (Source("base", text=True),),
        "E": (Source("base", "all"),),
        "F": (Source("base", node="9"),),
        "G": (Source("base", "all", text=True, node="Save large"),),
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "a.chain.toml has no steps."),
        (
            "steps = []",
            "a.chain.toml: “steps” must be at most 100 tables, each written as [[steps]].",
        ),
        (
            "steps = 3",
            "a.chain.toml: “steps” must be at most 100 tables, each written as [[steps]].",
        ),
        ("[[steps]]\nname = 'a'", "a.chain.toml, step a: “workflow” is missing."),
        ("[[steps]]\nworkflow = 'a'", "a.chain.toml, step 1: “name” is missing."),
        (
            "[[steps]]\nname = 'a.b'\nworkflow = 'a'",
            "a.chain.toml, step 1: “name” must be a word of letters, digits, “-” and “_”.",
        ),
        (
            "[[steps]]\nname = 'a'\nworkflow = '../a'",
            "a.chain.toml, step a: “workflow” must be the name of a workflow beside the chain.",
        ),
        (
            STEPS + "inputz = {}",
            "a.chain.toml, step both: there is no setting “inputz”. Did you mean “inputs”?",
        ),
        (
            STEPS + "inputs = { A = 'bose' }",
            "a.chain.toml, step both: there is no step “bose”. Did you mean “base”?",
        ),
        (
            STEPS + "inputs = { A = 'both' }",
            "a.chain.toml, step both: it can't use its own results.",
        ),
        (
            STEPS + "inputs = { A = 'base[0]' }",
            "a.chain.toml, step both: the input “A” must be a step, such as “base”, “base[2]”,"
            " “base[each]”, “base[all]”, “base@9” or “base.text”.",
        ),
        (STEPS + "[[steps]]\nname = 'base'\nworkflow = 'a'", "several steps are called “base”."),
        (STEPS + "when = 'large'", "a.chain.toml, step both: there is no switch “large”."),
        (
            "[switches]\nsize = ['a', 'b']\n" + STEPS + "when = 'size=c'",
            "a.chain.toml, step both: the switch “size” has no choice “c”.",
        ),
        ("[switches]\nsize = ['a']\n" + STEPS, "the switch “size” must be true, false or a list"),
        (STEPS + "repeat = { A = [] }", "“repeat” must be a table of lists, or of strings"),
        (
            STEPS + "show = ['A', 'B']\ninputs = { B = 'base' }",
            "a.chain.toml, step both: “B” can't be in “show”: the chain sets it.",
        ),
        (
            STEPS + "show = ['A']\nrepeat = { A = '1..3' }",
            "a.chain.toml, step both: “A” can't be in “show”: the chain sets it.",
        ),
        (STEPS + "values = { A = [1] }", "“values” must be a table of strings, numbers, true or"),
    ],
)
def test_a_file_that_is_not_a_chain_is_refused(text: str, said: str) -> None:
    """The error says where the problem is and which syntax belongs there."""
    assert any(said in problem for problem in refused(text))


def test_cyclic_steps_are_reported_with_all_other_errors() -> None:
    """The error lists all problems at once."""
    problems = refused("""
        titel = "x"
        [[steps]]
        name = "a"
        workflow = "w"
        inputs = { I = "b" }
        [[steps]]
        name = "b"
        workflow = "w"
        optional = 3
        inputs = { I = "a" }
    """)
    assert len(problems) == 3
    assert "these steps wait for each other: “" in problems[-1]


def chain_of(*steps: str) -> Chain:
    """Return a chain of optional steps, each written with its sources, as in `c<a,b[each]`."""
    text = ""
    for step in steps:
        name, _, sources = step.partition("<")
        text += f'[[steps]]\nname = "{name}"\nworkflow = "w"\noptional = true\n[steps.inputs]\n'
        text += "".join(f'I{n} = "{one}"\n' for n, one in enumerate(sources.split(",")) if one)
    return read(text)


def given_to(chain: Chain, name: str) -> list[Source]:
    step = next(one for one in chain.steps if one.name == name)
    return [source for (source,) in step.inputs.values()]


@pytest.mark.parametrize(
    ("steps", "without", "given"),
    [
        (["a", "b<a", "c<b"], ["b"], Source("a")),
        (["a", "b<a[2]", "c<b[3]"], ["b"], Source("a", 2)),
        (["a", "b<a[each]", "c<b[3]"], ["b"], Source("a", 3)),
        (["a", "b<a[each]", "c<b"], ["b"], Source("a")),
        (["a", "b<a[each]", "c<b[each]", "d<c[each]"], ["c", "b"], Source("a", "each")),
        (["a", "b<a,a.text", "c<b.text"], ["b"], Source("a", text=True)),
    ],
)
def test_a_step_takes_the_sources_of_an_omitted_step(
    steps: list[str], without: list[str], given: Source
) -> None:
    """The step takes the sources of the step that is left out, also across several such steps, and
    as many results."""
    chain = chosen(chain_of(*steps), {}, without)
    assert given_to(chain, chain.steps[-1].name) == [given]


@pytest.mark.parametrize(
    ("switches", "without", "said"),
    [
        ({}, ["a"], "Step “b” needs “a”, which is turned off."),
        ({}, ["a", "b"], "No step is left to run."),
        ({}, ["x"], "There is no step “x”."),
        ({"x": "1"}, [], "There is no switch “x”."),
    ],
)
def test_required_parts_are_reported(
    switches: dict[str, str], without: list[str], said: str
) -> None:
    """The error names a required step that nothing can replace, and an unknown step or switch."""
    with pytest.raises(ChainErrors, match=said):
        chosen(chain_of("a", "b<a"), switches, without)


def test_switches_are_yes_or_no_or_one_of_several() -> None:
    """Switch values accept common spellings, such as “no” and lower case. An input takes the first
    of its sources that runs."""
    chain = read("""
        [switches]
        large = true
        look = ["Photo", "Painting"]
        [[steps]]
        name = "a"
        workflow = "w"
        [[steps]]
        name = "b"
        workflow = "w"
        when = "large"
        [[steps]]
        name = "c"
        workflow = "w"
        when = "look=Painting"
        [[steps]]
        name = "d"
        workflow = "w"
        inputs = { I = ["c", "b", "a"] }
    """)
    runs = {
        tuple(given.items()): given_to(chosen(chain, given), "d")[0].step
        for given in ({}, {"large": "no"}, {"look": "painting"})
    }
    assert [*runs.values()] == ["b", "a", "c"]
    with pytest.raises(ChainErrors, match="“look” must be one of “Photo”, “Painting”, not “x”"):
        chosen(chain, {"look": "x"})


def test_reports_choices_that_cannot_run_by_themselves() -> None:
    """For each choice, the other switches keep their initial values and all optional steps run."""
    chain = read("""
        [switches]
        look = ["photo", "oil", "ink"]
        large = false
        [[steps]]
        name = "a"
        workflow = "w"
        when = "look=photo"
        [[steps]]
        name = "b"
        workflow = "w"
        when = "large"
        [[steps]]
        name = "c"
        workflow = "w"
        when = "look=oil"
        optional = true
        inputs = { I = "a" }
        [[steps]]
        name = "d"
        workflow = "w"
        when = "look=ink"
        inputs = { I = "b" }
        [[steps]]
        name = "e"
        workflow = "w"
    """)
    assert list(choices_that_cannot_run(chain)) == [
        "This chain can't run with “look: oil”: Step “c” needs “a”, which is turned off.",
        "This chain can't run with “look: ink”: Step “d” needs “b”, which is turned off.",
    ]


def test_steps_without_mutual_dependencies_are_due_together() -> None:
    """A step is due as soon as all the steps that it waits for are done. A failure holds up only
    the steps that depend on it."""
    steps = chain_of("a", "b", "c<a,b", "d<b", "e<d").steps
    names = [
        [one.name for one in due(steps, begun, done)]
        for begun, done in (([], []), (["a", "b"], ["b"]), (["a", "b", "d"], ["a", "b"]))
    ]
    assert names == [["a", "b"], ["d"], ["c"]]
    assert [one.name for one in held_up(steps, ["b"])] in (
        ["c", "d", "e"],
        ["d", "c", "e"],
        ["d", "e", "c"],
    )
    assert [one.name for one in held_up(steps, ["d"])] == ["e"]


def test_an_unreadable_file_is_reported(tmp_path: Path) -> None:
    """The file is missing or is not TOML."""
    file = tmp_path / "a.chain.toml"
    with pytest.raises(ChainErrors, match="cannot be read: No such file"):
        read_chain(file)
    file.write_bytes(b"\xff")
    with pytest.raises(ChainErrors, match="cannot be read: 'utf-8'"):
        read_chain(file)
    file.write_text("=")
    with pytest.raises(ChainErrors, match="not valid TOML"):
        read_chain(file)


def test_a_partly_written_workflow_or_chain_is_discarded(tmp_path: Path) -> None:
    """The app lists neither half a chain nor half a workflow. The next try gets the original name,
    without a number."""
    text = STEPS + "#" * 2000
    workflows, chains = WorkflowFolder(tmp_path), ChainFolder(tmp_path)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500, before[1]))
    try:
        with pytest.raises(WorkflowError, match="couldn't be saved: File too large"):
            workflows.add("mine.json", text.encode(), "Mine")
        with pytest.raises(WorkflowError, match="couldn't be saved: File too large"):
            chains.add("Mine", text)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert list(tmp_path.iterdir()) == []
    assert chains.add("Mine", text) == "Mine.chain"
    assert chains.entries()[0].problem == ""


def test_shipped_chains_are_not_listed_as_workflows() -> None:
    """The folder lists the workflows beside the chains, and each step of the chains uses a listed
    workflow."""
    chains = [*WORKFLOWS.glob(f"*{SUFFIX}")]
    folder = WorkflowFolder(WORKFLOWS)
    names = {entry.name for entry in folder.entries()}
    assert chains
    assert not [name for name in names if "chain" in name]
    assert {step.workflow for file in chains for step in read_chain(file).steps} <= names


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.dates(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
_NAMES = st.sampled_from(["a", "b", "a[2]", "b[each]", "a.text", "c", ""]) | st.text(max_size=6)
_STEP = st.fixed_dictionaries(
    {"name": st.sampled_from(["a", "b", "c"]) | _VALUES, "workflow": st.just("w") | _VALUES},
    optional={
        "inputs": st.dictionaries(st.sampled_from(["I", "J"]), _NAMES | st.lists(_NAMES)) | _VALUES,
        "optional": st.booleans() | _VALUES,
        "when": st.sampled_from(["s", "s=x"]) | _VALUES,
        **dict.fromkeys(["values", "show", "repeat", "title", "more"], _VALUES),
    },
)


@given(
    st.fixed_dictionaries(
        {"steps": st.lists(_STEP, max_size=4) | _VALUES},
        optional={
            "switches": st.dictionaries(st.sampled_from(["s", "t"]), _VALUES) | _VALUES,
            **dict.fromkeys(["title", "description", "more"], _VALUES),
        },
    ),
    st.lists(st.sampled_from(["a", "b", "c"])),
)
def test_any_toml_is_a_chain_or_sentences(data: dict[str, object], without: list[str]) -> None:
    """Parsing raises no other error. In a valid chain, any part can be chosen and each step becomes
    due."""
    chain = Chain(())
    with suppress(ChainErrors):
        chain = chosen(parse_chain("a.chain.toml", data), {}, without)
    done: list[str] = []
    while steps := due(chain.steps, done, done):
        done += [step.name for step in steps]
    assert sorted(done) == sorted(step.name for step in chain.steps)


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


def read_back(chain: Chain) -> Chain:
    """Return the chain as its file has it."""
    return parse_chain("a.chain.toml", tomllib.loads(chain_text(chain)))


def steps_of(chain: Chain) -> tuple[PlannedStep, ...]:
    """Return the chain's steps in the forms of their workflows."""
    return form_steps(chain, {step.name: form_with(step.workflow) for step in chain.steps}, {})


@settings(max_examples=examples(40))
@given(chains())
def test_a_written_chain_is_read_back_unchanged(chain: Chain) -> None:
    """Field names and values may be any text."""
    assert read_back(chain) == chain


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
    chain = read_back(chain_of_runs("Boats", [last, again, other, base]).chain)
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
    """The new seeds include the seeds of an animation, which the workflow's own form has
    under advanced."""
    animation = run("animation", "animation", 1.0, files=(image("a"),))
    seeds = [one for one in animation.form.fields if one.widget == "seed"]
    assert [one.group for one in seeds] == ["advanced", "advanced"]
    last = run("last", "image-to-image", 2.0, "animation", inputs=image_input("a"))
    first, _ = steps_of(read_back(chain_of_runs("Waves", [last, animation]).chain))
    assert {one.key for one in seeds} <= {one.key for one in first.shown}


def test_a_text_from_another_run_becomes_an_input_of_its_step() -> None:
    """The field takes the text from the step if one run was made from the other. Otherwise, the
    equal text is a coincidence and stays a value."""
    said = TextOutput("3", "a red boat")
    caption = run("caption", "text-to-image", 1.0, files=(image("a"),), texts=(said,))
    values: dict[str, object] = {"2.text": "a red boat"}
    last = run("last", "image-to-image", 2.0, "caption", parents=("caption",), values=values)
    _, step = read_back(chain_of_runs("Words", [last, caption]).chain).steps
    assert step.inputs == {"Prompt": (Source("text-to-image", 1, text=True),)}
    assert "Prompt" not in step.values
    two = replace(caption.record.state, texts=(said, TextOutput("3", "at sea")))
    caption_of_two = replace(caption, record=replace(caption.record, state=two))
    told = {"2.text": "a red boat\nat sea"}
    both = run("last", "image-to-image", 2.0, "caption", parents=("caption",), values=told)
    _, step = read_back(chain_of_runs("Words", [both, caption_of_two]).chain).steps
    assert step.inputs == {"Prompt": (Source("text-to-image", "all", text=True),)}
    inputs = image_input("a")
    by_chance = run("last", "image-to-image", 2.0, "caption", values=values, inputs=inputs)
    _, step = read_back(chain_of_runs("Words", [by_chance, caption]).chain).steps
    assert [*step.inputs] == ["Your image"]
    assert step.values == {"Prompt": "a red boat"}


def test_a_chain_asks_for_the_users_own_file() -> None:
    """The file belongs to this user only. The chain's form has its field, and the chain itself
    doesn't contain the file."""
    own = run("own", "image-to-image", 1.0, inputs=image_input("mine"), files=(image("a"),))
    last = run("last", "image-to-image", 2.0, "own", inputs=image_input("a"))
    made = chain_of_runs("Twice", [last, own])
    first, _ = read_back(made.chain).steps
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


OWNER = "ann"
CHAIN = Group("group 1", OWNER, "chain", 1.0, "running", {"chain": "two.chain"})


def test_a_refused_chain_keeps_its_stored_values(tmp_path: Path) -> None:
    """If a text is too long, the app refuses the chain with a sentence about the chain."""
    with (
        contextlib.closing(BlobStore(tmp_path / "kept")) as blobs,
        contextlib.closing(RunStore(f"sqlite:///{tmp_path}/history.db", blobs)) as history,
    ):
        save_chain(history, blobs, CHAIN, {StepKey("first", "text"): "short"})
        with pytest.raises(ComfyError, match="too large to save"):
            save_chain(history, blobs, CHAIN, {StepKey("first", "text"): "x" * 4_000_000})
        assert load_chain_values(history, CHAIN.id, OWNER) == {StepKey("first", "text"): "short"}
        assert load_chain_values(history, CHAIN.id, "bob") == {}
