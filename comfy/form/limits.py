"""Sixth and ninth pass of a form: choose each field's widget within the limits that its author
declares, then limit numbers and initial values."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from types import MappingProxyType

from comfy.base.files import is_model_file
from comfy.base.messages import message, sentences
from comfy.base.wording import maximum, minimum, plain_number, quoted, short
from comfy.form.candidates import NO_SETTINGS, Candidate, Limits
from comfy.form.core_inputs import SlideRange
from comfy.form.kinds.registry import KINDS
from comfy.form.labels import choice_labels, closest
from comfy.form.model import Field, FieldKind, Several
from comfy.prompt.rows import first_row, parse_rows
from comfy.prompt.value_types import BadValue, match_choice, read_value

# In characters: a longer number has an error of arithmetic, such as 1.2000000000000002.
_LONGEST_NUMBER = 16
# Seeds that packs replace when the editor queues a prompt (docs/comfyui.md#54), with the step from
# run to run: 0 draws each one.
_QUEUED_SEEDS = MappingProxyType({-1: 0, -2: 1, -3: -1})
# Inputs whose choices are models, with or without a file ending.
_MODEL = re.compile(
    r"model|ckpt|checkpoint|lora|vae|clip|unet|encoder|detector|(?<!sampler)_name$", re.IGNORECASE
)
# Classes whose own limits allow these numbers, although no run gets one.
_ALWAYS_REPLACED = frozenset({"SDParameterGenerator", "Seed (rgthree)"})
# A name that another program replaces by its prompt.
_TEMPLATE = re.compile(r"%[a-z_]{0,40}prompt[a-z_]{0,40}%", re.IGNORECASE)
# The type of a model loader decides how the model is read.
_LOADER = re.compile(r"loader", re.IGNORECASE)
# The editor copies the limits of a node to the widgets that show its inputs elsewhere.
_WITH_COPIED_LIMITS = frozenset({"app", "subgraph"})


def choose_widgets(candidates: tuple[Candidate, ...]) -> tuple[Candidate, ...]:
    """Return the candidates with their authors' limits, widgets and choices, if the server allows
    them."""
    return tuple(_narrow_choices(_chosen(_narrow(one))) for one in candidates)


def _narrow(candidate: Candidate) -> Candidate:
    """Return the candidate with the server's limits, narrowed by the author. An author can't widen
    them because the server would refuse the value."""
    if candidate.type not in ("INT", "FLOAT"):
        return candidate
    read = int if candidate.type == "INT" else float
    settings, server = candidate.settings, candidate.limits
    low, high = (
        _tighter(server.min, settings.min, max),
        _tighter(server.max, settings.max, min),
    )
    problems = tuple(_limit_problems(candidate, low, high))
    if low is not None and high is not None and low > high:
        return candidate.with_problems(*problems, "The minimum is above the maximum.")
    step = server.step if settings.step is None else settings.step
    limits = Limits(
        None if low is None else read(low),
        None if high is None else read(high),
        None if step is None else max(1, int(step)) if read is int else step,
        server.round,
    )
    return replace(candidate, limits=limits, problems=(*candidate.problems, *problems))


def _tighter(
    server: float | None, author: float | None, pick: Callable[[list[float]], float]
) -> float | None:
    given = [one for one in (server, author) if one is not None]
    return pick(given) if given else None


def _limit_problems(candidate: Candidate, low: float | None, high: float | None) -> Iterator[str]:
    if candidate.settings.min is not None and low != candidate.settings.min:
        yield f"The author's minimum is {candidate.settings.min}, but the server's is {low}."
    if candidate.settings.max is not None and high != candidate.settings.max:
        yield f"The author's maximum is {candidate.settings.max}, but the server's is {high}."


def _chosen(candidate: Candidate) -> Candidate:
    """Return the candidate with the author's widget if it can have it."""
    wanted = candidate.settings.widget
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
    settings = NO_SETTINGS if candidate.source in _WITH_COPIED_LIMITS else candidate.settings
    if slide is None or candidate.widget not in ("number", "slider"):
        return None
    slide = replace(
        slide,
        low=slide.low if settings.min is None or limits.min is None else limits.min,
        high=slide.high if settings.max is None or limits.max is None else limits.max,
        step=max(slide.step, limits.step or 0) if settings.step is None else settings.step,
    ).within(limits.min, limits.max)
    value = candidate.value if settings.default is None else settings.default
    if slide is None or not slide.reaches(value):
        return None
    return (
        None if (slide.low, slide.high) == (limits.min, limits.max) and limits.can_slide else slide
    )


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


def _suits(kind: FieldKind, chosen: FieldKind, type_: str) -> bool:
    takes_same = chosen.file is None or kind.file is not None
    return kind is chosen or (takes_same and type_ in kind.input_types)


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


def _narrow_choices(candidate: Candidate) -> Candidate:
    """Return the candidate with only the choices that its author wants to offer, in that order, and
    with its own value. If the server has none of them, all its choices stay."""
    spec, wanted = candidate.spec, candidate.settings.choices
    if not wanted:
        return candidate
    if spec is None or not spec.choices or not KINDS[candidate.widget].offers_choices:
        return candidate.with_problems("Only a field with choices can have “choices”.")
    first = candidate.value if candidate.settings.default is None else candidate.settings.default
    kept = [*_offered(wanted, spec.choices)]
    if not kept:
        return candidate.with_problems("The server has none of the “choices”.")
    own = [one for one in _offered((first,), spec.choices) if one not in kept]
    return replace(candidate, spec=replace(spec, choices=tuple(dict.fromkeys((*own, *kept)))))


def _offered(wanted: Sequence[object], choices: tuple[object, ...]) -> Iterator[object]:
    for choice in wanted:
        with suppress(BadValue):
            yield match_choice(choice, choices)


