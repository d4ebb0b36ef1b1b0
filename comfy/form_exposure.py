"""Second stage of a form: which candidates a person meets, where, and under what name.

The author's toml is asked first, heuristics fill in what it leaves open. Each layer names itself as the `source`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import get_args

from comfy.candidates import Candidate
from comfy.form_config import FieldConfig, FormConfig, did_you_mean
from comfy.form_fields import Group
from comfy.heuristics import Exposure, judge
from comfy.labels import distinct, plain_name, says_something
from comfy.trace import Trace

_WORD = re.compile(r"[^\W_]+")

# Ranks of the author's fields: in the order of the file, before everything that heuristics rank.
FIRST_RANK = -100_000

# What becomes of a field the author did not list, by the toml's `others`: the groups it may still have.
OTHERS: dict[str, dict[Group, Group]] = {
    "auto": {"main": "main", "advanced": "advanced", "hidden": "hidden"},
    "advanced": {"main": "advanced", "advanced": "advanced", "hidden": "hidden"},
    "hidden": {"main": "hidden", "advanced": "hidden", "hidden": "hidden"},
}


@dataclass(frozen=True)
class Exposed:
    """A candidate that will be a field. `said` is what the author wrote about it, `also` what it sets besides."""

    candidate: Candidate
    exposure: Exposure
    source: str
    said: FieldConfig | None = None
    also: tuple[Candidate, ...] = ()
    section: str | None = None


def expose(candidates: Sequence[Candidate], config: FormConfig | None, trace: Trace) -> tuple[list[Exposed], list[str]]:
    """All fields in the order in which a person reads them, and sentences about names in the toml that fit nothing."""
    listed, problems = _listed(candidates, config, trace) if config else ([], [])
    taken = {one.key for exposed in listed for one in (exposed.candidate, *exposed.also)}
    groups = OTHERS[config.others if config and listed else "auto"]
    for candidate in candidates:
        if candidate.key not in taken:
            exposure = judge(candidate, trace)
            listed.append(Exposed(candidate, replace(exposure, group=groups[exposure.group]), "heuristic"))
    order = get_args(Group)
    listed.sort(key=lambda one: (order.index(one.exposure.group), one.exposure.rank))
    return listed, problems


def name_fields(exposed: Sequence[Exposed]) -> list[str]:
    """A label for each, all different. The author's own label wins, then a telling node title, then plain words."""
    shared = Counter((one.class_type, one.title) for one in {e.candidate.node: e.candidate for e in exposed}.values())
    wanted = []
    for one in exposed:
        title = _telling_title(one.candidate, shared)
        label = one.exposure.label
        if one.said and one.said.label:
            label = one.said.label
        elif title and one.exposure.title and not _repeats(label, title):
            label = title
        wanted.append((label, (title, plain_name(one.candidate.input), one.candidate.node_title)))
    return _distinct_by_group(exposed, wanted)


def _distinct_by_group(exposed: Sequence[Exposed], wanted: Sequence[tuple[str, tuple[str, ...]]]) -> list[str]:
    """The fields come group by group: what stands further up keeps the plainer name."""
    names: list[str] = []
    for group in get_args(Group):
        own = [label for one, label in zip(exposed, wanted, strict=True) if one.exposure.group == group]
        settled: list[tuple[str, tuple[str, ...]]] = [(name, ()) for name in names]
        names = distinct([*settled, *own])
    return names


def _telling_title(candidate: Candidate, shared: Counter[tuple[str, str]]) -> str:
    display = candidate.node_spec.display_name if candidate.node_spec else ""
    often = shared[(candidate.class_type, candidate.title)] > 1
    return candidate.title if says_something(candidate.title, candidate.class_type, display, often) else ""


def _repeats(label: str, title: str) -> bool:
    """True if a title says no more than the label does: "Positive", "positive_prompt", "Prompt"."""
    return set(_WORD.findall(title.lower())) <= set(_WORD.findall(label.lower()))


def _listed(candidates: Sequence[Candidate], config: FormConfig, trace: Trace) -> tuple[list[Exposed], list[str]]:
    names = _names(candidates)
    found: list[Exposed] = []
    problems: list[str] = []
    taken: set[str] = set()

    def look_up(name: str) -> Candidate | None:
        candidate = names.get(name.lower())
        if candidate is None:
            problems.append(f"The toml names “{name}”, which this workflow does not have.{did_you_mean(name, names)}")
        elif candidate.key in taken:
            problems.append(f"The toml names “{name}” twice.")
        else:
            taken.add(candidate.key)
            return candidate
        return None

    for position, said in enumerate(config.fields):
        candidate = look_up(said.name)
        if candidate is None:
            continue
        also = tuple(other for name in said.also if (other := look_up(name)))
        if wrong := [other.key for other in also if other.type != candidate.type]:
            problems.append(f"The toml's “{said.name}” cannot also set {', '.join(wrong)}: the types differ.")
            also = tuple(other for other in also if other.key not in wrong)
            taken.difference_update(wrong)
        group, section = _group(said)
        exposure = replace(judge(candidate, trace), group=group, rank=FIRST_RANK + position)
        found.append(Exposed(candidate, exposure, "toml", said, also, section))
    return found, problems


def _group(said: FieldConfig) -> tuple[Group, str | None]:
    if said.hidden:
        return "hidden", None
    match said.group:
        case None | "main":
            return "main", None
        case "advanced":
            return "advanced", None
        case "hidden":
            return "hidden", None
        case heading:
            return "advanced", heading


def _names(candidates: Sequence[Candidate]) -> dict[str, Candidate]:
    """How a toml may call each input: by node id, or by a node title that only one node has."""
    titles = Counter(title for title in {c.node: c.title for c in candidates}.values() if title)
    by_title = {f"{c.title}.{c.input}".lower(): c for c in candidates if titles[c.title] == 1}
    return by_title | {c.key.lower(): c for c in candidates}
