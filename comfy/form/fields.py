"""Conversion of candidates to the fields of a form."""

from __future__ import annotations

from collections.abc import Mapping

from comfy.comfyui.object_info import DYNAMIC_COMBO, NodeSpec
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
    apart = [one.key for one in candidates if _is_choice(one) and one.spec and one.spec.differs]
    fields = []
    for one in candidates:
        takes_file = KINDS[one.widget].file is not None and one.group != "hidden"
        optional = takes_file and can_do_without(prompt, nodes, one.node, needed)
        fields.append(
            _field(
                one,
                optional=optional,
                grows=more.pop(one.node, None) if takes_file else None,
                differs=len(apart) > 1 and one.key in apart,
            )
        )
    return tuple(fields)


def _field(one: Candidate, *, optional: bool, grows: str | None, differs: bool) -> Field:
    kind, offered = KINDS[one.widget], one.spec.choices if one.spec else None
    choices = choice_labels(offered) if offered is not None and kind.offers_choices else None
    takes_file = kind.file is not None
    return Field(
        key=one.key,
        node=one.node,
        input=one.input,
        label=one.label,
        type=one.type,
        kind=kind,
        group=one.group,
        default=one.default,
        min=one.limits.min,
        max=one.limits.max,
        step=one.limits.step,
        round=one.limits.round,
        choices=choices,
        tooltip=one.said.help or one.rule.about or _server_tooltip(one),
        required=takes_file and not optional if one.said.required is None else one.said.required,
        source=one.source,
        targets=tuple(each.ref for each in (one, *one.also) if each.takes == one.takes),
        section=one.section,
        default_offered=one.default_offered,
        optional=optional,
        redraws=one.type == DYNAMIC_COMBO and not takes_file and len(choices or ()) > 1,
        grows=grows,
        height=one.said.height,
        differs=differs,
    )


def _is_choice(one: Candidate) -> bool:
    return KINDS[one.widget].offers_choices


def _server_tooltip(one: Candidate) -> str:
    tooltip = one.spec.options.get("tooltip") if one.spec else None
    return tooltip.strip() if isinstance(tooltip, str) else ""
