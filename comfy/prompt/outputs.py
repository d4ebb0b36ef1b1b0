"""Find the nodes that give results, and their kinds."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from comfy.comfyui.object_info import NodeSpec
from comfy.comfyui.protocol.result_types import RESULT_TYPES, ResultKind
from comfy.prompt.model import Prompt

_PREVIEW = re.compile(r"^(PreviewImage|MaskPreview|Preview(?!Any|3D|Audio|Text))", re.I)
_KIND_OF_TYPE: Mapping[str, ResultKind] = MappingProxyType(
    {type_: kind for kind, row in RESULT_TYPES.items() for type_ in row.types}
)
# Packs that a server may lack. The atomic groups keep the search linear.
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
            is_preview = bool(_PREVIEW.search(class_type))
            kind = "image" if is_preview else _kind_of(class_type, spec)
            yield Output(node_id, kind, is_preview)


def _kind_of(class_type: str, spec: NodeSpec | None) -> ResultKind:
    """Judge by the class's name, which says more than its inputs; an image if nothing tells."""
    for kind, row in RESULT_TYPES.items():
        if row.classes and row.classes.search(class_type):
            return kind
    types = (one for declared in (spec.inputs if spec else ()) for one in declared.type.split(","))
    return next((_KIND_OF_TYPE[one] for one in types if one in _KIND_OF_TYPE), "image")


@dataclass(frozen=True, slots=True)
class Output:
    """A node whose result counts."""

    node: str
    kind: ResultKind
    is_preview: bool = False

    @property
    def is_aside(self) -> bool:
        """True for previews and texts, which show how things went: as long as there are results to
        save, they are no reason for a run."""
        return self.is_preview or self.kind == "text"
