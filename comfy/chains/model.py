"""Chain as frozen values. docs/chains.md describes its file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from comfy.base.errors import ManyProblems

Pick = int | Literal["each", "all"]


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
        """Return whether the switch is a checkbox."""
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
