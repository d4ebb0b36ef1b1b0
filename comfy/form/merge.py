"""Third pass of a form: merge equivalent fields, collapse long lists, and group related fields.

Changes only fields that the rules placed, never an author's.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import replace
from typing import get_args

from comfy.form.candidates import Candidate, Placement
from comfy.form.declare import limited
from comfy.form.naming import name_fields
from comfy.prompt.arrange import Arranged
from comfy.workflow.config import FieldConfig, FieldGroup

# With more main fields than this, kinds of fields that occur several times are collapsed.
_MOST_FIELDS = 20


def merge(candidates: tuple[Candidate, ...], arranged: Arranged) -> tuple[Candidate, ...]:
    """Return one candidate per field, in reading order and with distinct labels."""
    declared = [one for one in candidates if one.is_declared]
    merged = _merge_same_role([one for one in candidates if not one.is_declared])
    folded = _fold_frequent(merged)
    fields = [*declared, *(_settled(one, folded) for one in merged)]
    order = get_args(FieldGroup)
    fields.sort(key=lambda one: (order.index(one.group), one.rank))
    return name_fields(_follow_leaders(fields, arranged))


def _merge_same_role(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Merge inputs with the same role and value, such as the same text for two samplers or for both
    encoders of SDXL.

    Seeds stay separate, and so do empty texts, unless they are in the same node.
    """
    groups: dict[Hashable, list[Candidate]] = defaultdict(list)
    for position, candidate in enumerate(candidates):
        groups[_role(candidate) or position].append(candidate)
    return [_merged(*group) for group in groups.values()]


def _merged(first: Candidate, *rest: Candidate) -> Candidate:
    also = (candidate for one in rest for candidate in (one, *one.also))
    return replace(first, also=(*first.also, *also)) if rest else first


def _role(candidate: Candidate) -> Hashable | None:
    value = candidate.value
    if candidate.group != "main" or not isinstance(value, Hashable):
        return None
    text = (candidate.rule, candidate.said.label, candidate.type, type(value), value)
    of_input = (*text, candidate.class_type, candidate.input)
    match candidate.rule.merge:
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


def _fold_frequent(candidates: Sequence[Candidate]) -> frozenset[Placement]:
    """Return the rules whose main fields are collapsed to keep a form readable, the most numerous
    first."""
    counts = Counter(one.rule for one in candidates if one.group == "main")
    left = Counter({rule: count for rule, count in counts.items() if not rule.essential})
    folded: set[Placement] = set()
    total = sum(counts.values())
    while total > _MOST_FIELDS and left:
        rule = max(left, key=lambda rule: (left[rule], rule.folds_first))
        if left[rule] < 2:
            break
        folded.add(rule)
        total -= left.pop(rule)
    return frozenset(folded)


def _settled(candidate: Candidate, folded: frozenset[Placement]) -> Candidate:
    """Return the candidate in its final group."""
    settled = replace(candidate, group="advanced") if candidate.rule in folded else candidate
    hidden = limited(settled, candidate.others)
    if hidden.group == "hidden" != settled.group and _is_missing(candidate):
        return replace(candidate, group="advanced")
    return hidden


def _is_missing(candidate: Candidate) -> bool:
    """Return whether the server lacks the candidate's model. If the field were hidden, users
    couldn't choose another model."""
    choices = candidate.spec.choices if candidate.spec and not candidate.spec.upload else None
    return choices is not None and len(choices) > 0 and candidate.value not in choices


def _follow_leaders(candidates: Sequence[Candidate], arranged: Arranged) -> list[Candidate]:
    """Move each field that belongs to another to the position right after it (`Arranged.after`).

    New fields take the other field's group because the workflow's author didn't place them. A field
    stays in place if the author arranged it, or if it is more important than its leader.
    """
    by_key = {candidate.key: candidate for candidate in candidates}
    moved: dict[str, list[str]] = defaultdict(list)
    for key, candidate in list(by_key.items()):
        leader = by_key.get(arranged.after.get(key, ""))
        if leader is None or leader is candidate:
            continue
        if key in arranged.new:
            by_key[key] = candidate = _adopted(candidate, leader)
        elif candidate.source != "heuristic" or candidate.rank < leader.rank:
            continue
        if (candidate.group, candidate.section) == (leader.group, leader.section):
            moved[leader.key].append(key)
    followers = {key for keys in moved.values() for key in keys}
    order: list[Candidate] = []
    todo = [key for key in reversed(by_key) if key not in followers]
    while todo:
        key = todo.pop()
        order.append(by_key[key])
        todo.extend(reversed(moved.get(key, [])))
    return order


def _adopted(candidate: Candidate, leader: Candidate) -> Candidate:
    """Return a new field in its leader's group. A field that the rules put first, such as a text,
    stays first."""
    beside_file = bool(leader.spec and leader.spec.upload)
    prominent = candidate.group == "main" and leader.group != "main" and not beside_file
    if prominent or candidate.rule.group == "hidden":
        return candidate
    field_config = candidate.said
    if candidate.source == "heuristic" and beside_file and leader.said.label:
        field_config = FieldConfig(candidate.key, label=leader.said.label)
    return replace(
        candidate,
        group=leader.group,
        rank=leader.rank,
        section=leader.section,
        said=field_config,
        source=leader.source,
    )
