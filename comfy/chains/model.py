"""Chain as frozen values: its steps, their order, the choices that leave some out, and the keys of
its values. docs/chains.md describes its file. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from graphlib import CycleError, TopologicalSorter
from typing import Literal, Self

from comfy.base.errors import ManyProblems
from comfy.base.messages import listed, message, sentences
from comfy.base.wording import did_you_mean, quoted, short
from comfy.prompt.value_types import BadValue, read_bool

Pick = int | Literal["each", "all"]
_RUNS = "runs"  # can't be a field's key, which contains a dot
_SWITCHES = "switches:"  # can't be a step's name, which contains no colon


class ChainErrors(ManyProblems):
    """Problems prevent a chain from running, or from running with these choices."""


@dataclass(frozen=True, slots=True)
class Source:
    """Results of a step that a field gets.

    `pick` is the number of a result, from 1, among those that the field takes; "each" runs the step
    once per result, and "all" gives the field all results. `text` selects texts instead of files.
    `node` limits the results to an output node, by its id or title; "" stands for all nodes.
    """

    step: str
    pick: Pick = 1
    text: bool = False
    node: str = ""


@dataclass(frozen=True, slots=True)
class Switch:
    """Choice that the user makes for a whole chain. The first of `choices` is the default. A flag
    has the choices "true" and "false"."""

    name: str
    choices: tuple[str, ...]

    @property
    def is_flag(self) -> bool:
        return set(self.choices) == {"true", "false"}


@dataclass(frozen=True, slots=True)
class Condition:
    """Choice of a switch that makes a step run."""

    switch: str
    choice: str


@dataclass(frozen=True, slots=True)
class Step:
    """Workflow in a chain, by its name beside the chain's file. `number` counts from 1.

    Fields have their names from the file. `values` are fixed, and `show` names the fields that
    users set. `inputs` names the fields that get results of other steps: from the first source
    whose step runs. `repeat` has several values of a field, and the step runs with each; a text
    such as `1..4` stands for several values. Users may leave out an `optional` step.
    """

    name: str
    number: int
    workflow: str
    title: str = ""
    values: Mapping[str, object] = field(default_factory=dict)
    show: tuple[str, ...] = ()
    inputs: Mapping[str, tuple[Source, ...]] = field(default_factory=dict)
    repeat: Mapping[str, str | tuple[object, ...]] = field(default_factory=dict)
    optional: bool = False
    when: Condition | None = None


@dataclass(frozen=True, slots=True)
class Chain:
    """Chain whose steps have no cycle. `cover` is the name of an example image beside the file, or
    ""."""

    steps: tuple[Step, ...]
    title: str = ""
    description: str = ""
    cover: str = ""
    switches: tuple[Switch, ...] = ()


def _sources_of(step: Step) -> frozenset[str]:
    """Return the names of the steps whose results this step may get."""
    return frozenset(source.step for several in step.inputs.values() for source in several)


def circle(steps: Iterable[Step]) -> tuple[str, ...]:
    """Return the names of steps that wait for each other in a cycle, or an empty tuple. A step that
    waits only for itself isn't a cycle."""
    waits = {step.name: _sources_of(step) - {step.name} for step in steps}
    try:
        TopologicalSorter(waits).prepare()
    except CycleError as error:
        return tuple(error.args[1][1:])
    return ()


def _after_sources(steps: Collection[Step]) -> Iterator[Step]:
    """Yield each step after its sources. The steps must have no cycle."""
    by_name = {step.name: step for step in steps}
    order = TopologicalSorter({step.name: _sources_of(step) for step in steps}).static_order()
    return (by_name[name] for name in order if name in by_name)


def due(steps: Iterable[Step], started: Collection[str], done: Collection[str]) -> tuple[Step, ...]:
    """Return the steps to start now, because their sources are done."""
    return tuple(
        step for step in steps if step.name not in started and _sources_of(step) <= set(done)
    )


def held_up(steps: Collection[Step], failed: Collection[str]) -> tuple[Step, ...]:
    """Return the steps that can't run because of failed sources, direct or indirect."""
    stopped = set(failed)
    held = []
    for step in _after_sources(steps):
        if step.name not in stopped and _sources_of(step) & stopped:
            stopped.add(step.name)
            held.append(step)
    return tuple(held)


