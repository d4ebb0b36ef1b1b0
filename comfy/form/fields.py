"""Conversion of candidates to the fields of a form."""

from __future__ import annotations

from collections.abc import Mapping

from comfy.comfyui.object_info import NodeSpec
from comfy.form.candidates import Candidate
from comfy.form.kinds.registry import KINDS
from comfy.form.labels import choice_labels
from comfy.form.model import Field
from comfy.prompt.autogrow import room_to_grow
from comfy.prompt.bypass import can_do_without
from comfy.prompt.model import Prompt


def build_fields(
    candidates: tuple[Candidate, ...],
    prompt: Prompt,
    nodes: Mapping[str, NodeSpec],
    needed: frozenset[str],
) -> tuple[Field, ...]:
    """Return a field for each candidate, in the same order.

    The whole prompt, the server's node classes (`nodes`) and the required output nodes (`needed`,
    at least one) determine which files are optional.
    """
    places = [*room_to_grow(prompt, nodes)]
    more = {place.beside: place.key for place in reversed(places)}
    apart = [
        candidate.key
        for candidate in candidates
        if _is_choice(candidate) and candidate.spec and candidate.spec.differs
    ]
    fields = []
    for candidate in candidates:
        takes_file = KINDS[candidate.widget].file is not None and candidate.group != "hidden"
        optional = takes_file and can_do_without(prompt, nodes, candidate.node, needed)
        fields.append(
            _field(
                candidate,
                optional=optional,
                grows=more.pop(candidate.node, None) if takes_file else None,
                differs=len(apart) > 1 and candidate.key in apart,
            )
        )
    return tuple(fields)


def _field(candidate: Candidate, *, optional: bool, grows: str | None, differs: bool) -> Field:
    kind, offered = KINDS[candidate.widget], candidate.spec.choices if candidate.spec else None
    choices = choice_labels(offered) if offered is not None and kind.offers_choices else None
    takes_file = kind.file is not None
    return Field(
        key=candidate.key,
        node=candidate.node,
        input=candidate.input,
        label=candidate.label,
        type=candidate.type,
        kind=kind,
        group=candidate.group,
        default=candidate.default,
        min=candidate.limits.min,
        max=candidate.limits.max,
        step=candidate.limits.step,
        round=candidate.limits.round,
        choices=choices,
        tooltip=candidate.said.help or candidate.rule.about or _server_tooltip(candidate),
        required=takes_file and not optional
        if candidate.said.required is None
        else candidate.said.required,
        source=candidate.source,
        targets=tuple(
            each.ref for each in (candidate, *candidate.also) if each.takes == candidate.takes
        ),
        section=candidate.section,
        default_offered=candidate.default_offered,
        optional=optional,
        redraws=candidate.spec is not None
        and candidate.spec.adds_inputs
        and not takes_file
        and len(choices or ()) > 1,
        grows=grows,
        height=candidate.said.height,
        differs=differs,
    )


def _is_choice(candidate: Candidate) -> bool:
    return KINDS[candidate.widget].offers_choices


def _server_tooltip(candidate: Candidate) -> str:
    tooltip = candidate.spec.options.get("tooltip") if candidate.spec else None
    return tooltip.strip() if isinstance(tooltip, str) else ""
