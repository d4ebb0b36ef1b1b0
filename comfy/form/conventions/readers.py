"""Conventions by which other programs let an author say, in a graph, what a form shows.

One reader each, in the table at the end; every reader answers a Layer whose statements carry its
name as `source`. Each program has a file of its own, named after it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from comfy.form.candidates import Candidate
from comfy.form.conventions.comfy_pack import comfy_pack
from comfy.form.conventions.comfyui_deploy import comfyui_deploy
from comfy.form.conventions.kind_titles import kinds
from comfy.form.conventions.layers import Layer
from comfy.form.conventions.mcww import wrapper
from comfy.form.conventions.node_view import NodeView, views
from comfy.form.conventions.pixelle import pixelle
from comfy.form.conventions.placeholders import placeholders
from comfy.form.conventions.swarmui import swarmui
from comfy.form.model import FieldSource
from comfy.prompt.model import Prompt
from comfy.workflow.config import Others

# How strict a layer is about what it does not mention.
_STRICTNESS: tuple[Others, ...] = ("auto", "advanced", "hidden")


def conventions(prompt: Prompt, candidates: Sequence[Candidate]) -> Layer:
    """All that conventions say about a prompt, as one layer."""
    nodes = views(prompt, candidates)
    found = [layer for read in CONVENTIONS.values() if (layer := read(nodes)) != Layer()]
    return Layer(
        statements=tuple(statement for layer in found for statement in layer.statements),
        others=max(
            (layer.others for layer in found), key=_STRICTNESS.index, default=_STRICTNESS[0]
        ),
        outputs=tuple(dict.fromkeys(output for layer in found for output in layer.outputs)),
        titles={node: title for layer in found for node, title in layer.titles.items()},
        description=next((layer.description for layer in found if layer.description), ""),
        problems=tuple(problem for layer in found for problem in layer.problems),
    )


# Who is asked first about a node. The order only matters for graphs that mix conventions.
CONVENTIONS: Mapping[FieldSource, Callable[[Sequence[NodeView]], Layer]] = {
    "mcww": wrapper,
    "pixelle": pixelle,
    "kind_titles": kinds,
    "swarmui": swarmui,
    "comfyui_deploy": comfyui_deploy,
    "comfy_pack": comfy_pack,
    "placeholder": placeholders,
}
