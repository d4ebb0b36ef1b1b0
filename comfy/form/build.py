"""Build the form of a workflow: passes over the candidates, from a prompt to its fields.

| pass | file | decides |
|---|---|---|
| find_candidates | candidates.py | which inputs have a value of their own |
| declare | declare.py | what authors say about each |
| place | rules.py | the group and name of each, by the facts in facts.py |
| merge | merge.py | which share a field |
| sort_fields | merge.py | the reading order |
| choose_widgets | limits.py | how users set each |
| fold | fold.py | which few are in front, and which files are optional |
| name_fields | merge.py | distinct labels |
| limit_values | limits.py | what each starts with, within the limits and choices |
| make_fields | fields.py | the rest of each field |

Each pass is pure, and all but the last return a new tuple of candidates. check.py and fill.py are
the way back, from values to a prompt.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from comfy.base.messages import Message, as_message, labeled, message, plural, sentences
from comfy.base.wording import plain_words
from comfy.comfyui.object_info import Catalog, NodeSpec
from comfy.comfyui.protocol.node_lists import PAID_NODES
from comfy.form.candidates import Candidate, find_candidates
from comfy.form.conventions.ideas import find_ideas
from comfy.form.conventions.layers import Layer, shown_layer
from comfy.form.conventions.readers import read_layers
from comfy.form.conventions.toml import names_of
from comfy.form.declare import declare
from comfy.form.describe import with_texts
from comfy.form.fields import make_fields
from comfy.form.fold import fold
from comfy.form.limits import choose_widgets, limit_values
from comfy.form.merge import merge, name_fields, sort_fields
from comfy.form.missing import find_missing
from comfy.form.missing_items import sentences_about
from comfy.form.model import Form, Note, needed_outputs
from comfy.form.rules import place
from comfy.prompt.arrange import LOADERS, arrange
from comfy.prompt.model import Prompt, own_title
from comfy.prompt.trace import Output, Samplers, Trace, find_outputs
from comfy.requirements.readiness import unconnected
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
    names = names_of(candidates)
    layers = read_layers(workflow, prompt, candidates)
    nodes = _nodes(prompt, catalog)
    titles = _titles(trace, layers)
    outputs = _outputs(trace, layers, config, titles)

    candidates = declare(candidates, layers, shown_layer(workflow.promoted))
    candidates = place(candidates, trace)
    candidates = merge(candidates)
    candidates = sort_fields(candidates, arranged)
    candidates = choose_widgets(candidates)
    candidates = fold(candidates, prompt, nodes, needed_outputs(outputs))
    candidates = name_fields(candidates)
    candidates = limit_values(candidates)
    fields = make_fields(candidates, prompt, nodes, Samplers(trace).model)

    missing, lacks_prompt = find_missing(workflow, fields, trace, titles)
    form = Form(
        title=config.title or workflow.title or title_from_name(workflow.name),
        description=_description(config, layers, workflow),
        fields=fields,
        outputs=outputs,
        missing=missing,
        missing_prompt=lacks_prompt,
        flaws=tuple(_flaws(prompt, catalog, titles)),
        notes=(*_notes(candidates, workflow, titles), *_demo_notes(prompt, catalog)),
        titles=titles,
        prompt=prompt,
        nodes=nodes,
    )
    ideas, wrong_ideas = find_ideas(form, config.ideas, names)
    # If the user chose another option, messages about the authored option's inputs would be wrong.
    as_authored = prompt.keys() == workflow.prompt.keys() and not arranged.new
    problems = (
        *form.flaws,
        *config.problems,
        *(problem for layer in layers if as_authored for problem in layer.problems),
        *_wrong_outputs(config, trace),
        *arranged.lacking,
        *_dangling_links(trace, titles),
        *_field_problems(candidates),
        *sentences_about(missing),
        *((lacks_prompt.sentence,) if lacks_prompt else ()),
        *(wrong_ideas if as_authored else ()),
    )
    form = with_texts(replace(form, ideas=ideas, problems=problems))
    return _translatable(form, catalog) if isinstance(config.title, Message) else form


def _translatable(form: Form, catalog: Catalog) -> Form:
    """Return the form of one of our workflows, with examples that a page can translate. Its models
    read only English, so for a real server only the ideas' labels are translated. The stand-in
    reads all languages of the page."""
    demo = catalog.is_stand_in
    ideas = (
        replace(
            idea,
            label=as_message(idea.label) or idea.label,
            values={key: (demo and as_message(one)) or one for key, one in idea.values.items()},
        )
        for idea in form.ideas
    )
    fields = (
        replace(one, example=as_message(one.default)) if demo and one.widget == "textarea" else one
        for one in form.fields
    )
    return replace(form, ideas=tuple(ideas), fields=tuple(fields))


def _nodes(prompt: Prompt, catalog: Catalog) -> dict[str, NodeSpec]:
    """Return the server's specs of the prompt's node classes, and of loaders for additional
    files."""
    classes = [node["class_type"] for node in prompt.values()]
    classes += [loader.class_type for loader in LOADERS.values()]
    return {class_type: spec for class_type in classes if (spec := catalog.get(class_type))}


def _titles(trace: Trace, layers: Sequence[Layer]) -> dict[str, str]:
    """Return a name for each node: its author's, its own title, or its class name."""
    titles = {}
    for node_id, node in trace.prompt.items():
        spec = trace.spec(node_id)
        titles[node_id] = own_title(node) or (spec.display_name if spec else node["class_type"])
    return titles | {node: title for layer in layers for node, title in layer.titles.items()}


