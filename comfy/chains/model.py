"""What a chain is: frozen values. Written as a file: docs/chains.md."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from comfy.base.errors import ManyProblems

Pick = int | Literal["each", "all"]


class ChainErrors(ManyProblems):
    """A chain cannot be used, or not in this way."""


@dataclass(frozen=True, slots=True)
class Source:
    """What a field is given: of the step's results which it takes the one at this place, from 1,
    each in a run of its own, or all at once. `text`: of its texts. `node`: of what this output node
    has made, by its id or title; of all with ""."""

    step: str
    pick: Pick = 1
    text: bool = False
    node: str = ""


@dataclass(frozen=True, slots=True)
class Switch:
    """What people choose for the whole chain: one of `choices`, the first unless they do. One for
    yes or no has the choices "true" and "false"."""

    name: str
    choices: tuple[str, ...]

    @property
    def is_flag(self) -> bool:
        """It is yes or no."""
        return set(self.choices) == {"true", "false"}


@dataclass(frozen=True, slots=True)
class Condition:
    """A step runs only where the switch is at this choice."""

    switch: str
    choice: str


@dataclass(frozen=True, slots=True)
class Step:
    """One workflow of a chain, by its name beside the chain's file. `number` counts from 1.

    Fields go by what people call them. `values` are fixed, `show` is what people are meant to set,
    `inputs` says where a field's value comes from: the first of the sources whose step runs.
    `repeat` has several values of a field, the step runs with each; a text stands for some, as
    `1..4`. `optional`: people may leave it out.
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
    """Steps, of which none waits for itself. `cover`: the name of an image beside the file that
    shows what comes out, "" for none."""

    steps: tuple[Step, ...]
    title: str = ""
    description: str = ""
    cover: str = ""
    switches: tuple[Switch, ...] = ()
