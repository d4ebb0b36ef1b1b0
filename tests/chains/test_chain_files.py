"""Chain files: parsing, and the errors for invalid files."""

from __future__ import annotations

import resource
import tomllib
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comfy.base.errors import WorkflowError
from comfy.chains.chosen import choices_that_cannot_run, chosen
from comfy.chains.folder import ChainFolder
from comfy.chains.model import Chain, ChainErrors, Condition, Source, Switch
from comfy.chains.order import due, held_up
from comfy.chains.read import SUFFIX, parse_chain, read_chain
from comfy.library.folder import WorkflowFolder
from tests.support.samples.forms import WORKFLOWS

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
