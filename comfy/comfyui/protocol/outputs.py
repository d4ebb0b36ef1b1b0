"""Read the output of a finished node: files to fetch with `/view`, and plain texts.

`outputs` in `/history` and `output` in the `executed` message have the same shape
(docs/comfyui.md#7).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import get_args

from comfy.comfyui.protocol.result_types import RESULT_TYPES, FileKind

_FILE_KINDS: tuple[FileKind, ...] = get_args(FileKind)
_KIND_OF_ENDING: Mapping[str, FileKind] = MappingProxyType(
    {ending: kind for kind in _FILE_KINDS for ending in RESULT_TYPES[kind].endings.split()}
)
_KIND_OF_KEY: Mapping[str, FileKind] = MappingProxyType(
    {key: kind for kind in _FILE_KINDS for key in RESULT_TYPES[kind].keys}
)
# Texts, and data for the editor about a node's own inputs (Preview3D, CurveEditor,
# CreateBoundingBoxes of 0.33.0, docs/comfyui.md#7). An object there may be a user's text, not a
# file from the node.
_TEXTS = ("text", "string")
_NO_FILES = frozenset({"result", "histogram", "input_bboxes", *_TEXTS})


@dataclass(frozen=True, slots=True)
class OutputFile:
    """File on the server. `filename`, `subfolder` and `type` are all needed to fetch it, and are
    the server's own values: a custom node may have another `type` than output, temp, input.

    If a copy is stored here, `digest` is the hex SHA-256 of its bytes and `size` their number;
    otherwise they are empty and 0.
    """

    filename: str
    subfolder: str
    type: str
    kind: FileKind
    node: str
    digest: str = ""
    size: int = 0


@dataclass(frozen=True, slots=True)
class TextOutput:
    """Text shown by a node (`PreviewAny` and similar)."""

    node: str
    text: str


def read_outputs(
    node: str, output: Mapping[str, object]
) -> tuple[tuple[OutputFile, ...], tuple[TextOutput, ...]]:
    """Return the files and texts in one node's output, ignoring other shapes."""
    items = [
        (key, item)
        for key, value in output.items()
        if isinstance(value, list | tuple)
        for item in value
    ]
    files = tuple(_files(node, items))
    texts = tuple(
        TextOutput(node, item) for key, item in items if isinstance(item, str) and key in _TEXTS
    )
    return files, texts


def _files(node: str, items: list[tuple[str, object]]) -> Iterator[OutputFile]:
    for key, item in items:
        if not isinstance(item, Mapping) or key in _NO_FILES:
            continue
        filename, subfolder, type_ = (
            item.get("filename"),
            item.get("subfolder", ""),
            item.get("type", "output"),
        )
        if (
            isinstance(filename, str)
            and filename
            and isinstance(subfolder, str)
            and isinstance(type_, str)
        ):
            yield OutputFile(filename, subfolder, type_, _kind(key, filename), node)


def _kind(key: str, filename: str) -> FileKind:
    ending = PurePosixPath(filename).suffix.lower().lstrip(".")
    return _KIND_OF_ENDING.get(ending) or _KIND_OF_KEY.get(key, "file")
