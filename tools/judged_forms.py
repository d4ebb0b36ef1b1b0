r"""Scores the forms against hand-judged ones: which main fields a careful person would choose.

`tests/form/rules/judged_forms.json` has, for each graph, the keys of the main fields in order, and keys
that are fine in either group (`may`). Recall is the share of judged fields that are main fields or folded,
precision the share of these that were judged so. Judge a graph before looking at its form,
and don't change rules because of a graph that is held out.

Run it with `python -m tools.judged_forms`; `--list` names the differences in graphs that
aren't held out. Most graphs are in the folder `shared` beside the checkout.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from comfy.comfyui.object_info import Catalog
from comfy.form.build import build_form
from comfy.form.model import Form
from comfy.workflow.model import read_workflow
from comfy.workflow.resolve import on_server

ROOT = Path(__file__).parents[1]
JUDGED = ROOT / "tests" / "form" / "rules" / "judged_forms.json"
CATALOG = ROOT.parent / "shared" / "comfyui" / "object_info-0.33.0.json.gz"


@dataclass(frozen=True, slots=True)
class Judged:
    """A graph with the keys of the fields that a person would have made main fields."""

    graph: str
    main: tuple[str, ...]
    may: frozenset[str]
    held_out: bool

    @property
    def is_shared(self) -> bool:
        """Return whether the graph is beside the checkout."""
        return self.graph.startswith("..")


@dataclass(frozen=True, slots=True)
class Score:
    """Number of judged fields and of main fields, and those in which both differ."""

    judged: int = 0
    shown: int = 0
    missing: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()

    def __add__(self, other: Score) -> Score:
        return Score(
            self.judged + other.judged,
            self.shown + other.shown,
            self.missing + other.missing,
            self.extra + other.extra,
        )

    @property
    def recall(self) -> float:
        """Return the share of judged fields that are main fields."""
        return 1 - len(self.missing) / max(1, self.judged)

    @property
    def precision(self) -> float:
        """Return the share of main fields that were judged to be main fields."""
        return 1 - len(self.extra) / max(1, self.shown)


def judged_forms() -> list[Judged]:
    """Return all judged graphs."""
    return [
        Judged(
            entry["graph"],
            tuple(entry["main"].split()),
            frozenset(entry.get("may", "").split()),
            entry.get("held_out", False),
        )
        for entry in json.loads(JUDGED.read_text())
    ]


def form_of(judged: Judged, catalog: Catalog) -> Form:
    """Return the form that the rules make, without the author's TOML file."""
    workflow = on_server(read_workflow(ROOT / judged.graph), catalog)
    return build_form(replace(workflow, config=None), catalog)


def score(judged: Judged, form: Form) -> Score:
    """Compare a form with the judged one. Fields that may be in either group don't count."""
    fields = [field for field in form.fields if field.group == "main" or field.folded]
    shown = [{target.key for target in field.targets} for field in fields]
    known = judged.may | {*judged.main}
    extra = tuple(
        f"{judged.graph}: {field.key} {field.label}"
        for field, keys in zip(fields, shown, strict=True)
        if keys.isdisjoint(known)
    )
    wanted = sum(not keys.isdisjoint(judged.main) for keys in shown)
    missing = tuple(
        f"{judged.graph}: {key}" for key in judged.main if not any(key in keys for keys in shown)
    )
    return Score(len(judged.main), wanted + len(extra), missing, extra)


def total(forms: Iterable[Judged], catalog: Catalog) -> Score:
    """Return the score of several forms together."""
    return sum((score(one, form_of(one, catalog)) for one in forms), Score())


def main() -> int:
    """Print the scores, and return the exit code."""
    catalog = Catalog.read(CATALOG)
    forms = judged_forms()
    for name, part in (
        ("own", [one for one in forms if not one.is_shared]),
        ("shared", [one for one in forms if one.is_shared and not one.held_out]),
        ("held out", [one for one in forms if one.held_out]),
    ):
        result = total(part, catalog)
        print(
            f"{name}: {len(part)} graphs, recall {result.recall:.1%} of {result.judged},"
            f" precision {result.precision:.1%} of {result.shown}"
        )
        if "--list" in sys.argv and name != "held out":
            print(*(f"  missing {one}" for one in result.missing), sep="\n")
            print(*(f"  extra {one}" for one in result.extra), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
