"""Second pass of a form: apply authors' declarations.

The first layer that mentions an input decides: the TOML file, the App, then other programs'
conventions. Settings that its layer lacks, such as the label or the limits, come from later ones. A
subgraph's author only names inputs; the rules place them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from comfy.form.candidates import Candidate
from comfy.form.conventions.layers import KEEP, Layer, Statement, strictest
from comfy.prompt.model import InputRef
from comfy.workflow.config import Others

# Ranks of inputs that authors arranged, in their order. They come before everything that the rules
# rank.
_FIRST_RANK = -100_000

# Settings that a layer takes from later ones. Each layer places its inputs itself.
_INHERITED = (
    "label",
    "help",
    "default",
    "min",
    "max",
    "step",
    "widget",
    "choices",
    "required",
    "height",
)


def declare(
    candidates: tuple[Candidate, ...], layers: Sequence[Layer], promoted: Layer
) -> tuple[Candidate, ...]:
    """Return the candidates with their authors' settings: first the declared ones in their authors'
    order, then the others in the prompt's.

    A layer's `others` limits the placement of inputs that it doesn't mention. `promoted` are the
    statements of subgraphs' authors.
    """
    inherited = _inherited((*layers, promoted))
    free = {candidate.ref: candidate for candidate in candidates}
    declared: list[Candidate] = []
    others: Others = "auto"
    for layer in layers:
        before = len(declared)
        for statement in layer.statements:
            if taken := _taken(free, statement.targets):
                rank = _FIRST_RANK + len(declared)
                whole = _over(inherited.get(statement.targets[0]), statement)
                declared.append(replace(_stated(whole, taken), rank=rank, others=others))
        if len(declared) > before:
            others = strictest((others, layer.others))
    return (*declared, *_undeclared(free, promoted.statements, others))


def _inherited(layers: Sequence[Layer]) -> dict[InputRef, Statement]:
    """Return authors' statements about each input: settings of the first layer that has them."""
    stated: dict[InputRef, Statement] = {}
    for layer in reversed(layers):
        for statement in reversed(layer.statements):
            stated |= {target: _over(stated.get(target), statement) for target in statement.targets}
    return stated


def _over(below: Statement | None, statement: Statement) -> Statement:
    """Return the statement with the settings of the one below that it doesn't have."""
    if below is None:
        return statement
    settings = statement.settings
    missing = [name for name in _INHERITED if getattr(settings, name) in (None, ())]
    inherited = {name: getattr(below.settings, name) for name in missing}
    value = below.value if statement.value is KEEP else statement.value
    return replace(statement, settings=replace(settings, **inherited), value=value)


def _taken(free: dict[InputRef, Candidate], targets: Sequence[InputRef]) -> list[Candidate]:
    """Remove these inputs' candidates from `free` and return them, first the ones with a widget."""
    taken = [candidate for target in targets if (candidate := free.pop(target, None))]
    return sorted(taken, key=lambda candidate: not candidate.has_widget)


def _stated(statement: Statement, taken: Sequence[Candidate]) -> Candidate:
    """Return the candidate of a statement's field, with the other inputs that the field sets."""
    first, *also = taken
    if statement.value is not KEEP:
        first = first.with_value(statement.value)
    return replace(
        first,
        source=statement.source,
        settings=statement.settings,
        also=tuple(also),
        section=statement.section,
        wanted=statement.group,
    )


def _undeclared(
    free: dict[InputRef, Candidate], promoted: Sequence[Statement], others: Others
) -> Iterator[Candidate]:
    """Yield the candidates that no layer mentions, with the names that subgraphs' authors gave."""
    named = {target: statement for statement in reversed(promoted) for target in statement.targets}
    hosts = {_host(node) for (node, _), statement in named.items() if statement.group} - {""}
    for target in [*free]:
        if target not in free:  # set together with an earlier input
            continue
        if statement := named.get(target):
            candidate = _stated(statement, _taken(free, statement.targets))
        else:
            candidate = free.pop(target)
            if _host(candidate.node) in hosts:
                candidate = replace(candidate, beside_promoted=True)
        yield candidate if others == "auto" else replace(candidate, others=others)


def _host(node: str) -> str:
    """Return the subgraph node that a node of the prompt is in, "" for one at the root."""
    return node.rpartition(":")[0]
