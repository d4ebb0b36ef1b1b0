"""Second stage of a form: which candidates a person meets, and where.

Whoever speaks first about an input decides: the toml beside the workflow, its App, conventions in
titles, values and nodes. For the rest there are heuristics, which a subgraph's author helps by what
is on its outside.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import get_args

from comfy.form.candidates import Candidate
from comfy.form.condense import Judged, fold_frequent, merge_same_role
from comfy.form.conventions.layers import KEEP, Layer, Statement
from comfy.form.heuristics import Exposure, classify, promote
from comfy.form.model import FieldSource
from comfy.form.rules import Rule
from comfy.prompt.model import InputRef
from comfy.prompt.trace import Trace
from comfy.workflow.config import FieldConfig, FieldGroup, Others

# Ranks of what authors arranged: in their order, before everything that heuristics rank.
_FIRST_RANK = -100_000

# What becomes of a field that a layer does not mention, by its `others`: the groups it may still
# have.
_OTHERS: dict[Others, dict[FieldGroup, FieldGroup]] = {
    "auto": {"main": "main", "advanced": "advanced", "hidden": "hidden"},
    "advanced": {"main": "advanced", "advanced": "advanced", "hidden": "hidden"},
    "hidden": {"main": "hidden", "advanced": "hidden", "hidden": "hidden"},
}


@dataclass(frozen=True, slots=True)
class Exposed:
    """A candidate that will be a field. `said` is what an author wrote about it, `also` what it
    sets besides."""

    candidate: Candidate
    exposure: Exposure
    source: FieldSource
    said: FieldConfig | None = None
    also: tuple[Candidate, ...] = ()
    section: str | None = None


def expose(
    candidates: Sequence[Candidate],
    layers: Sequence[Layer],
    promoted: Sequence[Statement],
    trace: Trace,
) -> list[Exposed]:
    """All fields in the order in which a person reads them.

    A layer's `others` limits where later ones, and the heuristics, may put what it left open.
    `promoted` statements give names; where their inputs stand is judged, more kindly than without
    them.
    """
    by_target = {one.ref: one for one in candidates}
    listed: list[Exposed] = []
    others: list[Others] = []
    for layer in layers:
        before = len(listed)
        for statement in layer.statements:
            found = [
                one
                for target in dict.fromkeys(statement.targets)
                if (one := by_target.pop(target, None))
            ]
            if found:
                listed.append(_stated(statement, found, _FIRST_RANK + len(listed), others, trace))
        if len(listed) > before:
            others.append(layer.others)
    listed += _judged(by_target, promoted, others, trace)
    order = get_args(FieldGroup)
    listed.sort(key=lambda one: (order.index(one.exposure.group), one.exposure.rank))
    return listed


def _stated(
    statement: Statement,
    found: Sequence[Candidate],
    rank: int,
    others: Sequence[Others],
    trace: Trace,
) -> Exposed:
    first, *also = found
    if statement.value is not KEEP:
        first = replace(first, value=statement.value)
    exposure = classify(first, trace)
    if statement.group is not None:
        exposure = replace(exposure, group=statement.group, rank=rank)
    exposure = replace(exposure, group=_limited(exposure.group, others))
    return Exposed(
        first, exposure, statement.source, statement.said, tuple(also), statement.section
    )


def _judged(
    free: dict[InputRef, Candidate],
    promoted: Sequence[Statement],
    others: Sequence[Others],
    trace: Trace,
) -> list[Exposed]:
    """What nobody arranged: judged, asked once where it is the same, folded away where it comes in
    dozens."""
    said = {target: one for one in reversed(promoted) for target in one.targets}
    judged: list[Judged] = []
    left = dict(free)
    for target, candidate in free.items():
        if left.pop(target, None) is None:
            continue
        statement = said.get(target)
        exposure = classify(candidate, trace)
        if statement is None:
            judged.append(Judged(candidate, exposure))
        else:
            also = tuple(one for other in statement.targets if (one := left.pop(other, None)))
            judged.append(Judged(candidate, promote(exposure), also, statement))
    merged = merge_same_role(judged)
    folded = fold_frequent(one.exposure for one in merged)
    return [_placed(one, folded, others) for one in merged]


def _placed(one: Judged, folded: frozenset[Rule], others: Sequence[Others]) -> Exposed:
    group: FieldGroup = "advanced" if one.exposure.rule in folded else one.exposure.group
    limited = _limited(group, others)
    if limited == "hidden" and group != "hidden" and _is_missing(one.candidate):
        limited = "advanced"
    exposure = replace(one.exposure, group=limited)
    if one.statement is None:
        return Exposed(one.candidate, exposure, "heuristic", None, one.also)
    return Exposed(one.candidate, exposure, one.statement.source, one.statement.said, one.also)


def _limited(group: FieldGroup, others: Sequence[Others]) -> FieldGroup:
    for what in others:
        group = _OTHERS[what][group]
    return group


def _is_missing(candidate: Candidate) -> bool:
    """True for a model that the server does not have: hidden, nobody could ever choose another."""
    choices = candidate.spec.choices if candidate.spec and not candidate.spec.upload else None
    return choices is not None and len(choices) > 0 and candidate.value not in choices
