"""Keys of the fields in a chain's form, and the choices that values by these keys make."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Self

from comfy.chains.chosen import wrong_switches
from comfy.chains.model import Chain
from comfy.prompt.value_types import BadValue, read_bool

_RUNS = "runs"  # can't be a field's key, which contains a dot
_SWITCHES = "switches:"  # can't be a step's name, which contains no colon


@dataclass(frozen=True, slots=True)
class StepKey:
    """Key of a field in a chain's form: the step's name, and the field's key in that step.

    Files, JSON and HTML write it as text: `base.6.text`, `detail.runs`, `switches:.large`.
    """

    step: str
    field: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the key that this text stands for."""
        step, _, field = text.partition(".")
        return cls(step, field)

    @classmethod
    def option(cls, step: str) -> Self:
        """Return the key of the field that turns an optional step on or off."""
        return cls(step, _RUNS)

    @classmethod
    def switch(cls, name: str) -> Self:
        """Return the key of a switch."""
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
    """Return the values of the chain's switches by their names."""
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
