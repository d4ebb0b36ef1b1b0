"""The toml beside a workflow as statements about its inputs: the author's word, before all others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from comfy.candidates import Candidate
from comfy.form_config import FieldConfig, FormConfig, did_you_mean
from comfy.form_fields import Group
from comfy.statements import Layer, Statement


def toml_layer(candidates: Sequence[Candidate], config: FormConfig | None) -> Layer:
    """What a toml says. Names that fit nothing are sentences among the problems."""
    if config is None:
        return Layer()
    names = _names(candidates)
    statements: list[Statement] = []
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

    for said in config.fields:
        candidate = look_up(said.name)
        if candidate is None:
            continue
        also = tuple(other for name in said.also if (other := look_up(name)))
        if wrong := [other.key for other in also if other.type != candidate.type]:
            problems.append(f"The toml's “{said.name}” cannot also set {', '.join(wrong)}: the types differ.")
            also = tuple(other for other in also if other.key not in wrong)
            taken.difference_update(wrong)
        group, section = _group(said)
        targets = tuple((one.node, one.input) for one in (candidate, *also))
        statements.append(Statement("toml", targets, said, group, section))
    others = config.others if statements else "auto"
    return Layer(tuple(statements), others, config.outputs, problems=tuple(problems))


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
