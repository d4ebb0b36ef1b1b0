"""Names for nodes from a config.toml (node_mappings.py) as statements about their inputs."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from comfy.candidates import Candidate
from comfy.form_config import FieldConfig
from comfy.labels import plain_name
from comfy.node_mappings import NodeMappings
from comfy.statements import Layer, Statement

OUTPUT = "save_image_node_id"
# Which input of a node is meant: the first that comfy_runner would set.
INPUTS = (
    *("text", "value", "text_positive", "text_negative", "prompt", "system", "style", "style_name", "key", "url"),
    *("model", "image", "audio", "video", "file"),
)
_SUFFIX = re.compile(r"[_ ](node_?id|node|id)$", re.IGNORECASE)


def mappings_layer(mappings: NodeMappings, candidates: Sequence[Candidate]) -> Layer:
    """Statements about the inputs of the named nodes. Names of nodes that are not there say nothing."""
    inputs: dict[str, dict[str, Candidate]] = {}
    for one in candidates:
        inputs.setdefault(one.node, {})[one.input] = one
    statements = []
    for name, node in mappings.nodes:
        candidate = None if name == OUTPUT else _meant(inputs.get(node, {}))
        if candidate is not None:
            said = FieldConfig("", plain_name(_SUFFIX.sub("", name)))
            statements.append(Statement("node_mappings", ((node, candidate.input),), said))
    outputs = tuple(node for name, node in mappings.nodes if name == OUTPUT)
    return Layer(tuple(statements), outputs=outputs, problems=mappings.problems)


def _meant(inputs: Mapping[str, Candidate]) -> Candidate | None:
    named = (inputs[name] for name in INPUTS if name in inputs)
    return next(named, None) or (next(iter(inputs.values())) if len(inputs) == 1 else None)