def limit_values(candidates: tuple[Candidate, ...]) -> tuple[Candidate, ...]:
    """Return the candidates with defaults that are within their limits and among their choices."""
    return tuple(_with_default(one) for one in candidates)


def _with_default(candidate: Candidate) -> Candidate:
    """Return the candidate with its field's initial value.

    If the value isn't offered, the author may allow the closest choice (`closest = true`). Values
    that name no model, such as words in another language, are replaced by the server's default.
    """
    if (step := _queued_seed(candidate)) is not None:
        return replace(candidate, default=None, counts=step)
    value, problems = _first_usable(candidate)
    rows = candidate.spec.rows if candidate.spec else None
    if rows and isinstance(value, list):
        value = value + [first_row(rows) for _ in range(rows.least - len(value))]
    result = replace(candidate, default=value, problems=(*candidate.problems, *problems))
    offered = candidate.spec.choices if candidate.spec else None
    if offered is None:
        name = _TEMPLATE.search(value) if isinstance(value, str) else None
        return replace(result, note=_unreplaced(result, name[0])) if name else result
    try:
        choice = match_choice(value, offered)
        return result if choice is value else replace(result, default=choice)
    except BadValue:
        missing = replace(result, default_offered=False)
    kind = KINDS[candidate.widget]
    if kind.file is not None or kind.several is Several.TEXTS or not offered:
        return missing  # missing.py reports it
    if not candidate.settings.closest:
        return missing if _must_be_chosen(result, offered) else _with_first(result, offered)
    best = closest(value, offered)
    used, wanted = (choice_labels((each,))[0][0] for each in (best, value))
    note = message("Using {used} ({wanted} isn't installed).", used=used, wanted=wanted)
    return replace(result, default=best, note=note)


def _unreplaced(candidate: Candidate, name: str) -> str:
    return message(
        "{field}: another program would replace {name}. Enter your own text.",
        field=candidate.label,
        name=quoted(name),
    )


def _must_be_chosen(candidate: Candidate, offered: tuple[object, ...]) -> bool:
    """Return whether another choice would be a guess: a model or file, inputs that depend on the
    choice, a field that users don't see, a node that only passes its value on, or a value that
    isn't a text and thus probably belongs to another input."""
    names = (str(one) for one in (candidate.value, *offered))
    spec = candidate.spec
    return (
        candidate.group == "hidden"
        or not isinstance(candidate.default, str)
        or (len(offered) == 1 and len(candidate.siblings) == 1)
        or (spec is not None and (spec.adds_inputs or spec.names_files or spec.differs))
        or bool(_MODEL.search(candidate.input) or _LOADER.search(candidate.class_type))
        or any(map(is_model_file, names))
    )


def _with_first(candidate: Candidate, offered: tuple[object, ...]) -> Candidate:
    """Return the candidate with the server's default choice, and a note about the author's."""
    first = candidate.spec.options.get("default") if candidate.spec else None
    used = first if first in offered else offered[0]
    note = message(
        "{field}: “{wanted}” isn't offered here. Using “{used}” instead.",
        field=candidate.label,
        wanted=short(candidate.default),
        used=short(used),
    )
    return replace(candidate, default=used, note=note, is_guess=True)


def _queued_seed(candidate: Candidate) -> int | None:
    """Return the step of a seed that the editor would replace: one below the limits, or any of
    a class that never sends it; None for other values."""
    value = candidate.value if candidate.settings.default is None else candidate.settings.default
    is_seed = KINDS[candidate.widget].several is Several.SEEDS
    if not is_seed or not isinstance(value, int) or value not in _QUEUED_SEEDS:
        return None
    is_below = candidate.limits.min is not None and value < candidate.limits.min
    is_replaced = is_below or candidate.class_type in _ALWAYS_REPLACED
    return _QUEUED_SEEDS[value] if is_replaced else None


def _first_usable(candidate: Candidate) -> tuple[object, list[str]]:
    """Return the first valid value (the author's, the workflow's or the server's) within the
    limits, and messages about invalid ones.

    If no value is valid, return None: an empty number, or a random seed.
    """
    is_seed = KINDS[candidate.widget].several is Several.SEEDS
    if candidate.spec is None or (
        is_seed and candidate.value is None and candidate.settings.default is None
    ):
        return candidate.value, []
    problems: list[str] = []
    for origin, value in (
        ("The value in the TOML file", candidate.settings.default),
        ("The value in the workflow", candidate.value),
        ("The server's own value", candidate.spec.options.get("default")),
    ):
        if value is None:
            continue
        try:
            if KINDS[candidate.widget].has_rows:
                return parse_rows(value), problems
            usable = read_value(candidate.type, value)
        except BadValue as bad:
            # "randomize" and placeholders such as PARAM_INT_SEED mean the same as an empty seed.
            if is_seed:
                break
            problems.append(sentences(f"{origin} is {quoted(short(value))}.", str(bad)))
            continue
        if isinstance(usable, float) and len(repr(usable)) > _LONGEST_NUMBER:
            usable = float(f"{usable:.7g}")
        default, beyond = _within(usable, candidate.limits)
        if beyond and is_seed and usable < 0:  # random, in some node packs
            break
        if beyond:
            problems.append(sentences(f"{origin} is {plain_number(usable)}.", beyond))
        return default, problems
    return None, problems


def _within(value: float, limits: Limits) -> tuple[object, str]:
    """Return the value clamped to the limits, and a message about the limit that it exceeds."""
    if limits.min is not None and value < limits.min:
        return limits.min, minimum(limits.min)
    if limits.max is not None and value > limits.max:
        return limits.max, maximum(limits.max)
    return value, ""
