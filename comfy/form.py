"""The form of a workflow: from a prompt and the server's catalogue to fields, and from their values back to a prompt.

Three stages, each pure and in a file of its own: every literal input becomes a *candidate* (candidates.py), *exposure*
decides which of them a person meets and under what name (form_exposure.py: the author's toml, else heuristics), and
the *form* is what remains. The way back is form_values.py, the server's refusals are form_errors.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from comfy.arrangement import Arranged, arrange, in_order
from comfy.bypass import can_do_without
from comfy.candidates import find_candidates
from comfy.form_build import Findings, build_field
from comfy.form_config import FormConfig
from comfy.form_errors import place_errors
from comfy.form_exposure import Exposed, expose, name_fields
from comfy.form_fields import MEDIA_WIDGETS, Field, Form, Group, Output, Widget
from comfy.form_outputs import find_outputs
from comfy.form_values import check, fill
from comfy.growth import LOADERS, room_to_grow
from comfy.labels import plain_name
from comfy.missing import ListedModel, ListedNode, missing_choices, missing_classes
from comfy.object_info import DYNAMIC_COMBO, Catalogue, NodeSpec
from comfy.seeds import Increment
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


def build_form(
    workflow: Workflow,
    catalogue: Catalogue,
    values: Mapping[str, object] | None = None,
    *,
    models: Iterable[ListedModel] = (),
    nodes: Iterable[ListedNode] = (),
) -> Form:
    """The form of a workflow on a server with this catalogue.

    `values` are those entered so far, as far as they bring other fields: the options of dynamic combos, and the keys of
    further files (see `Field.redraws` and `Field.grows`). `models` and `nodes` are what a graph says about its models
    and node packs. Never fails: what the server lacks, and mistakes in the author's toml, are sentences in `problems`,
    each naming the workflow, and the fields are still there.
    """
    config = workflow.config
    arranged = arrange(workflow.prompt, catalogue, values or {})
    prompt = arranged.prompt
    trace = Trace(prompt, catalogue)
    exposed, unknown_names = expose(find_candidates(prompt, catalogue), config, trace)
    exposed = in_order(exposed, arranged, trace)
    found = Findings()
    fields = [build_field(one, label, trace, found) for one, label in zip(exposed, name_fields(exposed), strict=True)]
    titles = {
        node_id: own_title(node) or _class_name(node["class_type"], catalogue) for node_id, node in prompt.items()
    }
    outputs, wrong_outputs = _outputs(workflow, catalogue, config)
    problems = [
        *(config.problems if config else ()),
        # With another option chosen, what the author says about the first one's inputs is not wrong.
        *(unknown_names if prompt.keys() == workflow.prompt.keys() and not arranged.new else ()),
        *wrong_outputs,
        *(one.sentence for one in missing_classes(prompt, catalogue, nodes)),
        *arranged.lacking,
        *(
            f"{titles[node]} takes its {plain_name(name).lower()} from node {source}, which is not there."
            for node, name, source in trace.dangling()
        ),
        *found.problems,
        *(one.sentence for one in missing_choices((field for field in fields if field.node in trace.alive), models)),
    ]
    form = Form(
        title=(config and config.title) or title_of(workflow.name),
        description=(config and config.description) or "",
        fields=tuple(fields),
        outputs=outputs,
        problems=tuple(f"“{workflow.name}”: {problem}" for problem in problems),
        notes=tuple(found.notes),
        titles=titles,
        prompt=prompt,
        nodes=_nodes_of(arranged, catalogue),
    )
    return replace(form, fields=tuple(_with_extras(form, exposed)))


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
    """A file's name as a title: "text-to-image" → "Text to image"."""
    words = " ".join(name.replace("_", " ").replace("-", " ").split())
    return words[:1].upper() + words[1:]


def _class_name(class_type: str, catalogue: Catalogue) -> str:
    spec = catalogue.get(class_type)
    return spec.display_name if spec else class_type


def _outputs(
    workflow: Workflow, catalogue: Catalogue, config: FormConfig | None
) -> tuple[tuple[Output, ...], Sequence[str]]:
    """The output nodes that count, and sentences about ones in the toml that do not exist."""
    outputs = tuple(find_outputs(workflow.prompt, catalogue))
    if config is None or not config.outputs:
        return outputs, ()
    known = {output.node for output in outputs}
    wrong = [f"The toml's output “{node}” is not an output node." for node in config.outputs if node not in known]
    chosen = tuple(output for output in outputs if output.node in config.outputs)
    return chosen or outputs, wrong
