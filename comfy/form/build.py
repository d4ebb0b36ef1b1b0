"""Build the form of a workflow: five passes over the candidates, from a prompt to its fields.

| pass | file | result |
|---|---|---|
| candidates | candidates.py | every input with a value of its own |
| declared layers | declare.py | what authors say about them; rules place the rest |
| merge | merge.py | one candidate for each field, in order and named |
| widgets | limits.py | how users set it |
| limits | limits.py | what it starts with, within the limits and choices |

Each pass is pure and returns a new tuple of candidates. At the end, candidates become fields.
check.py and fill.py are the way back, from values to a prompt.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from comfy.base.json_values import as_text
from comfy.base.messages import labeled, message
from comfy.base.wording import plain_words
from comfy.comfyui.input_spec import FOLLOWS, RowGroup
from comfy.comfyui.object_info import Catalog, NodeSpec
from comfy.form.candidates import Candidate, Placement, find_candidates
from comfy.form.conventions.ideas import find_ideas
from comfy.form.conventions.layers import Layer, shown_layer
from comfy.form.conventions.readers import read_layers
from comfy.form.conventions.toml import names_of
from comfy.form.core_inputs import NO_WORDS
from comfy.form.declare import declare
from comfy.form.facts import best_kind, with_limits
from comfy.form.kinds.registry import KINDS
from comfy.form.labels import choice_labels
from comfy.form.limits import choose_widgets, limit_values
from comfy.form.merge import merge
from comfy.form.missing import missing_choices, missing_classes, missing_prompt
from comfy.form.missing_items import Missing
from comfy.form.model import Field, FieldRole, Form, Note, Several, needed_outputs
from comfy.form.rules import place
from comfy.prompt.arrange import LOADERS, Arranged, arrange, room_to_grow
from comfy.prompt.bypass import expendable
from comfy.prompt.model import Prompt, own_title
from comfy.prompt.rows import unoffered_cells
from comfy.prompt.trace import Output, Trace, find_outputs
from comfy.workflow.config import FieldConfig, FormConfig
from comfy.workflow.model import Workflow, title_from_name

_NUMBERS = (Several.NUMBERS, Several.SEEDS)  # a cell has no room for sliders and modes


def _build_fields(
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
    loaders = {candidate.node for candidate in candidates if _takes_file(candidate)}
    optional = expendable(prompt, nodes, loaders, needed)
    fields = []
    for candidate in candidates:
        takes_file = _takes_file(candidate)
        fields.append(
            _field(
                candidate,
                optional=takes_file and candidate.node in optional,
                grows=more.pop(candidate.node, None) if takes_file else None,
                differs=len(apart) > 1 and candidate.key in apart,
            )
        )
    return tuple(fields)


def _takes_file(candidate: Candidate) -> bool:
    return KINDS[candidate.widget].file is not None and candidate.group != "hidden"


def _field(candidate: Candidate, *, optional: bool, grows: str | None, differs: bool) -> Field:
    kind, offered = KINDS[candidate.widget], candidate.spec.choices if candidate.spec else None
    group = candidate.spec.rows if candidate.spec and kind.has_rows else None
    choices = choice_labels(offered) if offered is not None and kind.offers_choices else None
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
        if candidate.said.required is None
        else candidate.said.required,
        source=candidate.source,
        targets=tuple(
            each.ref for each in (candidate, *candidate.also) if each.takes == candidate.takes
        ),
        section=candidate.section,
        default_offered=has_own if as_base64 else candidate.default_offered,
        as_base64=as_base64,
        counts=candidate.counts,
        is_fixed=candidate.source == "app" and candidate.said.default is not None,
        optional=optional and not has_own,
        redraws=candidate.spec is not None
        and candidate.spec.adds_inputs
        and not takes_file
        and len(choices or ()) > 1,
        grows=grows,
        height=candidate.said.height,
        differs=differs,
        role=_role(candidate.rule),
        columns=tuple(_columns(candidate, group)) if group else (),
        row_title=group.title if group else "",
        row_lacks=tuple(_row_lacks(candidate, group)) if group else (),
    )


def _role(rule: Placement) -> FieldRole:
    match rule:
        case Placement(merge="pole" | "text"):
            return "prompt"
        case Placement(merge="negative"):
            return "negative"
        case Placement(sets="count"):
            return "count"
    return ""


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
            used_outputs=frozenset(),
        )
        cell = with_limits(cell, spec.name, spec)
        kind = best_kind(cell)
        column = replace(
            cell,
            label=as_text(spec.options.get("display_name")) or plain_words(spec.name),
            widget="number" if kind.several in _NUMBERS else kind.name,
            slide=None,
            own=NO_WORDS,
            default=spec.start,
            said=FieldConfig(spec.name),
            rule=Placement("main", 0),
        )
        yield replace(_field(column, optional=follows, grows=None, differs=False), key=spec.name)


def _is_choice(candidate: Candidate) -> bool:
    return KINDS[candidate.widget].offers_choices


def _help(candidate: Candidate) -> str:
    """Return the author's help, else our own, else the server's. Subgraphs and Apps repeat the
    server's, so that isn't the author's."""
    given = candidate.spec.options.get("tooltip") if candidate.spec else None
    tooltip = given.strip() if isinstance(given, str) else ""
    said, own = candidate.said.help, candidate.own
    if said and said.strip() != tooltip:
        return said
    replaces = own.help and (own.replaces or not tooltip)
    return candidate.rule.about or (own.help if replaces else tooltip)


