"""What somebody says about a form: the toml beside a workflow, its App, conventions in titles, a
subgraph's author.

Each of them speaks in *statements* about prompt inputs; `comfy.form.exposure` weighs them. Whoever
reads another format only has to produce these.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

from comfy.base.wording import plain_words
from comfy.form.candidates import NOTHING_SAID, FieldSource
from comfy.prompt.model import InputRef
from comfy.workflow.app import App, ShownInput
from comfy.workflow.config import FieldConfig, FieldGroup, Others

# How strict a layer is about inputs that it doesn't mention.
_STRICTNESS: tuple[Others, ...] = ("auto", "advanced", "hidden")


class Keep(Enum):
    """The value of an input that nobody replaces."""

    VALUE = "value"


KEEP = Keep.VALUE


@dataclass(frozen=True, slots=True)
class Statement:
    """One field that somebody wants: the prompt inputs it sets, the first of which gives type and
    default.

    `group` None leaves the place to the heuristics. `section` is an own heading, folded away.
    `value` replaces what stands in the prompt, where that is a placeholder (None: the server's
    default counts). `source` names who says it.
    """

    source: FieldSource
    targets: tuple[InputRef, ...]
    said: FieldConfig = NOTHING_SAID
    group: FieldGroup | None = "main"
    section: str | None = None
    value: Any = KEEP


@dataclass(frozen=True, slots=True)
class Layer:
    """All that one of them says, in the order of the form.

    `others` is what becomes of inputs that no statement mentions: "auto" (as the heuristics judge),
    "advanced" or "hidden". `outputs` are the nodes whose results count (none: all). `titles` are
    better names for nodes.
    """

    statements: tuple[Statement, ...] = ()
    others: Others = "auto"
    outputs: tuple[str, ...] = ()
    titles: Mapping[str, str] = field(default_factory=dict)
    title: str = ""
    description: str = ""
    problems: tuple[str, ...] = ()


def app_layer(app: App | None) -> Layer:
    """An App's statements: its inputs are the main fields and nothing else is."""
    if app is None or not app.inputs:
        return Layer(outputs=app.outputs if app else ())
    return Layer(
        tuple(_shown("app", one) for one in app.inputs if one.targets), "advanced", app.outputs
    )


def shown_layer(promoted: tuple[ShownInput, ...]) -> Layer:
    """What the authors of subgraphs brought to the outside: names for inputs, whose place the
    heuristics judge.

    These are names of slots ("video1_seed"), so they become words; in an App they were written for
    people.
    """
    named = (
        replace(one, label=plain_words(one.label) if one.label else "")
        for one in promoted
        if one.targets
    )
    return Layer(tuple(_shown("subgraph", one, None) for one in named))


def _shown(source: FieldSource, shown: ShownInput, group: FieldGroup | None = "main") -> Statement:
    said = FieldConfig(
        "",
        shown.label or None,
        shown.tooltip or None,
        min=shown.min,
        max=shown.max,
        step=shown.step,
        height=shown.height,
    )
    return Statement(source, shown.targets, said, group)


def strictest(others: Iterable[Others]) -> Others:
    """Return the strictest of several layers' `others`."""
    return max(others, key=_STRICTNESS.index, default=_STRICTNESS[0])
