"""Tenth and last pass of a form: make a field of each candidate."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from comfy.base.json_values import as_text
from comfy.base.messages import message
from comfy.base.wording import plain_number, plain_words, spoken
from comfy.comfyui.input_spec import FOLLOWS, RowGroup
from comfy.comfyui.object_info import NodeSpec
from comfy.form.candidates import NO_SETTINGS, Candidate, Placement
from comfy.form.core_inputs import NO_WORDS
from comfy.form.facts import best_kind, with_limits
from comfy.form.kinds.registry import KINDS
from comfy.form.labels import choice_labels
from comfy.form.merge import group_name
from comfy.form.model import MODEL_INPUTS, Field, FieldRole, Several
from comfy.prompt.arrange import room_to_grow
from comfy.prompt.model import InputRef, Prompt
from comfy.prompt.rows import unoffered_cells

_GUIDES = re.compile(r"control|mask|pose|depth|canny", re.IGNORECASE)  # names of files' aims
# Roles of numbers by their meaning.
_TIMES: Mapping[str, FieldRole] = {plain_words("length"): "frames", plain_words("fps"): "rate"}
_NAMES = frozenset({"sampler_name", "scheduler"})  # choices that aren't words
_INTERPOLATES = re.compile(r"rife|film|interpol", re.IGNORECASE)  # nodes that add frames
_NUMBERS = (Several.NUMBERS, Several.SEEDS)  # a cell has no room for sliders and modes


def make_fields(
    candidates: tuple[Candidate, ...],
    prompt: Prompt,
    nodes: Mapping[str, NodeSpec],
    model: InputRef | None,
) -> tuple[Field, ...]:
    """Return a field for each candidate, in the same order.

    The whole prompt and the server's node classes (`nodes`) determine where more files can go.
    `model` is the input with the main sampler's model, None if the graph doesn't tell.
    """
    named = (one.ref for one in candidates if one.input in MODEL_INPUTS and one.value)
    model = model or next(named, None)
    places = [*room_to_grow(prompt, nodes)]
    more = {place.beside: place.key for place in reversed(places)}
    apart = [
        candidate.key
        for candidate in candidates
        if _is_choice(candidate) and candidate.spec and candidate.spec.differs
    ]
    fields = []
    for candidate in candidates:
        takes_file = _takes_file(candidate)
        fields.append(
            _field(
                candidate,
                optional=candidate.optional,
                grows=more.pop(candidate.node, None) if takes_file else None,
                differs=len(apart) > 1 and candidate.key in apart,
                model=model,
            )
        )
    return tuple(_timed(fields, nodes))


def _timed(fields: list[Field], classes: Iterable[str]) -> Iterator[Field]:
    """Yield the fields. Help for a number of frames says how long they take if only one frame rate
    is known."""
    rates = {one.default for one in fields if one.role == "rate" and one.default}
    is_known = len(rates) == 1 and not any(map(_INTERPOLATES.search, classes))
    for one in fields:
        if is_known and one.role == "frames" and one.source != "toml":
            said = message(
                "At {rate} frames per second, {frames} frames take {seconds} s.",
                rate=plain_number(min(rates)),
                frames=one.default,
                seconds=plain_number(round(one.default / min(rates), 1)),
            )
            one = replace(one, tooltip=said)
        yield one


def _takes_file(candidate: Candidate) -> bool:
    return KINDS[candidate.widget].file is not None and candidate.group != "hidden"


def _field(
    candidate: Candidate,
    *,
    optional: bool = False,
    grows: str | None = None,
    differs: bool = False,
    model: InputRef | None = None,
) -> Field:
    kind, offered = KINDS[candidate.widget], candidate.spec.choices if candidate.spec else None
    group = candidate.spec.rows if candidate.spec and kind.has_rows else None
    choices = choice_labels(offered) if offered is not None and kind.offers_choices else None
    if choices and candidate.group == "main" and candidate.meaning not in _NAMES:
        choices = tuple((spoken(n) if n == v and n.isalpha() else n, v) for n, v in choices)
    takes_file = kind.file is not None
    as_base64 = takes_file and candidate.spec is not None and candidate.spec.is_base64
    # The text stays in the prompt, because it is too long for a default.
    has_own = as_base64 and bool(candidate.value)
    return Field(
        key=candidate.key,
        node=candidate.node,
        input=candidate.input,
        label=candidate.label,
        type=candidate.type,
        kind=kind,
        group=candidate.group,
        default=None if as_base64 else candidate.default,
        min=group.least if group else candidate.limits.min,
        max=max(group.most, len(candidate.default)) if group else candidate.limits.max,
        step=candidate.limits.step,
        round=candidate.limits.round,
        choices=choices,
        slide=candidate.slide,
        tooltip=_help(candidate),
        required=takes_file and not optional and not has_own
        if candidate.settings.required is None
        else candidate.settings.required,
        source=candidate.source,
        targets=tuple(
            each.ref for each in (candidate, *candidate.also) if each.takes == candidate.takes
        ),
        section=candidate.section,
        default_offered=has_own if as_base64 else candidate.default_offered,
        as_base64=as_base64,
        counts=candidate.counts,
        is_fixed=candidate.source == "app" and candidate.settings.default is not None,
        optional=optional and not has_own,
        redraws=candidate.spec is not None
        and candidate.spec.adds_inputs
        and not takes_file
        and len(choices or ()) > 1,
        grows=grows,
        height=candidate.settings.height,
        folded=candidate.folded,
        heading=group_name(candidate),
        differs=differs,
        role=_role(candidate, model),
        columns=tuple(_columns(candidate, group)) if group else (),
        row_title=group.title if group else "",
        row_lacks=tuple(_row_lacks(candidate, group)) if group else (),
    )


def _role(candidate: Candidate, model: InputRef | None) -> FieldRole:
    if any(each.ref == model for each in (candidate, *candidate.also)):
        return "model"
    match candidate.rule:
        case Placement(merge="pole" | "text"):
            return "prompt"
        case Placement(merge="negative"):
            return "negative"
        case Placement(sets="count"):
            return "count"
        case Placement(part="width" | "height" as part):
            return part
    if candidate.type in ("INT", "FLOAT"):
        return _TIMES.get(plain_words(candidate.meaning), "")
    return "guide" if candidate.upload and _GUIDES.search(candidate.aim) else ""


def _row_lacks(candidate: Candidate, group: RowGroup) -> Iterator[tuple[int, str]]:
    for number, column, _ in unoffered_cells(group, candidate.default):
        yield number, column.name


def _columns(candidate: Candidate, group: RowGroup) -> Iterator[Field]:
    """Yield the cells of a row. A column that may be empty is there only if a row of the workflow
    uses it."""
    for spec in group.columns:
        follows = FOLLOWS in spec.options
        if follows and not any(spec.name in row for row in candidate.default):
            continue
        cell = replace(
            candidate,
            input=spec.name,
            value=spec.start,
            spec=spec,
            type=spec.value_type,
            also=(),
        )
        cell = with_limits(cell, spec.name, spec, frozenset())
        kind = best_kind(cell)
        column = replace(
            cell,
            label=as_text(spec.options.get("display_name")) or plain_words(spec.name),
            widget="number" if kind.several in _NUMBERS else kind.name,
            slide=None,
            own=NO_WORDS,
            default=spec.start,
            settings=NO_SETTINGS,
            rule=Placement("main", 0),
        )
        yield replace(_field(column, optional=follows), key=spec.name)


def _is_choice(candidate: Candidate) -> bool:
    return KINDS[candidate.widget].offers_choices


def _help(candidate: Candidate) -> str:
    """Return the author's help, else our own, else the server's. Subgraphs and Apps repeat the
    server's, so that isn't the author's."""
    given = candidate.spec.options.get("tooltip") if candidate.spec else None
    tooltip = given.strip() if isinstance(given, str) else ""
    help_text, own = candidate.settings.help, candidate.own
    if help_text and help_text.strip() != tooltip:
        return help_text
    replaces = own.help and (own.replaces or not tooltip)
    return candidate.rule.about or (own.help if replaces else tooltip)
