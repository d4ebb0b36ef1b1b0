"""Which nodes give results, and of what kind."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from comfy.comfyui.object_info import NodeSpec
from comfy.prompt.model import Prompt

OutputKind = Literal["images", "video", "audio", "3d", "text", "temp"]

# Kinds of outputs that show how things went. As long as there are results to save, these alone are
# no reason for a run.
ASIDE: frozenset[OutputKind] = frozenset({"temp", "text"})

# By class name: what the server's types do not tell, and savers of packs that a server may lack.
# First match counts. Atomic groups keep the search linear: the engine doesn't go back into them.
_KIND_OF_CLASS: tuple[tuple[re.Pattern[str], OutputKind], ...] = (
    (re.compile(r"^(PreviewImage|MaskPreview|Preview(?!Any|3D|Audio|Text))", re.I), "temp"),
    (
        re.compile(r"\A(?:.*(video|savewebm|savewan)|(?>.*?combine).*(gif|mp4|webm))", re.I | re.S),
        "video",
    ),
    (re.compile(r"audio|tts", re.I), "audio"),
    (re.compile(r"3d|glb|mesh|splat|voxel", re.I), "3d"),
    (re.compile(r"text|string|anything|PreviewAny|showany", re.I), "text"),
)
_KIND_OF_TYPE: Mapping[str, OutputKind] = {
    "IMAGE": "images",
    "MASK": "images",
    "SVG": "images",
    "VIDEO": "video",
    "AUDIO": "audio",
    "MESH": "3d",
    "VOXEL": "3d",
    "SPLAT": "3d",
    "STRING": "text",
    "*": "text",
}
_KNOWN_SAVER = re.compile(
    r"\A(?:save|preview|show|(?>.*?save).*image|(?>.*?image).*save|.*video_?combine)",
    re.IGNORECASE | re.DOTALL,
)


def find_outputs(prompt: Prompt, catalogue: Mapping[str, NodeSpec]) -> Iterator[Output]:
    """The output nodes, in the prompt's order; for classes the server lacks, those named like
    savers."""
    for node_id, node in prompt.items():
        class_type = node["class_type"]
        spec = catalogue.get(class_type)
        if spec.output_node if spec else _KNOWN_SAVER.search(class_type):
            yield Output(node_id, _kind_of(class_type, spec))


def _kind_of(class_type: str, spec: NodeSpec | None) -> OutputKind:
    """Return the kind of an output node's results; "images" if unknown."""
    by_class = next((kind for pattern, kind in _KIND_OF_CLASS if pattern.search(class_type)), None)
    if by_class:
        return by_class
    types = (one for declared in (spec.inputs if spec else ()) for one in declared.type.split(","))
    return next((_KIND_OF_TYPE[one] for one in types if one in _KIND_OF_TYPE), "images")


@dataclass(frozen=True, slots=True)
class Output:
    """A node whose result counts; `kind` "temp" are previews."""

    node: str
    kind: OutputKind