# Substitutes for the results of a step that doesn't run, by the step's name and whether texts are
# meant.
_Substitutes = dict[tuple[str, bool], Source]


def chosen(chain: Chain, switches: Mapping[str, object], without: Collection[str] = ()) -> Chain:
    """Return the chain with only the steps that run, and with one source for each input.

    Steps in `without` don't run, nor do steps of choices other than in `switches`. A step that
    needs one of them gets the skipped step's own input instead. Raises ChainErrors with all
    problems.
    """
    problems = [*wrong_switches(chain, switches).values(), *_wrong_steps(chain, without)]
    if problems:
        raise ChainErrors(problems)
    choices = _choices(chain, switches)
    out = {
        step.name
        for step in chain.steps
        if step.name in without or (step.when and choices[step.when.switch] != step.when.choice)
    }
    kept: dict[str, Step] = {}
    substitutes: _Substitutes = {}
    for step in _after_sources(chain.steps):
        if step.name in out:
            for source in _own_sources(step, out, substitutes):
                substitutes.setdefault((step.name, source.text), source)
        else:
            kept[step.name] = _with_one_source(step, out, substitutes, problems)
    if not kept:
        problems.append(message("No step is left to run."))
    if problems:
        raise ChainErrors(problems)
    return replace(chain, steps=tuple(kept[step.name] for step in chain.steps if step.name in kept))


def cannot_run(chain: Chain, switches: Mapping[str, object], why: str) -> str:
    """Return the error for a chain that can't run with `switches`, but can with the first choice of
    each switch."""
    choices = _choices(chain, switches)
    changed = [one.name for one in chain.switches if choices[one.name] != one.choices[0]]
    return _error({name: choices[name] for name in changed}, why)


def choices_that_cannot_run(chain: Chain) -> Iterator[str]:
    """Yield an error for each choice of a switch that can't run while the other switches keep their
    first choice and all optional steps run."""
    for switch in chain.switches:
        for choice in switch.choices:
            try:
                chosen(chain, {switch.name: choice})
            except ChainErrors as error:
                yield _error({switch.name: choice}, str(error))


def _error(choices: Mapping[str, str | None], why: str) -> str:
    named = listed(quoted(f"{name}: {choice}") for name, choice in choices.items())
    return message("This chain can't run with {choices}: {why}", choices=named, why=why)


def _choices(chain: Chain, switches: Mapping[str, object]) -> dict[str, str | None]:
    """Return the choice of each switch by its name; None for a wrong value."""
    return {
        one.name: _choice(one, switches.get(one.name, one.choices[0])) for one in chain.switches
    }


def _with_one_source(
    step: Step, out: Collection[str], substitutes: _Substitutes, problems: list[str]
) -> Step:
    inputs: dict[str, tuple[Source, ...]] = {}
    for name, sources in step.inputs.items():
        if source := _first(sources, out, substitutes):
            inputs[name] = (source,)
        else:
            problems.append(
                message(
                    "Step “{step}” needs “{source}”, which is turned off.",
                    step=step.name,
                    source=sources[0].step,
                )
            )
    return replace(step, inputs=inputs)


def _own_sources(step: Step, out: Collection[str], substitutes: _Substitutes) -> Iterator[Source]:
    sources = (_first(several, out, substitutes) for several in step.inputs.values())
    return filter(None, sources)


def _first(
    sources: Collection[Source], out: Collection[str], substitutes: _Substitutes
) -> Source | None:
    """Return the first source whose step runs, else the first substitute."""
    if running := next((source for source in sources if source.step not in out), None):
        return running
    for source in sources:
        if substitute := substitutes.get((source.step, source.text)):
            # With each, the skipped step would have made one result per input.
            each = substitute.pick == "each"
            return replace(substitute, pick=source.pick) if each else substitute
    return None


def _choice(switch: Switch, value: object) -> str | None:
    """Return the choice that a value makes; None for a wrong value."""
    if switch.is_flag:
        try:
            return "true" if read_bool(value) else "false"
        except BadValue:
            return None
    text = str(value).strip().casefold()
    return next((choice for choice in switch.choices if choice.casefold() == text), None)


