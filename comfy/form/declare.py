"""Second pass of a form: apply authors' declarations, and place the other inputs by rules.

The first layer that mentions an input decides: the TOML file, the App, then other programs'
conventions. Settings that its layer lacks, such as the label or the limits, come from later ones. A
subgraph's author only names inputs; the rules place them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import get_args

from comfy.base.json_values import as_text
from comfy.base.messages import message
from comfy.base.wording import class_words, plain_words
from comfy.form.candidates import Candidate
from comfy.form.conventions.layers import KEEP, Layer, Statement, strictest
from comfy.form.core_inputs import CORE_INPUTS, is_comfyuis, own_words
from comfy.form.facts import InputFacts, Roles, collect_facts
from comfy.form.rules import RULES
from comfy.prompt.model import InputRef, Node, own_title
from comfy.prompt.trace import Trace
from comfy.workflow.config import FieldConfig, FieldGroup, Others

# Ranks of inputs that authors arranged, in their order. They come before everything that the rules
# rank.
_FIRST_RANK = -100_000

# Group of an input that a layer doesn't mention, by the layer's `others`.
_OTHERS: dict[Others, dict[FieldGroup, FieldGroup]] = {
    "auto": {"main": "main", "advanced": "advanced", "hidden": "hidden"},
    "advanced": {"main": "advanced", "advanced": "advanced", "hidden": "hidden"},
    "hidden": {"main": "hidden", "advanced": "hidden", "hidden": "hidden"},
}

# Settings that a layer takes from later ones. Each layer places its inputs itself.
_INHERITED = (
    "label",
    "help",
    "default",
    "min",
    "max",
    "step",
    "widget",
    "choices",
    "required",
    "height",
)

_FRAMES = message("Frames")

# Types that nodes between a file or a text and its user give.
_IMAGES = frozenset({"IMAGE", "MASK", "COMFY_MATCHTYPE_V3"})
_TEXTS = frozenset({"CONDITIONING", "STRING", "COMFY_MATCHTYPE_V3"})
# Types whose nodes' names say nothing about an image, such as "VAE Encode" and "Get Image Size".
# A text's sampler may, such as one that inverts.
_TECHNICAL = frozenset({"LATENT", "INT"})

# Label by file type, if the input's name says nothing.
_MEDIA_WORDS = {
    ("video", "file"): message("Video"),
    ("audio", "file"): message("Audio"),
    ("image", "file"): message("Image"),
}


def declare(
    candidates: tuple[Candidate, ...], layers: Sequence[Layer], promoted: Layer, trace: Trace
) -> tuple[Candidate, ...]:
    """Return the candidates with group, label and widget: first the declared ones in their authors'
    order, then the others in the prompt's.

    A layer's `others` limits the placement of inputs that it doesn't mention. `promoted` are the
    statements of subgraphs' authors.
    """
    roles = Roles(trace)
    inherited = _inherited((*layers, promoted))
    free = {one.ref: one for one in candidates}
    declared: list[Candidate] = []
    others: Others = "auto"
    for layer in layers:
        before = len(declared)
        for statement in layer.statements:
            if taken := _taken(free, statement.targets):
                rank = _FIRST_RANK + len(declared)
                whole = _over(inherited.get(statement.targets[0]), statement)
                declared.append(limited(_stated(whole, taken, rank, roles), others))
        if len(declared) > before:
            others = strictest((others, layer.others))
    return (*declared, *_undeclared(free, promoted.statements, others, roles))


def _inherited(layers: Sequence[Layer]) -> dict[InputRef, Statement]:
    """Return what authors said about each input: settings of the first layer that has them."""
    said: dict[InputRef, Statement] = {}
    for layer in reversed(layers):
        for one in reversed(layer.statements):
            said |= {target: _over(said.get(target), one) for target in one.targets}
    return said


def _over(below: Statement | None, statement: Statement) -> Statement:
    """Return the statement with the settings of the one below that it doesn't have."""
    if below is None:
        return statement
    own = statement.said
    left = {name: getattr(below.said, name) for name in _INHERITED if not _is_set(own, name)}
    value = below.value if statement.value is KEEP else statement.value
    return replace(statement, said=replace(own, **left), value=value)


def _is_set(said: FieldConfig, name: str) -> bool:
    return getattr(said, name) not in (None, ())


def limited(candidate: Candidate, others: Others) -> Candidate:
    """Return the candidate in the group that a layer with these `others` allows."""
    group = _OTHERS[others][candidate.group]
    return candidate if group == candidate.group else replace(candidate, group=group)


def _taken(free: dict[InputRef, Candidate], targets: Sequence[InputRef]) -> list[Candidate]:
    """Remove these inputs' candidates from `free` and return them, first the ones with a widget."""
    taken = [candidate for target in targets if (candidate := free.pop(target, None))]
    return sorted(taken, key=lambda one: not _has_widget(one))


def _best_first(placed: list[Candidate]) -> list[Candidate]:
    """Return candidates that one field sets, first the most prominent one that has a widget."""
    groups = get_args(FieldGroup)
    best = min(placed, key=lambda one: (not _has_widget(one), groups.index(one.group), one.rank))
    return [best, *(one for one in placed if one is not best)]


def _has_widget(candidate: Candidate) -> bool:
    return candidate.spec is None or candidate.spec.is_widget


