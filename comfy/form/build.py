"""Build the form of a workflow: five passes over the candidates, from a prompt to its fields.

| pass | file | result |
|---|---|---|
| candidates | candidates.py | every input with a value of its own |
| declared layers | declare.py | what authors say about them; rules place the rest |
| merge | merge.py | one candidate for each field, in order and named |
| widgets | widgets.py | how users set it |
| limits | limits.py | what it starts with, within the limits and choices |

Each pass is pure and returns a new tuple of candidates. check.py and fill.py are the way back, from
values to a prompt.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from comfy.base.messages import message
from comfy.comfyui.object_info import Catalog, NodeSpec
from comfy.form.candidates import Candidate, find_candidates
from comfy.form.conventions.ideas import find_ideas
from comfy.form.conventions.layers import Layer, shown_layer
from comfy.form.conventions.readers import read_layers
from comfy.form.conventions.toml import names_of
from comfy.form.declare import declare
from comfy.form.fields import build_fields
from comfy.form.limits import limit_values
from comfy.form.merge import merge
from comfy.form.missing import missing_choices, missing_classes, missing_prompt
from comfy.form.missing_items import Missing
from comfy.form.model import Form, Note, needed_outputs
from comfy.form.problems import dangling_links, field_problems, wrong_outputs
from comfy.form.widgets import choose_widgets
from comfy.prompt.arrange import Arranged, arrange
from comfy.prompt.autogrow import LOADERS
from comfy.prompt.model import own_title
from comfy.prompt.outputs import Output, find_outputs
from comfy.prompt.trace import Trace
from comfy.workflow.config import FormConfig
from comfy.workflow.model import Workflow, title_from_name


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
    declared = declare(candidates, layers, shown_layer(workflow.promoted), trace)
    merged = merge(declared, arranged)
    chosen = choose_widgets(merged)
    limited = limit_values(chosen)

    nodes = _nodes_of(arranged, catalog)
    titles = _titles(trace, layers)
    found_outputs = tuple(find_outputs(workflow.prompt, catalog))
    outputs = _named(_chosen_outputs(found_outputs, layers), config.outputs, titles)
    fields = build_fields(limited, prompt, nodes, needed_outputs(outputs))
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
        *wrong_outputs(config, found_outputs),
        *arranged.lacking,
        *dangling_links(trace, titles),
        *field_problems(limited),
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
