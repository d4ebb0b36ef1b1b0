"""The keys of a chain's form, and what people choose by them: which steps run. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from comfy.chains.chosen import wrong_switches
from comfy.chains.model import Chain
from comfy.prompt.value_types import BadValue, read_bool

_RUNS = "runs"  # no field's key: those have a dot
_SWITCHES = "switches:"  # no step is called that


def step_key(step: str, key: str) -> str:
    """The key of a field among those of the chain, by the name of its step."""
    return f"{step}.{key}"


def option_key(step: str) -> str:
    """The key of the field by which an optional step is left out."""
    return step_key(step, _RUNS)


def switch_key(name: str) -> str:
    """The key of a switch."""
    return f"{_SWITCHES}.{name}"


def continued(
    had: Mapping[str, object], given: Mapping[str, object], done: Collection[str] = ()
) -> dict[str, object]:
    """The values of a chain that goes on with those `given` in the place of those that it `had`:
    those of the steps that are `done` stay, and those of switches, by which steps are chosen."""

    def stays(key: str) -> bool:
        return key.startswith(_SWITCHES) or key.partition(".")[0] in done

    others = {key: value for key, value in given.items() if not stays(key)}
    return {**others, **{key: value for key, value in had.items() if stays(key)}}


def step_values(step: str, values: Mapping[str, object]) -> dict[str, object]:
    """Those of a chain's values that are for a step, by the keys of its fields."""
    prefix = f"{step}."
    own = {key.removeprefix(prefix): one for key, one in values.items() if key.startswith(prefix)}
    own.pop(_RUNS, None)
    return own


def switched(chain: Chain, values: Mapping[str, object]) -> dict[str, object]:
    """What people have set the switches to, by their names."""
    keys = {switch.name: switch_key(switch.name) for switch in chain.switches}
    return {name: values[key] for name, key in keys.items() if key in values}


def left_out(chain: Chain, values: Mapping[str, object]) -> tuple[str, ...]:
    """The optional steps that people have left out."""
    return tuple(step for step, value in _options(chain, values) if not read_bool(value))


def wrong_choices(chain: Chain, values: Mapping[str, object]) -> dict[str, str]:
    """What is said of values of switches and options that count for nothing, by their keys."""
    switches = wrong_switches(chain, switched(chain, values))
    wrong = {switch_key(name): said for name, said in switches.items()}
    for step, value in _options(chain, values):
        try:
            read_bool(value)
        except BadValue as bad:
            wrong[option_key(step)] = str(bad)
    return wrong


def _options(chain: Chain, values: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    """The optional steps, and whether people let them run."""
    for step in chain.steps:
        if step.optional:
            yield step.name, values.get(option_key(step.name), True)