def wrong_switches(chain: Chain, given: Mapping[str, object]) -> dict[str, str]:
    """Return an error for each name without a switch, and for each wrong value of a switch."""
    known = {switch.name: switch for switch in chain.switches}
    wrong: dict[str, str] = {}
    for name, value in given.items():
        if name not in known:
            wrong[name] = sentences(
                f"There is no switch “{short(name)}”.",
                did_you_mean(name[:200], known),
            )
        elif _choice(known[name], value) is None:
            choices = listed(map(quoted, known[name].choices))
            given_choice = "" if value is None else short(value)
            wrong[name] = f"The switch “{name}” must be one of {choices}, not “{given_choice}”."
    return wrong


def _wrong_steps(chain: Chain, without: Collection[str]) -> Iterator[str]:
    known = {step.name: step for step in chain.steps}
    for name in without:
        if name not in known:
            yield _no_step(name, known)
        elif not known[name].optional:
            yield f"Step “{name}” can't be left out."


def check_steps(names: Iterable[str], known: Collection[str]) -> None:
    """Raise ChainErrors if some of the names belong to no step."""
    if problems := [_no_step(name, known) for name in names if name not in known]:
        raise ChainErrors(problems)


def _no_step(name: str, known: Collection[str]) -> str:
    return sentences(f"There is no step “{short(name)}”.", did_you_mean(name[:200], known))


@dataclass(frozen=True, slots=True)
class StepKey:
    """Key of a field in a chain's form: the step's name, and the field's key in that step.

    Files, JSON and HTML write it as text: `base.6.text`, `detail.runs`, `switches:.large`.
    """

    step: str
    field: str

    @classmethod
    def parse(cls, text: str) -> Self:
        step, _, field = text.partition(".")
        return cls(step, field)

    @classmethod
    def option(cls, step: str) -> Self:
        """Return the key of the field that turns an optional step on or off."""
        return cls(step, _RUNS)

    @classmethod
    def switch(cls, name: str) -> Self:
        return cls(_SWITCHES, name)

    @property
    def is_switch(self) -> bool:
        """Return whether the field is a switch of the whole chain."""
        return self.step == _SWITCHES

    def __str__(self) -> str:
        return f"{self.step}.{self.field}" if self.field else self.step


ChainValues = Mapping[StepKey, object]


def parse_values(values: Mapping[str, object]) -> dict[StepKey, object]:
    """Return values from JSON or a database, by parsed key."""
    return {StepKey.parse(key): value for key, value in values.items()}


def text_values(values: ChainValues) -> dict[str, object]:
    """Return values for JSON and databases, by the text of their keys."""
    return {str(key): value for key, value in values.items()}


def step_values(values: ChainValues, step: str) -> dict[str, object]:
    """Return the values of one step by the keys of its own fields."""
    option = StepKey.option(step)
    return {key.field: value for key, value in values.items() if key.step == step and key != option}


def continued(
    had: ChainValues, given: ChainValues, done: Collection[str] = ()
) -> dict[StepKey, object]:
    """Return the values of a resumed chain. Switches and the steps in `done` keep their values from
    `had`; everything else takes the `given` values."""

    def stays(key: StepKey) -> bool:
        return key.is_switch or key.step in done

    changed = {key: value for key, value in given.items() if not stays(key)}
    return changed | {key: value for key, value in had.items() if stays(key)}


def switch_values(chain: Chain, values: ChainValues) -> dict[str, object]:
    keys = {switch.name: StepKey.switch(switch.name) for switch in chain.switches}
    return {name: values[key] for name, key in keys.items() if key in values}


def left_out(chain: Chain, values: ChainValues) -> tuple[str, ...]:
    """Return the names of the optional steps that the values turn off."""
    return tuple(step for step, value in _options(chain, values) if not read_bool(value))


def wrong_choices(chain: Chain, values: ChainValues) -> dict[StepKey, str]:
    """Return an error for each switch and option with an unusable value."""
    switches = wrong_switches(chain, switch_values(chain, values))
    wrong = {StepKey.switch(name): error for name, error in switches.items()}
    for step, value in _options(chain, values):
        try:
            read_bool(value)
        except BadValue as error:
            wrong[StepKey.option(step)] = str(error)
    return wrong


def _options(chain: Chain, values: ChainValues) -> Iterator[tuple[str, object]]:
    for step in chain.steps:
        if step.optional:
            yield step.name, values.get(StepKey.option(step.name), True)
