"""Recognize nodes that write models or latents into ComfyUI's output folder: gigabytes per run.

ComfyUI does not declare this, so the inputs have to show it. ComfyUI's CheckpointSave, LoraSave and
SaveLatent take a part of a model and a prefix for the file name. Savers, trainers and converters of
other packs do the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from comfy.comfyui.input_spec import InputSpec
from comfy.comfyui.object_info import NodeSpec
from comfy.prompt.model import Prompt

# Last words of link types that carry models. WANVIDEOMODEL and LORA_MODEL are models, too.
_PARTS = (
    "CLIP",
    "CLIP_VISION",
    "VAE",
    "LATENT",
    "LATENTS",
    "CONDITIONING",
    "LORA",
    "CONTROL_NET",
    "GLIGEN",
    "HYPERNETWORK",
    "STATE_DICT",
    "AUDIO_ENCODER",
    "TENSOR",
    "*",
)
_MEDIA = frozenset({"IMAGE", "MASK", "VIDEO", "AUDIO", "SVG", "MESH"})
# Last words of inputs that name an output file.
_NAMES = ("prefix", "save_as", "save_name", "output_name", "filename", "file_name")
_SAVES = re.compile(r"save|train|convert|export|quanti[sz]e|dump", re.IGNORECASE)
_TRAINS = re.compile(r"\btrain", re.IGNORECASE)


def model_savers(prompt: Prompt, nodes: Mapping[str, NodeSpec]) -> tuple[str, ...]:
    """Return the classes of a prompt that write models or latents, sorted."""
    return tuple(
        sorted(
            {
                node["class_type"]
                for node in prompt.values()
                if (spec := nodes.get(node["class_type"]))
                and _saves_models(spec, spec.active_inputs(node["inputs"]).values())
            }
        )
    )


def _saves_models(spec: NodeSpec, inputs: Iterable[InputSpec]) -> bool:
    """Return whether a class with these inputs writes models or latents.

    Required inputs and outputs distinguish nodes that save images, such as video nodes with a VAE,
    and samplers that save their results.
    """
    if not spec.output_node:
        return False
    declared = tuple(inputs)
    needed = {part for one in declared if one.required for part in _types(one)}
    makes = {part for kind in spec.output_types for part in kind.upper().split(",")}
    if not _MEDIA.isdisjoint(needed | makes) and not _TRAINS.search(spec.category):
        return False
    takes = any(_is_model(part) for one in declared for part in _types(one))
    names = any(_ends_with(one.bare_name, _NAMES) for one in declared)
    return takes and (names or bool(_SAVES.search(spec.class_type)))


def _types(spec: InputSpec) -> list[str]:
    """Return the types that an input accepts. For an autogrow group, return its member's types."""
    kind = spec.member.type if spec.member else spec.type
    return kind.upper().split(",")


def _is_model(kind: str) -> bool:
    return kind.endswith("MODEL") or _ends_with(kind, _PARTS)


def _ends_with(name: str, words: tuple[str, ...]) -> bool:
    """Return whether a name in snake case is one of these words, or ends with one after an
    underscore."""
    return any(name == one or name.endswith(f"_{one}") for one in words)