def _description(config: FormConfig, layers: Sequence[Layer], workflow: Workflow) -> str:
    described = (layer.description for layer in layers if layer.description)
    return config.description or next(described, workflow.description)


def _outputs(
    trace: Trace, layers: Sequence[Layer], config: FormConfig, titles: Mapping[str, str]
) -> tuple[Output, ...]:
    """Return the output nodes named by the first layer that names any, in its order, otherwise all.
    Their labels are the author's names, else the nodes' titles. Equal ones get numbers from the
    second on."""
    by_node = {output.node: output for output in find_outputs(trace.prompt, trace.catalog)}
    named = next((layer.outputs for layer in layers if layer.outputs), ())
    chosen = [by_node[node] for node in named if node in by_node] or [*by_node.values()]
    seen: Counter[str] = Counter()
    outputs = []
    for output in chosen:
        label = config.outputs.get(output.node) or titles[output.node]
        seen[label] += 1
        if seen[label] > 1:
            label = message("{label} {number}", label=label, number=seen[label])
        outputs.append(replace(output, label=label))
    return tuple(outputs)


def _notes(
    candidates: Sequence[Candidate], workflow: Workflow, titles: Mapping[str, str]
) -> Iterator[Note]:
    for candidate in candidates:
        if candidate.note and candidate.group != "hidden":
            yield Note(candidate.note, candidate.key, candidate.default, candidate.is_guess)
    for node, drawn in workflow.drawn.items():
        if drawn.is_outdated and node in titles:
            said = message(
                "“{node}” was saved with another version of this node. Values that don't fit were"
                " replaced by defaults.",
                node=titles[node],
            )
            yield Note(said, "", None)


def _demo_notes(prompt: Prompt, catalog: Catalog) -> Iterator[Note]:
    """Yield what users have to know about a demo."""
    if not catalog.runs_anything:
        return
    names = dict.fromkeys(node["class_type"] for node in prompt.values())
    if count := sum(name in catalog and catalog[name].is_guessed for name in names):
        said = plural(
            "Demo: painted results, one kind of guessed node.",
            "Demo: painted results, {count} kinds of guessed nodes.",
            count=count,
        )
        yield Note(said, "", None)
    if not PAID_NODES.isdisjoint(names):
        yield Note(message("Paid nodes cost nothing in this demo."), "", None)


def _wrong_outputs(config: FormConfig, trace: Trace) -> Iterator[str]:
    """Report outputs in the TOML file that the workflow doesn't have."""
    known = {output.node for output in find_outputs(trace.prompt, trace.catalog)}
    for node in config.outputs:
        if node not in known:
            yield f"The output “{node}” in the TOML file is not an output node."


def _flaws(prompt: Prompt, catalog: Catalog, titles: Mapping[str, str]) -> Iterator[str]:
    """Report why the server would refuse the prompt, unless it can make one of the results."""
    lacking = unconnected(prompt, catalog)
    if not lacking:
        yield sentences(
            message("This workflow has no node that saves or shows a result."),
            message("Add a node such as Save Image."),
        )
    if all(lacking.values()):
        for one in dict.fromkeys(itertools.chain(*lacking.values())):
            label = plain_words(one.input)
            yield message(
                "“{input}” of “{node}” isn't connected.", input=label, node=titles[one.node]
            )


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