def _wrong_outputs(config: FormConfig, outputs: Collection[Output]) -> Iterator[str]:
    """Report outputs in the TOML file that the workflow doesn't have."""
    known = {output.node for output in outputs}
    for node in config.outputs:
        if node not in known:
            yield f"The output “{node}” in the TOML file is not an output node."


def _dangling_links(trace: Trace, titles: Mapping[str, str]) -> Iterator[str]:
    """Report inputs whose links lead nowhere."""
    for input_ref, source in trace.dangling():
        yield (
            f"“{titles[input_ref.node]}” takes “{plain_words(input_ref.input)}” from node {source},"
            " which doesn't exist."
        )


def _field_problems(candidates: tuple[Candidate, ...]) -> Iterator[str]:
    """Yield the passes' problems with visible fields."""
    for candidate in candidates:
        for problem in candidate.problems if candidate.group != "hidden" else ():
            yield labeled(candidate.label, problem)


def build_form(
    workflow: Workflow, catalog: Catalog, values: Mapping[str, object] | None = None
) -> Form:
    """Return the form of a workflow on a server with this catalog.

    Resolve editor graphs with `comfy.workflow.resolve` first. `values` are the values entered so
    far that add fields: options of dynamic combos, and keys of additional files (see
    `Field.redraws` and `Field.grows`). Never fails: parts that the server lacks and the author's
    mistakes become messages in `problems`, and their fields remain.
    """
    arranged = arrange(workflow.prompt, catalog, values or {})
    prompt, config = arranged.prompt, workflow.config or FormConfig()
    trace = Trace(prompt, catalog, workflow.drawn)

    candidates = find_candidates(prompt, catalog)
    layers = read_layers(workflow, prompt, candidates)
    declared = declare(candidates, layers, shown_layer(workflow.promoted))
    placed = place(declared, trace)
    merged = merge(placed, arranged)
    chosen = choose_widgets(merged)
    limited = limit_values(chosen)

    nodes = _nodes_of(arranged, catalog)
    titles = _titles(trace, layers)
    found_outputs = tuple(find_outputs(workflow.prompt, catalog))
    outputs = _named(_chosen_outputs(found_outputs, layers), config.outputs, titles)
    fields = _build_fields(limited, prompt, nodes, needed_outputs(outputs))
    missing_nodes = missing_classes(prompt, catalog, workflow.missing, titles)
    missing: tuple[Missing, ...] = (
        *missing_nodes,
        *missing_choices((one for one in fields if one.node in trace.alive), workflow.models),
    )
    form = Form(
        title=config.title or workflow.title or title_from_name(workflow.name),
        description=config.description
        or next(filter(None, (one.description for one in layers)), ""),
        fields=fields,
        outputs=outputs,
        missing=missing,
        missing_prompt=missing_prompt(fields, trace, missing_nodes),
        notes=tuple(_notes(limited)),
        titles=titles,
        prompt=prompt,
        nodes=nodes,
    )
    ideas, wrong_ideas = find_ideas(form, config.ideas, names_of(candidates))
    # If the user chose another option, messages about the authored option's inputs would be wrong.
    as_authored = prompt.keys() == workflow.prompt.keys() and not arranged.new
    problems = (
        *config.problems,
        *(problem for layer in layers if as_authored for problem in layer.problems),
        *_wrong_outputs(config, found_outputs),
        *arranged.lacking,
        *_dangling_links(trace, titles),
        *_field_problems(limited),
        *(one.sentence for one in missing),
        *([form.missing_prompt.sentence] if form.missing_prompt else ()),
        *(wrong_ideas if as_authored else ()),
    )
    return replace(form, ideas=ideas, problems=problems)


def _titles(trace: Trace, layers: Sequence[Layer]) -> dict[str, str]:
    """Return a name for each node: its author's, its own title, or its class name."""
    titles = {}
    for node_id, node in trace.prompt.items():
        spec = trace.spec(node_id)
        titles[node_id] = own_title(node) or (spec.display_name if spec else node["class_type"])
    return titles | {node: title for layer in layers for node, title in layer.titles.items()}


def _nodes_of(arranged: Arranged, catalog: Catalog) -> Mapping[str, NodeSpec]:
    """Return the server's specs of the prompt's node classes, and of loaders for additional
    files."""
    classes = {node["class_type"] for node in arranged.prompt.values()} | {
        one.class_type for one in LOADERS.values()
    }
    return {class_type: spec for class_type in classes if (spec := catalog.get(class_type))}


def _chosen_outputs(outputs: tuple[Output, ...], layers: Sequence[Layer]) -> tuple[Output, ...]:
    """Return the output nodes named by the first layer that names any, in its order, otherwise
    all."""
    named = next(filter(None, (one.outputs for one in layers)), ())
    by_node = {one.node: one for one in outputs}
    return tuple(by_node[node] for node in named if node in by_node) or outputs


def _named(
    outputs: Sequence[Output], names: Mapping[str, str], titles: Mapping[str, str]
) -> tuple[Output, ...]:
    """Return the outputs with their labels: the author's name, else the node's title. Equal titles
    get numbers from the second on."""
    seen: Counter[str] = Counter()
    named = []
    for output in outputs:
        label = names.get(output.node) or titles[output.node]
        seen[label] += 1
        if seen[label] > 1:
            label = message("{label} {number}", label=label, number=seen[label])
        named.append(replace(output, label=label))
    return tuple(named)


def _notes(candidates: Sequence[Candidate]) -> Iterator[Note]:
    for candidate in candidates:
        if candidate.note and candidate.group != "hidden":
            yield Note(candidate.note, candidate.key, candidate.default)
