"""Convert the TOML file beside a workflow to statements about its inputs. They take precedence over
all other declarations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from comfy.base.messages import listed, sentences
from comfy.base.wording import did_you_mean
from comfy.form.candidates import Candidate
from comfy.form.conventions.layers import Layer, Statement
from comfy.form.kinds.registry import KINDS
from comfy.workflow.config import FieldConfig, FieldGroup, FormConfig, must_be


def toml_layer(candidates: Sequence[Candidate], config: FormConfig | None) -> Layer:
    """Return the layer of a TOML file. Names that match nothing become problems."""
    if config is None:
        return Layer()
    names = names_of(candidates)
    statements: list[Statement] = []
    problems: list[str] = []
    taken: set[str] = set()

    def look_up(name: str) -> Candidate | None:
        candidate = names.get(name.lower())
        if candidate is None:
            problems.append(
                sentences(
                    f"The TOML file names “{name}”, which this workflow doesn't have.",
                    did_you_mean(name, names),
                )
            )
        elif candidate.key in taken:
            problems.append(f"The TOML file names “{name}” twice.")
        else:
            taken.add(candidate.key)
            return candidate
        return None

    for settings in config.fields:
        if settings.widget is not None and settings.widget not in KINDS:
            problems.append(must_be(settings.name, "widget", f"one of {listed([*KINDS])}"))
            settings = replace(settings, widget=None)
        candidate = look_up(settings.name)
        if candidate is None:
            continue
        also = tuple(other for name in settings.also if (other := look_up(name)))
        if wrong := [other.key for other in also if other.type != candidate.type]:
            problems.append(
                f"“{settings.name}” in the TOML file can't also set {listed(wrong)}:"
                " the types differ."
            )
            also = tuple(other for other in also if other.key not in wrong)
            taken.difference_update(wrong)
        group, section = _group(settings)
        targets = tuple(one.ref for one in (candidate, *also))
        statements.append(Statement("toml", targets, settings, group, section))
    others = config.others if statements else "auto"
    return Layer(tuple(statements), others, tuple(config.outputs), problems=tuple(problems))


def _group(settings: FieldConfig) -> tuple[FieldGroup, str | None]:
    if settings.hidden:
        return "hidden", None
    return settings.group or ("advanced" if settings.section else "main"), settings.section


def names_of(candidates: Sequence[Candidate]) -> dict[str, Candidate]:
    """Return the names of each input in a TOML file: by node id, or by a unique node title."""
    titles = Counter(title for title in {c.node: c.title for c in candidates}.values() if title)
    by_title = {f"{c.title}.{c.input}".lower(): c for c in candidates if titles[c.title] == 1}
    return by_title | {c.key.lower(): c for c in candidates}
