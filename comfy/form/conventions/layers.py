"""Layers of declarations about a form: the TOML beside a workflow, its App, title conventions, a
subgraph's author.

Each consists of *statements* about prompt inputs; `comfy.form.exposure` weighs them. A reader of
another format only has to produce these.
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

# Treatment of inputs that a layer doesn't mention.
_STRICTNESS: tuple[Others, ...] = ("auto", "advanced", "hidden")


class Keep(Enum):
    """An input value that must not be replaced."""

    VALUE = "value"


KEEP = Keep.VALUE


@dataclass(frozen=True, slots=True)
class Statement:
    """One declared field: the prompt inputs it sets, the first of which gives type and default.

    `group` None leaves the place to the heuristics. `section` is the author's own heading,
    collapsed. `value` replaces the prompt's value if that is a placeholder (None: the server's
    default). `source` names the layer.
    """

    source: FieldSource
    targets: tuple[InputRef, ...]
    said: FieldConfig = NOTHING_SAID
    group: FieldGroup | None = "main"
    section: str | None = None
    value: Any = KEEP


@dataclass(frozen=True, slots=True)
class Layer:
    """All statements of one layer, in the form's order.

    `others` is the treatment of unmentioned inputs: "auto" (by heuristics), "advanced" or "hidden".
    `outputs` are the nodes whose results count (none: all). `titles` are better names for nodes.
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
    """Return the inputs that subgraphs' authors promoted: their names; heuristics choose their
    place.

    These are names of slots ("video1_seed"), so they become words; in an App they were written for
    users.
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
