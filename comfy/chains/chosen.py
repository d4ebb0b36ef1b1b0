"""The part of a chain that is to run: without what was left out, and by its switches. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace

from comfy.base.messages import listed, message, sentences
from comfy.base.wording import did_you_mean, quoted, short
from comfy.chains.model import Chain, ChainErrors, Source, Step, Switch
from comfy.chains.order import after_sources
from comfy.prompt.value_types import BadValue, read_bool

# What stands for a step's results where it does not run: by its name, and whether texts are meant.
_Instead = dict[tuple[str, bool], Source]


def chosen(chain: Chain, switches: Mapping[str, object], without: Collection[str] = ()) -> Chain:
    """The chain without the steps that were left out and those that `switches` do not choose; each
    input has one source then.

    Who needs a step that does not run takes what that would have been given. ChainErrors has all
    that cannot be.
    """
    problems = [*wrong_switches(chain, switches).values(), *_wrong_steps(chain, without)]
    if problems:
        raise ChainErrors(problems)
    at = _choices(chain, switches)
    out = {
        step.name
        for step in chain.steps
        if step.name in without or (step.when and at[step.when.switch] != step.when.choice)
    }
    kept: dict[str, Step] = {}
    instead: _Instead = {}
    for step in after_sources(chain.steps):
        if step.name in out:
            for source in _left(step, out, instead):
                instead.setdefault((step.name, source.text), source)
        else:
            kept[step.name] = _with_one_source(step, out, instead, problems)
    if not kept:
        problems.append(message("No step is left to run."))
    if problems:
        raise ChainErrors(problems)
    return replace(chain, steps=tuple(kept[one.name] for one in chain.steps if one.name in kept))


def cannot_run(chain: Chain, switches: Mapping[str, object], why: str) -> str:
    """What is said of a chain that cannot run with `switches`, each of which is at a choice of its
    own, but can where nobody has chosen anything."""
    at = _choices(chain, switches)
    others = [one.name for one in chain.switches if at[one.name] != one.choices[0]]
    return _cannot_run({name: at[name] for name in others}, why)


def choices_that_cannot_run(chain: Chain) -> Iterator[str]:
    """Yield an error for each choice of a switch that can't run: with the other switches as they
    start, and no step left out."""
    for switch in chain.switches:
        for choice in switch.choices:
            try:
                chosen(chain, {switch.name: choice})
            except ChainErrors as error:
                yield _cannot_run({switch.name: choice}, str(error))


def _cannot_run(choices: Mapping[str, str | None], why: str) -> str:
    told = listed(quoted(f"{name}: {choice}") for name, choice in choices.items())
    return message("This chain can't run with {choices}: {why}", choices=told, why=why)


def _choices(chain: Chain, switches: Mapping[str, object]) -> dict[str, str | None]:
    """What each switch is at, by its name; None for what is none of its choices."""
    return {
        one.name: _choice(one, switches.get(one.name, one.choices[0])) for one in chain.switches
    }


def _with_one_source(
    step: Step, out: Collection[str], instead: _Instead, problems: list[str]
) -> Step:
    inputs: dict[str, tuple[Source, ...]] = {}
    for name, sources in step.inputs.items():
        if found := _first(sources, out, instead):
            inputs[name] = (found,)
        else:
            problems.append(
                message(
                    "Step “{step}” needs “{source}”, which is left out.",
                    step=step.name,
                    source=sources[0].step,
                )
            )
    return replace(step, inputs=inputs)


def _left(step: Step, out: Collection[str], instead: _Instead) -> Iterator[Source]:
    found = (_first(sources, out, instead) for sources in step.inputs.values())
    return (one for one in found if one)


def _first(sources: Collection[Source], out: Collection[str], instead: _Instead) -> Source | None:
    """The first source whose step runs, or else what stands for one."""
    if runs := next((one for one in sources if one.step not in out), None):
        return runs
    for source in sources:
        if found := instead.get((source.step, source.text)):
            # One run for each of several would have had as many results.
            return replace(found, pick=source.pick) if found.pick == "each" else found
    return None


def _choice(switch: Switch, value: object) -> str | None:
    """What a switch is at with a value; None for what is none of its choices."""
    if switch.is_flag:
        try:
            return "true" if read_bool(value) else "false"
        except BadValue:
            return None
    text = str(value).strip().casefold()
    return next((one for one in switch.choices if one.casefold() == text), None)


def wrong_switches(chain: Chain, given: Mapping[str, object]) -> dict[str, str]:
    """What is said of names that are no switch's, and of values that are none of its choices, by
    these names."""
    known = {switch.name: switch for switch in chain.switches}
    wrong: dict[str, str] = {}
    for name, value in given.items():
        if name not in known:
            wrong[name] = sentences(
                message("There is no switch “{name}”.", name=short(name)),
                did_you_mean(name[:200], known),
            )
        elif _choice(known[name], value) is None:
            wrong[name] = message(
                "The switch “{name}” is one of {choices}, not “{choice}”.",
                name=name,
                choices=listed(map(quoted, known[name].choices)),
                choice="" if value is None else short(value),
            )
    return wrong


def _wrong_steps(chain: Chain, without: Collection[str]) -> Iterator[str]:
    known = {step.name: step for step in chain.steps}
    for name in without:
        if name not in known:
            yield _no_step(name, known)
        elif not known[name].optional:
            yield message("Step “{step}” can't be left out.", step=name)


def check_steps(names: Iterable[str], known: Collection[str]) -> None:
    """ChainErrors where some of the names are no step's."""
    if problems := [_no_step(name, known) for name in names if name not in known]:
        raise ChainErrors(problems)


def _no_step(name: str, known: Collection[str]) -> str:
    """What is said of a name that no step has."""
    return sentences(
        message("There is no step “{step}”.", step=short(name)), did_you_mean(name[:200], known)
    )
