"""Node names from a config.toml (node_mappings.py) as statements about the nodes' inputs."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from comfy.base.messages import one_of, sentences
from comfy.base.wording import plain_words, short
from comfy.form.candidates import Candidate
from comfy.form.conventions.layers import Layer, Statement
from comfy.prompt.model import Prompt
from comfy.workflow.config import FieldConfig
from comfy.workflow.node_mappings import MAPPINGS, NodeMappings

OUTPUT = "save_image_node_id"
# Text inputs of a node. The first one that it has is the one that is meant.
TEXT_INPUTS = (
    *("text", "value", "text_positive", "text_negative", "prompt", "system"),
    *("style", "style_name", "key", "url", "model"),
)
_INPUTS = (*TEXT_INPUTS, "image", "audio", "video", "file")
_MOST_NAMED = 10
_SUFFIX = re.compile(r"[_ ](node_?id|node|id)$", re.IGNORECASE)


def mappings_layer(
    mappings: NodeMappings, prompt: Prompt, candidates: Sequence[Candidate]
) -> Layer:
    """Return statements about the inputs of the named nodes, or about a directly named input
    (`"5.steps"`).

    Names of missing nodes are ignored because a file may serve many workflows. A node without a
    suitable input is a problem.
    """
    by_key = {one.key: one for one in candidates}
    statements = []
    problems = list(mappings.problems)
    for name, target in mappings.nodes:
        node = target if target in prompt else target.partition(".")[0]
        if name == OUTPUT or node not in prompt:
            continue
        inputs = {one.input: one for one in candidates if one.node == node}
        meant = _meant(inputs) if target == node else by_key.get(target)
        if meant is None:
            problems.append(
                _nothing_meant(name, target, prompt[node]["class_type"], list(inputs.values()))
            )
            continue
        settings = FieldConfig("", plain_words(_SUFFIX.sub("", name)))
        statements.append(Statement("node_mappings", (meant.ref,), settings))
    outputs = tuple(node for name, node in mappings.nodes if name == OUTPUT)
    return Layer(tuple(statements), outputs=outputs, problems=tuple(problems))


def _meant(inputs: Mapping[str, Candidate]) -> Candidate | None:
    named = (inputs[name] for name in _INPUTS if name in inputs)
    return next(named, None) or (next(iter(inputs.values())) if len(inputs) == 1 else None)


def _nothing_meant(name: str, place: str, class_type: str, inputs: Sequence[Candidate]) -> str:
    prefix = f"{MAPPINGS}: “{name}” is “{short(place)}”, but that node ({class_type}) has"
    if not inputs:
        return sentences(
            f"{prefix} no value to set.",
            "Use the node that has the value.",
        )
    keys = [f'"{one.key}"' for one in inputs[:_MOST_NAMED]] + ["…"] * (len(inputs) > _MOST_NAMED)
    return sentences(
        f"{prefix} several inputs."
        if place == inputs[0].node
        else f"{prefix} no such value to set.",
        f"Choose one: {name} = {one_of(keys)}.",
    )
