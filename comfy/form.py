"""The form of a workflow: from a prompt and the server's catalogue to fields, and from their values back to a prompt.

Three stages, each pure and in a file of its own: every literal input becomes a *candidate* (candidates.py), *exposure*
decides which of them a person meets (form_exposure.py: what an author says in a toml, an App or by a convention, else
heuristics) and under what name (field_names.py), and the *form* is what remains. The way back is form_values.py, the
server's refusals are form_errors.py.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from comfy.candidates import find_candidates
from comfy.conventions import conventions
from comfy.field_names import name_fields
from comfy.form_build import Findings, build_field
from comfy.form_errors import place_errors
from comfy.form_exposure import expose
from comfy.form_fields import MEDIA_WIDGETS, Field, Form, Group, Output, Widget
from comfy.form_outputs import find_outputs
from comfy.form_values import check, fill
from comfy.labels import plain_name
from comfy.mapping_layer import mappings_layer
from comfy.object_info import Catalogue
from comfy.statements import Layer, app_layer, shown_layer
from comfy.toml_layer import toml_layer
from comfy.trace import Trace
from comfy.workflow import Workflow, own_title

__all__ = [
    "MEDIA_WIDGETS",
    "Field",
    "Form",
    "Group",
    "Output",
    "Widget",
    "build_form",
    "check",
    "fill",
    "place_errors",
]


def build_form(workflow: Workflow, catalogue: Catalogue) -> Form:
    """The form of a workflow on a server with this catalogue.

    Never fails: what the server lacks, and mistakes in the author's toml, are sentences in `problems`, each naming the
    workflow, and the fields are still there.
    """
    config = workflow.config
    candidates = find_candidates(workflow.prompt, catalogue)
    layers = (
        toml_layer(candidates, config),
        app_layer(workflow.app),
        mappings_layer(workflow.mappings, candidates),
        conventions(workflow.prompt, candidates),
    )
    trace = Trace(workflow.prompt, catalogue)
    exposed = expose(candidates, layers, shown_layer(workflow.promoted).statements, trace)
    found = Findings()
    fields = [build_field(one, label, trace, found) for one, label in zip(exposed, name_fields(exposed), strict=True)]
    titles = {
        node_id: own_title(node) or _class_name(node["class_type"], catalogue)
        for node_id, node in workflow.prompt.items()
    } | {node_id: title for layer in layers for node_id, title in layer.titles.items()}
    outputs, wrong_outputs = _outputs(workflow, catalogue, layers)
    problems = [
        *(config.problems if config else ()),
        *(problem for layer in layers for problem in layer.problems),
        *wrong_outputs,
        *_missing_nodes(workflow, catalogue),
        *(
            f"{titles[node]} takes its {plain_name(name).lower()} from node {source}, which is not there."
            for node, name, source in trace.dangling()
        ),
        *found.problems,
    ]
    return Form(
        title=(config and config.title) or workflow.title or title_of(workflow.name),
        description=(config and config.description) or _described(layers),
        fields=tuple(fields),
        outputs=outputs,
        problems=tuple(f"“{workflow.name}”: {problem}" for problem in problems),
        notes=tuple(found.notes),
        titles=titles,
    )


def title_of(name: str) -> str:
    """A file's name as a title: "text-to-image" → "Text to image"."""
    words = " ".join(name.replace("_", " ").replace("-", " ").split())
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


def _missing_nodes(workflow: Workflow, catalogue: Catalogue) -> Iterator[str]:
    missing = Counter(node["class_type"] for node in workflow.prompt.values() if node["class_type"] not in catalogue)
    for class_type, count in missing.items():
        times = "" if count == 1 else f" (used {count} times)"
        yield f"This server does not have the node “{class_type[:80]}”{times}."