def _stated(
    statement: Statement, candidates: Sequence[Candidate], rank: int, roles: Roles
) -> Candidate:
    first, *also = candidates
    if statement.value is not KEEP:
        first = first.with_value(statement.value)
    placed = replace(
        _place(first, roles),
        source=statement.source,
        said=statement.said,
        also=tuple(also),
        section=statement.section,
    )
    return replace(placed, group=statement.group, rank=rank) if statement.group else placed


def _undeclared(
    free: dict[InputRef, Candidate],
    promoted: Sequence[Statement],
    others: Others,
    roles: Roles,
) -> list[Candidate]:
    named = {target: one for one in reversed(promoted) for target in one.targets}
    hosts = {_host(node) for (node, _), one in named.items() if one.group} - {""}
    placed: list[Candidate] = []
    for target in [*free]:
        if target not in free:  # set together with an earlier input
            continue
        statement = named.get(target)
        taken = _taken(free, statement.targets if statement else (target,))
        candidate, *also = _best_first([_place(one, roles, others) for one in taken])
        if statement:
            candidate = replace(
                candidate,
                source=statement.source,
                said=statement.said,
                also=tuple(also),
                group=statement.group
                if statement.group and candidate.rule.worth_showing
                else candidate.group,
            )
        elif candidate.rule.authored and _host(candidate.node) in hosts:
            candidate = replace(candidate, group="advanced")
        placed.append(candidate)
    return placed


def _host(node: str) -> str:
    """Return the subgraph node that a node of the prompt is in, "" for one at the root."""
    return node.rpartition(":")[0]


def _place(candidate: Candidate, roles: Roles, others: Others = "auto") -> Candidate:
    """Return the candidate with the group, label and widget that the graph suggests. `others` is
    the limit from the authors' declarations."""
    facts = collect_facts(candidate, roles)
    rule = next(rule for rule in RULES if rule.fits(facts))
    is_base64 = candidate.spec is not None and candidate.spec.is_base64
    number = roles.samplers.passes.get(candidate.node, 0)
    label = (
        rule.label
        or _MEDIA_WORDS.get((facts.widget, "file" if is_base64 else facts.meaning))
        or _rows_label(candidate)
        or _count_label(facts, roles)
        or _duration_label(facts, roles)
        or plain_words(facts.meaning)
    )
    return replace(
        facts.candidate,
        group=rule.group,
        rank=rule.rank,
        rule=rule,
        own=own_words(
            CORE_INPUTS,
            roles.trace.catalog.get(facts.class_type),
            facts.meaning,
            candidate.type,
        ),
        label=label,
        takes_title=rule.title or facts.meaning != candidate.input,
        widget=facts.widget,
        others=others,
        lead=(
            not facts.chosen,
            not (facts.draws or facts.scales_upload),
            facts.order or facts.sampler or len(roles.samplers.passes),
            -facts.distance,
        ),
        sampler=number,
        result=roles.samplers.results.get(candidate.node, ""),
        used_as=_used_as(facts, roles),
        drawn_in=roles.trace.drawn(candidate.node).group,
        target=_target(facts, roles.trace),
        turned_on_by=roles.trace.turned_on_by(candidate.node),
    )


def _count_label(facts: InputFacts, roles: Roles) -> str:
    """Return another label for a number of frames if the results are only images, "" otherwise."""
    is_frames = plain_words(facts.meaning) == _FRAMES and not roles.makes_frames
    return message("How many") if is_frames and facts.makes == "latent" else ""


def _duration_label(facts: InputFacts, roles: Roles) -> str:
    """Return a label with the unit for a duration of ComfyUI's own and paid nodes, which all count
    seconds, "" for other inputs."""
    spec = roles.trace.catalog.get(facts.class_type)
    is_known = facts.meaning == "duration" and spec is not None and is_comfyuis(spec)
    return message("Duration (seconds)") if is_known and facts.is_number else ""


def _used_as(facts: InputFacts, roles: Roles) -> InputRef | None:
    """Return the only input that takes a file, such as `first_frame` of a video node."""
    if facts.kind.file is None:
        return None
    uses = [
        use for use in roles.trace.uses_of(facts.candidate.node) if use.node in roles.trace.useful
    ]
    return uses[0] if len({use.input for use in uses}) == 1 else None


def _target(facts: InputFacts, trace: Trace) -> str:
    """Return the name of the node that uses a text or a file, "" for other inputs and for several
    names."""
    if not facts.kind.file and not facts.is_text:
        return ""
    carried = _IMAGES if facts.kind.file else _TEXTS
    users = trace.consumers(facts.candidate.node, carried)
    silent = _TECHNICAL if facts.kind.file else _TECHNICAL - {"LATENT"}
    if any(trace.distance.get(one) == 0 or trace.given_types(one) <= silent for one in users):
        return ""
    names = {_node_name(trace.prompt[one]) for one in users}
    return names.pop() if len(names) == 1 else ""


def _node_name(node: Node) -> str:
    title = own_title(node)
    return title if title not in ("", node["class_type"]) else class_words(node["class_type"])


def _rows_label(candidate: Candidate) -> str:
    """Return the declared name of a group of rows, "" for other inputs."""
    shown = candidate.spec.options.get("display_name") if candidate.spec else None
    is_group = candidate.spec is not None and candidate.spec.rows is not None
    return as_text(shown) if is_group else ""
