"""The fields of a form in the order in which they are read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from comfy.form.exposure import Exposed
from comfy.prompt.arrange import Arranged
from comfy.workflow.config import FieldConfig


def in_order(exposed: Sequence[Exposed], arranged: Arranged) -> list[Exposed]:
    """The fields in the order in which they are read: each that goes with another right after it.

    New ones take the other's group, for the workflow's author said nothing about them; where the
    author arranged a field, or it is more important than the one that brought it, it stays where it
    is.
    """
    by_key = {one.candidate.key: one for one in exposed}
    moved: dict[str, list[str]] = defaultdict(list)
    for key, one in list(by_key.items()):
        leader = by_key.get(arranged.after.get(key, ""))
        if leader is None or leader is one:
            continue
        if key in arranged.new:
            by_key[key] = one = _adopted(one, leader)
        elif one.source != "heuristic" or one.exposure.rank < leader.exposure.rank:
            continue
        if (one.exposure.group, one.section) == (leader.exposure.group, leader.section):
            moved[leader.candidate.key].append(key)
    followers = {key for keys in moved.values() for key in keys}
    order: list[Exposed] = []
    todo = [key for key in reversed(by_key) if key not in followers]
    while todo:
        key = todo.pop()
        order.append(by_key[key])
        todo.extend(reversed(moved.get(key, [])))
    return order


def _adopted(one: Exposed, leader: Exposed) -> Exposed:
    """A new field as part of what its leader belongs to. What heuristics put first, such as a text,
    stays first."""
    beside_file = bool(leader.candidate.spec and leader.candidate.spec.upload)
    prominent = one.exposure.group == "main" and leader.exposure.group != "main" and not beside_file
    if prominent or one.exposure.rule.group == "hidden":
        return one
    said = one.said
    if said is None and beside_file and leader.said and leader.said.label:
        said = FieldConfig(one.candidate.key, label=leader.said.label)
    exposure = replace(one.exposure, group=leader.exposure.group, rank=leader.exposure.rank)
    return replace(one, exposure=exposure, section=leader.section, said=said, source=leader.source)
