"""Pixelle's titles: `$name.input!:help`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from comfy.base.wording import plain_words
from comfy.form.conventions.layers import Layer, NodeView, Statement, first_named
from comfy.form.conventions.mcww_titles import MAX_TITLE
from comfy.workflow.config import FieldConfig

# Title of the node that holds Pixelle's description of the whole workflow.
_PIXELLE_DESCRIPTION = "MCP"
_PIXELLE_OUTPUT = "output"
_PIXELLE = re.compile(
    r"\$(?P<name>[^\W\d]\w*)\.~?(?P<input>[^\s!:]++)(?P<required>!)?"
    r"\s*(?::(?P<help>.*))?",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class PixelleTitle:
    """A Pixelle title: a parameter's name, the input it sets, whether it is required, and its help
    text."""

    name: str
    input: str
    required: bool
    help: str


def read_pixelle_title(title: str) -> PixelleTitle | None:
    """Parse `$name.input!:help` (Pixelle MCP, README: custom specification). `$output.name` marks
    an output."""
    match = _PIXELLE.fullmatch(title.strip()) if len(title) <= MAX_TITLE else None
    if match is None:
        return None
    return PixelleTitle(
        match["name"],
        match["input"],
        bool(match["required"]),
        " ".join((match["help"] or "").split()),
    )


def pixelle(nodes: Sequence[NodeView]) -> Layer:
    """Read Pixelle's `$name.input!:help` titles. `$output.name` names an output, and a node titled
    MCP describes the workflow."""
    statements, outputs, description = [], [], ""
    titles: dict[str, str] = {}
    for node in nodes:
        title = read_pixelle_title(node.title)
        if title is None:
            if node.title.strip() == _PIXELLE_DESCRIPTION:
                described = first_named(node, ("value", "text", "string"), "STRING")
                description = str(described.value).strip() if described else description
        elif title.name == _PIXELLE_OUTPUT:
            outputs.append(node.id)
            titles[node.id] = plain_words(title.input)
        elif title.input in node.inputs:
            titles[node.id] = plain_words(title.name)
            settings = FieldConfig(
                "", titles[node.id], title.help or None, required=title.required or None
            )
            statements.append(Statement("pixelle", (node.inputs[title.input].ref,), settings))
    if not statements and not outputs:
        return Layer()
    return Layer(tuple(statements), "advanced", tuple(outputs), titles, description=description)
