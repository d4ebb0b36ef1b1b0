"""Keeping a form short that nobody arranged: what says the same is asked once, what comes in dozens is folded away.

Works on what the heuristics put among the main fields and on nothing that an author asked for.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

from comfy.candidates import Candidate
from comfy.heuristics import Exposure
from comfy.statements import Statement

# More main fields than this and a kind of field that comes several times is folded away.
MOST_FIELDS = 20

TEXTS = frozenset({"song", "positive text", "negative text", "prompt", "long text"})
# Fields that are set together where several nodes of one class have the same value.
TOGETHER = frozenset(
    {"shape of the result", "size of the result", "width of the result", "height of the result", "length"}
    | {"enlargement", "count", "wish", "kind of service"}
)
# What a form exists for; never folded away.
ESSENTIAL = TEXTS | {"media", "media of a missing node"}


@dataclass(frozen=True)
class Judged:
    """A candidate with its place, what is set along with it, and what the author of a subgraph calls it."""

    candidate: Candidate
    exposure: Exposure
    also: tuple[Candidate, ...] = ()
    statement: Statement | None = None


def merge_twins(judged: Sequence[Judged]) -> list[Judged]:
    """One field for inputs with one role and one value: the same text for two samplers, for both encoders of SDXL.

    Seeds stay apart, and so does what is empty, unless it is in the same node.
    """
    groups: dict[Hashable, list[Judged]] = defaultdict(list)
    for position, one in enumerate(judged):
        groups[_role(one) or position].append(one)
    return [_merged(group) for group in groups.values()]


def fold_crowds(exposures: Iterable[Exposure]) -> frozenset[str]:
    """The kinds (rules) of main fields to fold away so that a form stays readable: the most numerous first.

    Of as many seeds and steps, seeds stay.
    """
    counts = Counter(one.what for one in exposures if one.group == "main")
    folded: set[str] = set()
    total = sum(counts.values())
    while total > MOST_FIELDS:
        kind, count = max(
            ((kind, count) for kind, count in counts.items() if kind not in ESSENTIAL and kind not in folded),
            key=lambda pair: (pair[1], pair[0] == "steps"),
            default=("", 0),
        )
        if count < 2:
            break
        folded.add(kind)
        total -= count
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
    typed = (label, candidate.type, type(value), value)
    if exposure.what in TEXTS:
        if not str(value).strip():
            return (exposure.what, candidate.node, *typed)
        pole_known = exposure.what in ("positive text", "negative text")
        return (exposure.what, *typed) if pole_known else (exposure.what, candidate.class_type, candidate.input, *typed)
    if exposure.what in TOGETHER or (exposure.what == "steps" and "start_at_step" in candidate.siblings):
        return (exposure.what, candidate.class_type, candidate.input, *typed)
    return None
