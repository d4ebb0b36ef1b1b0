"""Reduce a chain to the steps that run, by its switches and the steps that were left out. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace

from comfy.base.messages import listed, message, sentences
from comfy.base.wording import did_you_mean, quoted, short
from comfy.chains.model import Chain, ChainErrors, Source, Step, Switch
from comfy.chains.order import after_sources
from comfy.prompt.value_types import BadValue, read_bool

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
    for step in after_sources(chain.steps):
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
