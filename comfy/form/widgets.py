"""Fourth pass of a form: choose each field's widget, and narrow its limits as declared by the
author."""

from __future__ import annotations

from dataclasses import replace

from comfy.form.candidates import NOTHING_SAID, Candidate
from comfy.form.core_inputs.slide import SlideRange
from comfy.form.kinds.literal_input import LiteralInput
from comfy.form.kinds.registry import KINDS
from comfy.form.limits import narrow, narrow_choices
from comfy.form.model import Field, FieldKind, Several

# The editor copies the limits of a node to the widgets that show its inputs elsewhere.
_WITH_COPIED_LIMITS = frozenset({"app", "subgraph"})


def fitting_kind(given: LiteralInput) -> FieldKind:
    """Return the kind of field that fits an input best."""
    return max(KINDS.values(), key=lambda kind: kind.fits(given))


def choose_widgets(candidates: tuple[Candidate, ...]) -> tuple[Candidate, ...]:
    """Return the candidates with their authors' limits, widgets and choices, if the server allows
    them."""
    return tuple(narrow_choices(_chosen(narrow(one))) for one in candidates)


def _chosen(candidate: Candidate) -> Candidate:
    """Return the candidate with the author's widget if it can have it."""
    wanted = candidate.said.widget
    if wanted in (None, "slider") and (slide := _slide(candidate)):
        return replace(candidate, widget="slider", slide=slide)
    if wanted is None:
        slides = candidate.widget == "number" and candidate.limits.can_slide
        return replace(candidate, widget="slider") if slides else candidate
    if problem := _problem_with(wanted, candidate):
        return candidate.with_problems(problem)
    return replace(candidate, widget=wanted)


def _slide(candidate: Candidate) -> SlideRange | None:
    """Return the range for dragging a number, None if its limits or its value have another meaning.
    An author's limits are the ends, also if they are wider."""
    slide, limits = candidate.own.slide, candidate.limits
    said = NOTHING_SAID if candidate.source in _WITH_COPIED_LIMITS else candidate.said
    if slide is None or candidate.widget not in ("number", "slider"):
        return None
    slide = replace(
        slide,
        low=slide.low if said.min is None or limits.min is None else limits.min,
        high=slide.high if said.max is None or limits.max is None else limits.max,
        step=max(slide.step, limits.step or 0) if said.step is None else said.step,
    ).within(limits.min, limits.max)
    value = candidate.value if said.default is None else said.default
    if slide is None or not slide.reaches(value):
        return None
    return (
        None if (slide.low, slide.high) == (limits.min, limits.max) and limits.can_slide else slide
    )


def allowed_widgets(field: Field) -> tuple[str, ...]:
    """Return the widgets that an author may choose for a field, such as a slider for a number:
    those for the same kind of value."""
    numbers = (Several.NUMBERS, Several.SEEDS)

    def is_alike(kind: FieldKind) -> bool:
        if field.kind.file or kind.file:
            return field.kind.file is not None and kind.file == field.kind.file
        same = kind.several is field.kind.several
        return same or (kind.several in numbers and field.kind.several in numbers)

    return tuple(
        name
        for name, kind in KINDS.items()
        if kind is field.kind or (is_alike(kind) and _suits(kind, field.kind, field.type))
    )


def _suits(kind: FieldKind, chosen: FieldKind, type_: str) -> bool:
    takes_same = chosen.file is None or kind.file is not None
    return kind is chosen or (takes_same and type_ in kind.input_types)


def _problem_with(wanted: str, candidate: Candidate) -> str:
    """Return why a candidate can't have the widget that its author wants, "" if it can."""
    kind, chosen = KINDS[wanted], KINDS[candidate.widget]
    if chosen.file is not None and kind.file is None:
        return f"The TOML file asks for “{wanted}”, but this field takes a file."
    if not _suits(kind, chosen, candidate.type):
        return f"The TOML file asks for “{wanted}”, but this field is {candidate.type}."
    if wanted == "slider" and (candidate.limits.min is None or candidate.limits.max is None):
        return "A slider needs a minimum and a maximum."
    return ""
