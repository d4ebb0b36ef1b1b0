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
# Savers from packs that a server may lack. The atomic groups keep the search linear.
_KNOWN_SAVER = re.compile(
    r"\A(?:save|preview|show|(?>.*?save).*image|(?>.*?image).*save|.*video_?combine)",
    re.IGNORECASE | re.DOTALL,
)


def find_outputs(prompt: Prompt, catalog: Mapping[str, NodeSpec]) -> Iterator[Output]:
    """Yield the output nodes in the prompt's order. Classes that the server lacks count if they are
    named like savers."""
    for node_id, node in prompt.items():
        class_type = node["class_type"]
        spec = catalog.get(class_type)
        if spec.output_node if spec else _KNOWN_SAVER.search(class_type):
            is_preview = bool(_PREVIEW.search(class_type))
            kind = "image" if is_preview else _kind_of(class_type, spec)
            yield Output(node_id, kind, is_preview)


def _kind_of(class_type: str, spec: NodeSpec | None) -> ResultKind:
    """Guess the kind from the class's name, which is more specific than its inputs; "image" by
    default."""
    for kind, row in RESULT_TYPES.items():
        if row.classes and row.classes.search(class_type):
            return kind
    types = (one for declared in (spec.inputs if spec else ()) for one in declared.type.split(","))
    return next((_KIND_OF_TYPE[one] for one in types if one in _KIND_OF_TYPE), "image")


@dataclass(frozen=True, slots=True)
class Output:
    """A node with a result that counts. `label`: its name for users; a form always sets it."""

    node: str
    kind: ResultKind
    is_preview: bool = False
    label: str = ""

    @property
    def is_aside(self) -> bool:
        """Return whether this is a preview or a text. As long as a prompt has results to save,
        these don't justify a run."""
        return self.is_preview or self.kind == "text"
