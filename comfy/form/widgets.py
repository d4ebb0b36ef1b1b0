"""Fourth pass of a form: choose each field's widget, and narrow its limits as declared by the
author."""

from __future__ import annotations

from dataclasses import replace

from comfy.form.candidates import Candidate
from comfy.form.kinds.literal_input import LiteralInput
from comfy.form.kinds.registry import KINDS
from comfy.form.limits import narrow
from comfy.form.model import FieldKind


def fitting_kind(given: LiteralInput) -> FieldKind:
    """Return the kind of field that fits an input best."""
    return max(KINDS.values(), key=lambda kind: kind.fits(given))


def choose_widgets(candidates: tuple[Candidate, ...]) -> tuple[Candidate, ...]:
    """Return the candidates with their authors' limits and widgets, if the server allows them."""
    return tuple(_chosen(narrow(one)) for one in candidates)


def _chosen(candidate: Candidate) -> Candidate:
    """Return the candidate with the author's widget if it can have it."""
    wanted = candidate.said.widget
    if wanted is None:
        slides = candidate.widget == "number" and candidate.limits.can_slide
        return replace(candidate, widget="slider") if slides else candidate
    if problem := _problem_with(wanted, candidate):
        return candidate.with_problems(problem)
    return replace(candidate, widget=wanted)


def _problem_with(wanted: str, candidate: Candidate) -> str:
    """Return why a candidate can't have the widget that its author wants, "" if it can."""
    kind, chosen = KINDS[wanted], KINDS[candidate.widget]
    if chosen.file is not None and kind.file is None:
        return f"The TOML file asks for “{wanted}”, but this field takes a file."
    if candidate.type not in kind.input_types and kind is not chosen:
        return f"The TOML file asks for “{wanted}”, but this field is {candidate.type}."
    if wanted == "slider" and (candidate.limits.min is None or candidate.limits.max is None):
        return "A slider needs a minimum and a maximum."
    return ""
