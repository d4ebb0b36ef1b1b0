"""Read all authors' declarations about a form: the TOML file, the App, node names, and other
programs' conventions in the graph.

Each program has its own module with one reader, listed in the table at the end. A reader returns a
Layer whose statements have the reader's name as `source`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from comfy.form.candidates import NO_SETTINGS, Candidate, FieldSource
from comfy.form.conventions.comfy_pack import comfy_pack
from comfy.form.conventions.comfyui_deploy import comfyui_deploy
from comfy.form.conventions.kind_titles import kinds
from comfy.form.conventions.krita import krita
from comfy.form.conventions.layers import Layer, NodeView, app_layer, strictest, views
from comfy.form.conventions.mcww import wrapper
from comfy.form.conventions.node_mappings import mappings_layer
from comfy.form.conventions.pixelle import pixelle
from comfy.form.conventions.placeholders import placeholders
from comfy.form.conventions.swarmui import swarmui
from comfy.form.conventions.toml import toml_layer
from comfy.prompt.model import InputRef, Prompt
from comfy.workflow.model import Workflow
from comfyforms.plugin_manager import contributed

# The order only matters for graphs that mix conventions.
CONVENTIONS: Mapping[FieldSource, Callable[[Sequence[NodeView]], Layer]] = {
    "mcww": wrapper,
    "pixelle": pixelle,
    "kind_titles": kinds,
    "swarmui": swarmui,
    "comfyui_deploy": comfyui_deploy,
    "comfy_pack": comfy_pack,
    "krita": krita,
    "placeholder": placeholders,
}


def read_layers(
    workflow: Workflow, prompt: Prompt, candidates: Sequence[Candidate]
) -> tuple[Layer, ...]:
    """Return the layers of declarations, most important first. `prompt` is the workflow's prompt
    with the chosen options."""
    return (
        toml_layer(candidates, workflow.config),
        _of_groups(app_layer(workflow.app), candidates),
        mappings_layer(workflow.mappings, prompt, candidates),
        _conventions(prompt, candidates),
    )


def _of_groups(layer: Layer, candidates: Sequence[Candidate]) -> Layer:
    """Return an App's layer in which each cell of repeatable rows stands for its group: all rows
    are one field, with its own label and limits."""
    groups = {
        InputRef(candidate.node, name): candidate.ref
        for candidate in candidates
        if candidate.spec and (rows := candidate.spec.rows)
        for name in candidate.siblings
        if rows.place(name)
    }
    if not groups:
        return layer
    statements = (
        replace(
            one, targets=tuple(groups.get(each, each) for each in one.targets), settings=NO_SETTINGS
        )
        if any(each in groups for each in one.targets)
        else one
        for one in layer.statements
    )
    return replace(layer, statements=tuple(statements))


def _conventions(prompt: Prompt, candidates: Sequence[Candidate]) -> Layer:
    """Return the declarations in other programs' conventions, as one layer."""
    nodes = views(prompt, candidates)
    readers = (*CONVENTIONS.values(), *contributed("conventions"))
    layers = [layer for read in readers if (layer := read(nodes)) != Layer()]
    return Layer(
        statements=tuple(statement for layer in layers for statement in layer.statements),
        others=strictest(layer.others for layer in layers),
        outputs=tuple(dict.fromkeys(output for layer in layers for output in layer.outputs)),
        titles={node: title for layer in layers for node, title in layer.titles.items()},
        description=next((layer.description for layer in layers if layer.description), ""),
        problems=tuple(problem for layer in layers for problem in layer.problems),
    )
