"""Read the output of a finished node: files to fetch with `/view`, and plain texts.

`outputs` in `/history` and `output` in the `executed` message have the same shape
(docs/comfyui.md#7).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import Literal, get_args

from comfy.base.files import plain_name
from comfy.comfyui.protocol.result_types import RESULT_TYPES, FileKind
from comfyforms.plugin_manager import contributed_rows

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
_SIDES: Mapping[str, Literal["a", "b"]] = MappingProxyType({"a_images": "a", "b_images": "b"})
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.I)


@dataclass(frozen=True, slots=True)
class OutputFile:
    """File on the server. `filename`, `subfolder` and `type` are all needed to fetch it, and are
    the server's own values: a custom node may have another `type` than output, temp, input.

    If a copy is stored here, `digest` is the hex SHA-256 of its bytes and `size` their number;
    otherwise they are empty and 0. `display_name`: the server's name for users, with the same
    ending as `filename`; empty if it has no other name. `preview_id`: the server's asset with an
    image of a file that isn't an image, if a server offers one and its thumbnail is stored. `side`:
    of an image that its node compares with another one (docs/comfyui.md#60). `channel`: "rgba" asks
    for the whole file like "", and tells the stand-in that its alpha is read as a mask.
    """

    filename: str
    subfolder: str
    type: str
    kind: FileKind
    node: str
    digest: str = ""
    size: int = 0
    display_name: str = ""
    preview_id: str = ""
    side: Literal["", "a", "b"] = ""
    channel: Literal["", "rgba"] = ""

    @property
    def name(self) -> str:
        """Return the file's name for users."""
        return self.display_name or self.filename


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
            yield OutputFile(
                filename,
                subfolder,
                type_,
                _kind(key, filename),
                node,
                display_name=_display_name(item.get("display_name"), filename),
                preview_id=_preview_id(item),
                side=_SIDES.get(key, ""),
            )


def _display_name(name: object, filename: str) -> str:
    """Return the server's name for users (docs/comfyui.md#58), with the file's own ending, since
    programs and browsers go by it."""
    if not isinstance(name, str) or not name.strip() or name == filename:
        return ""
    ending = PurePosixPath(filename).suffix
    has_it = name.lower().endswith(ending.lower())
    return plain_name(name if has_it else f"{name}{ending}")


def _preview_id(item: Mapping[str, object]) -> str:
    """Return the asset with a file's preview (docs/comfyui.md#58). An image is its own preview."""
    asset = item.get("preview_id")
    if not isinstance(asset, str) or asset == item.get("id"):
        return ""
    return asset if _UUID.fullmatch(asset) else ""


def with_outputs(
    files: Iterable[OutputFile],
    texts: Iterable[TextOutput],
    outputs: Mapping[str, Mapping[str, object]],
    *,
    adds: bool = False,
) -> tuple[tuple[OutputFile, ...], tuple[TextOutput, ...]]:
    """Return the files and texts with these nodes' outputs in place of their earlier ones, or, with
    `adds`, in addition to them."""
    kept_files = [file for file in files if adds or file.node not in outputs]
    kept_texts = [text for text in texts if adds or text.node not in outputs]
    for node, output in outputs.items():
        more_files, more_texts = read_outputs(node, output)
        kept_files += (file for file in more_files if not adds or file not in kept_files)
        kept_texts += (text for text in more_texts if not adds or text not in kept_texts)
    return tuple(kept_files), tuple(kept_texts)


def _kind(key: str, filename: str) -> FileKind:
    ending = PurePosixPath(filename).suffix.lower().lstrip(".")
    if (own := _KIND_OF_ENDING.get(ending)) is not None:
        return own
    added: Mapping[str, FileKind] = contributed_rows("result_kinds")
    return added.get(ending) or _KIND_OF_KEY.get(key, "file")
