"""Keeping a form short that nobody arranged: what says the same is asked once, what comes in dozens
is folded away.

Works on what the heuristics put among the main fields and on nothing that an author asked for.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

from comfy.form.candidates import Candidate
from comfy.form.conventions.layers import Statement
from comfy.form.heuristics import Exposure
from comfy.form.rules import Rule

# More main fields than this and a kind of field that comes several times is folded away.
_MOST_FIELDS = 20


@dataclass(frozen=True, slots=True)
class Judged:
    """A candidate with its place, what is set along with it, and what the author of a subgraph
    calls it."""

    candidate: Candidate
    exposure: Exposure
    also: tuple[Candidate, ...] = ()
    statement: Statement | None = None


def merge_same_role(judged: Sequence[Judged]) -> list[Judged]:
    """One field for inputs with one role and one value: the same text for two samplers, for both
    encoders of SDXL.

    Seeds stay apart, and so does what is empty, unless it is in the same node.
    """
    groups: dict[Hashable, list[Judged]] = defaultdict(list)
    for position, one in enumerate(judged):
        groups[_role(one) or position].append(one)
    return [_merged(group) for group in groups.values()]


def fold_frequent(exposures: Iterable[Exposure]) -> frozenset[Rule]:
    """The kinds of main fields to fold away so that a form stays readable: the most numerous
    first."""
    counts = Counter(one.rule for one in exposures if one.group == "main")
    left = Counter({rule: count for rule, count in counts.items() if not rule.essential})
    folded: set[Rule] = set()
    total = sum(counts.values())
    while total > _MOST_FIELDS and left:
        rule = max(left, key=lambda rule: (left[rule], rule.folds_first))
        if left[rule] < 2:
            break
        folded.add(rule)
        total -= left.pop(rule)
    return frozenset(folded)


def _merged(group: Sequence[Judged]) -> Judged:
    first, *rest = group
    also = [*first.also, *(candidate for one in rest for candidate in (one.candidate, *one.also))]
    return Judged(first.candidate, first.exposure, tuple(also), first.statement)


def _role(one: Judged) -> Hashable | None:
    candidate, exposure = one.candidate, one.exposure
    value = candidate.value
    if exposure.group != "main" or not isinstance(value, Hashable):
        return None
    label = one.statement.said.label if one.statement else None
    text = (exposure.rule, label, candidate.type, type(value), value)
    of_input = (*text, candidate.class_type, candidate.input)
    match exposure.rule.merge:
        case "pole" | "text" if not str(value).strip():
            return (*text, candidate.node)
        case "pole":
            return text
        case "text" | "input":
            return of_input
        case "stages":
            return of_input if "start_at_step" in candidate.siblings else None
        case None:
            return None
