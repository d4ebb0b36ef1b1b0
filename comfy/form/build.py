"""The form of a workflow: from a prompt and the server's catalogue to fields, and from their values
back to a prompt.

Three stages, each pure and in a file of its own: every literal input becomes a *candidate*
(candidates.py), *exposure* decides which of them a person meets (exposure.py: what an author says
in a toml, an App or by a convention, else heuristics) and under what name (naming.py), and the
*form* is what remains. The way back is check.py, the server's refusals are server_errors.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from comfy.base.messages import message
from comfy.base.wording import plain_words
from comfy.comfyui.object_info import DYNAMIC_COMBO, Catalogue, NodeSpec
from comfy.form.candidates import find_candidates
from comfy.form.conventions.comfy_runner import mappings_layer
from comfy.form.conventions.ideas import find_ideas
from comfy.form.conventions.layers import Layer, app_layer, shown_layer
from comfy.form.conventions.readers import conventions
from comfy.form.conventions.toml import names_of, toml_layer
from comfy.form.exposure import Exposed, expose
from comfy.form.fields import Problems, build_field
from comfy.form.missing import missing_choices, missing_classes
from comfy.form.missing_items import Missing
from comfy.form.model import Field, Form
from comfy.form.naming import name_fields
from comfy.form.order import in_order
from comfy.prompt.arrange import Arranged, arrange
from comfy.prompt.autogrow import LOADERS, room_to_grow
from comfy.prompt.bypass import can_do_without
from comfy.prompt.model import Prompt, own_title
from comfy.prompt.outputs import Output, find_outputs
from comfy.prompt.trace import Trace
from comfy.workflow.model import Workflow, title_from_name


def build_form(
    workflow: Workflow, catalogue: Catalogue, values: Mapping[str, object] | None = None
) -> Form:
    """The form of a workflow on a server with this catalogue; an editor graph goes through
    `comfy.workflow.resolve` first.

    `values` are those entered so far, as far as they bring other fields: the options of dynamic
    combos, and the keys of further files (see `Field.redraws` and `Field.grows`). Never fails: what
    the server lacks, and mistakes in what its author says, are sentences in `problems`, and the
    fields are still there.
    """
    config, found_outputs = workflow.config, tuple(find_outputs(workflow.prompt, catalogue))
    arranged = arrange(workflow.prompt, catalogue, values or {})
    prompt = arranged.prompt
    trace, titles = Trace(prompt, catalogue), _titles(prompt, catalogue)
    candidates = find_candidates(prompt, catalogue)
    layers = (
        toml_layer(candidates, config),
        app_layer(workflow.app),
        mappings_layer(workflow.mappings, prompt, candidates),
        conventions(prompt, candidates),
    )
    exposed = in_order(
        expose(candidates, layers, shown_layer(workflow.promoted).statements, trace), arranged
    )
    of_fields = Problems()
    fields = [
        build_field(one, label, of_fields)
        for one, label in zip(exposed, name_fields(exposed), strict=True)
    ]
    titles |= {node_id: title for layer in layers for node_id, title in layer.titles.items()}
    outputs, wrong_outputs = _outputs(found_outputs, layers)
    # With another option chosen, what is said about the first one's inputs is not wrong.
    as_authored = prompt.keys() == workflow.prompt.keys() and not arranged.new
    lacking: tuple[Missing, ...] = (
        *missing_classes(prompt, catalogue, workflow.missing, titles),
        *missing_choices((one for one in fields if one.node in trace.alive), workflow.models),
    )
    problems = [
        *(config.problems if config else ()),
        *(problem for layer in layers if as_authored for problem in layer.problems),
        *wrong_outputs,
        *arranged.lacking,
        *_dangling(trace, titles),
        *of_fields.sentences,
        *(one.sentence for one in lacking),
    ]
    form = Form(
        title=(config and config.title) or workflow.title or title_from_name(workflow.name),
        description=(config and config.description) or _described(layers),
        fields=tuple(fields),
        outputs=outputs,
        missing=lacking,
        notes=tuple(of_fields.notes),
        titles=titles,
        prompt=prompt,
        nodes=_nodes_of(arranged, catalogue),
    )
    form = replace(form, fields=tuple(_with_extras(form, exposed)))
    ideas, wrong_ideas = find_ideas(form, config.ideas if config else (), names_of(candidates))
    problems += wrong_ideas if as_authored else ()
    return replace(form, ideas=ideas, problems=tuple(problems))


def _titles(prompt: Prompt, catalogue: Catalogue) -> dict[str, str]:
    """What people call each node: its own title, or the name of its class."""
    return {
        node_id: own_title(node) or _class_name(node["class_type"], catalogue)
        for node_id, node in prompt.items()
    }


def _dangling(trace: Trace, titles: Mapping[str, str]) -> Iterator[str]:
    for place, source in trace.dangling():
        yield message(
            "“{node}” takes “{input}” from node {source}, which is not there.",
            node=titles[place.node],
            input=plain_words(place.input),
            source=source,
        )


def _nodes_of(arranged: Arranged, catalogue: Catalogue) -> Mapping[str, NodeSpec]:
    """What the server says about the classes of a prompt, and about those that could be added to
    it."""
    classes = {node["class_type"] for node in arranged.prompt.values()} | {
        one.class_type for one in LOADERS.values()
    }
    return {class_type: spec for class_type in classes if (spec := catalogue.get(class_type))}


def _with_extras(form: Form, exposed: Sequence[Exposed]) -> Iterator[Field]:
    """The fields with what needs a look at the whole prompt: which files may be left empty, what
    grows or redraws."""
    more = {
        place.beside: place.key for place in reversed(list(room_to_grow(form.prompt, form.nodes)))
    }
    apart = {
        one.candidate.key for one in exposed if one.candidate.spec and one.candidate.spec.differs
    }
    lists = [one.key for one in form.fields if one.is_choice and one.key in apart]
    for one, field in zip(exposed, form.fields, strict=True):
        if field.is_media and field.group != "hidden":
            optional = can_do_without(form.prompt, form.nodes, field.node, form.needed)
            required = (
                not optional if one.said is None or one.said.required is None else one.said.required
            )
            yield replace(
                field, optional=optional, required=required, grows=more.pop(field.node, None)
            )
        else:
            yield replace(
                field,
                redraws=field.type == DYNAMIC_COMBO and len(field.choices or ()) > 1,
                differs=len(lists) > 1 and field.key in lists,
            )


def _class_name(class_type: str, catalogue: Catalogue) -> str:
    spec = catalogue.get(class_type)
    return spec.display_name if spec else class_type


def _described(layers: Sequence[Layer]) -> str:
    return next((layer.description for layer in layers if layer.description), "")


def _outputs(
    outputs: tuple[Output, ...], layers: Sequence[Layer]
) -> tuple[tuple[Output, ...], Sequence[str]]:
    """The output nodes that count: those the first layer with an opinion names. Sentences about
    wrong ones."""
    named = next((layer.outputs for layer in layers if layer.outputs), ())
    known = {output.node for output in outputs}
    wrong = [node for node in layers[0].outputs if node not in known]
    chosen = tuple(output for output in outputs if output.node in named)
    return chosen or outputs, [
        message("The toml's output “{node}” is not an output node.", node=node) for node in wrong
    ]
