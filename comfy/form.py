"""The form of a workflow: from a prompt and the server's catalogue to fields, and from their values back to a prompt.

Three stages, each pure and in a file of its own: every literal input becomes a *candidate* (candidates.py), *exposure*
decides which of them a person meets (form_exposure.py: what an author says in a toml, an App or by a convention, else
heuristics) and under what name (field_names.py), and the *form* is what remains. The way back is form_values.py, the
server's refusals are form_errors.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from comfy.arrangement import Arranged, arrange, in_order
from comfy.bypass import can_do_without
from comfy.candidates import find_candidates
from comfy.conventions import conventions
from comfy.field_names import name_fields
from comfy.form_build import Findings, build_field
from comfy.form_errors import place_errors
from comfy.form_exposure import Exposed, expose
from comfy.form_fields import MEDIA_WIDGETS, Field, Form, Group, Output, Widget
from comfy.form_outputs import find_outputs
from comfy.form_values import check, fill
from comfy.growth import LOADERS, room_to_grow
from comfy.labels import plain_name
from comfy.mapping_layer import mappings_layer
from comfy.missing import missing_choices, missing_classes
from comfy.object_info import DYNAMIC_COMBO, Catalogue, NodeSpec
from comfy.seeds import Increment
from comfy.statements import Layer, app_layer, shown_layer
from comfy.toml_layer import toml_layer
from comfy.trace import Trace
from comfy.workflow import Workflow, own_title

__all__ = [
    "MEDIA_WIDGETS",
    "Field",
    "Form",
    "Group",
    "Increment",
    "Output",
    "Widget",
    "build_form",
    "check",
    "fill",
    "place_errors",
]


def build_form(workflow: Workflow, catalogue: Catalogue, values: Mapping[str, object] | None = None) -> Form:
    """The form of a workflow on a server with this catalogue; an editor graph goes through `comfy.from_graph` first.

    `values` are those entered so far, as far as they bring other fields: the options of dynamic combos, and the keys of
    further files (see `Field.redraws` and `Field.grows`). Never fails: what the server lacks, and mistakes in what its
    author says, are sentences in `problems`, each naming the workflow, and the fields are still there.
    """
    arranged = arrange(workflow.prompt, catalogue, values or {})
    prompt, config = arranged.prompt, workflow.config
    candidates = find_candidates(prompt, catalogue)
    layers = (
        toml_layer(candidates, config),
        app_layer(workflow.app),
        mappings_layer(workflow.mappings, prompt, candidates),
        conventions(prompt, candidates),
    )
    trace = Trace(prompt, catalogue)
    exposed = in_order(expose(candidates, layers, shown_layer(workflow.promoted).statements, trace), arranged, trace)
    found = Findings()
    fields = [build_field(one, label, trace, found) for one, label in zip(exposed, name_fields(exposed), strict=True)]
    titles = {
        node_id: own_title(node) or _class_name(node["class_type"], catalogue) for node_id, node in prompt.items()
    } | {node_id: title for layer in layers for node_id, title in layer.titles.items()}
    outputs, wrong_outputs = _outputs(workflow, catalogue, layers)
    # With another option chosen, what is said about the first one's inputs is not wrong.
    as_authored = prompt.keys() == workflow.prompt.keys() and not arranged.new
    problems = [
        *(config.problems if config else ()),
        *(problem for layer in layers if as_authored for problem in layer.problems),
        *wrong_outputs,
        *(one.sentence for one in missing_classes(prompt, catalogue, workflow.missing)),
        *arranged.lacking,
        *_dangling(trace, titles),
        *found.problems,
        *_missing_choices(fields, trace, workflow),
    ]
    form = Form(
        title=(config and config.title) or workflow.title or title_of(workflow.name),
        description=(config and config.description) or _described(layers),
        fields=tuple(fields),
        outputs=outputs,
        problems=tuple(f"“{workflow.title or workflow.name}”: {problem}" for problem in problems),
        notes=tuple(found.notes),
        titles=titles,
        prompt=prompt,
        nodes=_nodes_of(arranged, catalogue),
    )
    return replace(form, fields=tuple(_with_extras(form, exposed)))


def _dangling(trace: Trace, titles: Mapping[str, str]) -> Iterator[str]:
    for node, name, source in trace.dangling():
        yield f"{titles[node]} takes its {plain_name(name).lower()} from node {source}, which is not there."


def _missing_choices(fields: Sequence[Field], trace: Trace, workflow: Workflow) -> Iterator[str]:
    alive = (field for field in fields if field.node in trace.alive)
    return (one.sentence for one in missing_choices(alive, workflow.models))


def _nodes_of(arranged: Arranged, catalogue: Catalogue) -> Mapping[str, NodeSpec]:
    """What the server says about the classes of a prompt, and about those that could be added to it."""
    classes = {node["class_type"] for node in arranged.prompt.values()} | {one.class_type for one in LOADERS.values()}
    return {class_type: spec for class_type in classes if (spec := catalogue.get(class_type))}


def _with_extras(form: Form, exposed: Sequence[Exposed]) -> Iterator[Field]:
    """The fields with what needs a look at the whole prompt: which files may be left empty, what grows or redraws."""
    more = {place.beside: place.key for place in reversed(list(room_to_grow(form.prompt, form.nodes)))}
    for one, field in zip(exposed, form.fields, strict=True):
        if field.is_media and field.group != "hidden":
            optional = can_do_without(form.prompt, form.nodes, field.node, form.needed)
            required = not optional if one.said is None or one.said.required is None else one.said.required
            yield replace(field, optional=optional, required=required, grows=more.pop(field.node, None))
        else:
            yield replace(field, redraws=field.type == DYNAMIC_COMBO and len(field.choices or ()) > 1)


def title_of(name: str) -> str:
    """A file's name as a title: "text-to-image" → "Text to image"; the editor calls its Apps `name.app.json`."""
    words = " ".join(name.removesuffix(".app").replace("_", " ").replace("-", " ").split())
    return words[:1].upper() + words[1:]


def _class_name(class_type: str, catalogue: Catalogue) -> str:
    spec = catalogue.get(class_type)
    return spec.display_name if spec else class_type


def _described(layers: Sequence[Layer]) -> str:
    return next((layer.description for layer in layers if layer.description), "")


def _outputs(
    workflow: Workflow, catalogue: Catalogue, layers: Sequence[Layer]
) -> tuple[tuple[Output, ...], Sequence[str]]:
    """The output nodes that count: those the first layer with an opinion names. Sentences about wrong ones."""
    outputs = tuple(find_outputs(workflow.prompt, catalogue))
    named = next((layer.outputs for layer in layers if layer.outputs), ())
    known = {output.node for output in outputs}
    wrong = [node for node in layers[0].outputs if node not in known]
    chosen = tuple(output for output in outputs if output.node in named)
    return chosen or outputs, [f"The toml's output “{node}” is not an output node." for node in wrong]
