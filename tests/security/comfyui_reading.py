r"""Model of how ComfyUI turns a prompt's values into files, following ComfyUI's own sources.

The model shares nothing with the app: neither the names in a node catalog nor the app's rules.
ComfyUI's `execution.py`, `folder_paths.py` and the nodes of 0.33.0 and 0.3.64 define the unwrapping
of `__value__`, links, annotated names, and the inputs that open a file or list a folder.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_Prompt = Mapping[str, Mapping[str, Any]]

FILE, FOLDER, WIDGET, SHOWN = "file", "folder", "widget", "shown"
# Where each node gets files from, by class and input.
READERS: dict[tuple[str, str], str] = {
    **{
        (name, "image"): FILE
        for name in ("LoadImage", "LoadImageMask", "LoadImageOutput", "WebcamCapture")
    },
    ("LoadAudio", "audio"): FILE,
    ("RecordAudio", "audio"): FILE,
    ("LoadVideo", "file"): FILE,
    ("LoadLatent", "latent"): FILE,
    ("Painter", "mask"): FILE,
    ("GeminiInputFiles", "file"): FILE,
    ("OpenAIInputFiles", "file"): FILE,
    **{(name, "model_file"): FILE for name in ("Load3D", "Load3DAdvanced", "Load3DAnimation")},
    **{(name, "image"): WIDGET for name in ("Load3D", "Load3DAnimation")},
    **{(name, "model_file"): SHOWN for name in ("Preview3D", "Preview3DAnimation")},
    **{
        (f"Load{kind}FromFolder{node}", "folder"): FOLDER
        for kind in (
            "ImageDataSet",
            "ImageTextDataSet",
            "VideoDataSet",
            "VideoTextDataSet",
            "ImageSet",
            "ImageTextSet",
        )
        for node in ("", "Node")
    },
}
# Nodes that hand a text on, and what they make of those that they are given.
JOINERS = frozenset({"StringConcatenate", "JoinStrings"})
MOST_TEXTS = 200


@dataclass(frozen=True, slots=True)
class InputFolders:
    """Folders of a ComfyUI server."""

    base: Path

    def folder(self, name: str) -> Path:
        """Return the folder `input`, `output` or `temp`."""
        return self.base / name

    def put(self, name: str) -> Path:
        """Create a file with this name below the server's folders."""
        path = self.base / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"somebody's own")
        return path

    def opened(
        self, prompt: _Prompt, outputs: Mapping[str, list[Any]]
    ) -> Iterator[tuple[str, str, Path]]:
        """Yield the files and folders that a run of this prompt opens, as (node, input, path).
        `outputs`: output types by class."""
        for node_id, node in prompt.items():
            for name, value in node["inputs"].items():
                kind = READERS.get((node["class_type"], name))
                for text in _texts(prompt, value, outputs, kind == WIDGET) if kind else ():
                    path = self._path(text, kind or FILE)
                    if path is not None:
                        yield node_id, name, path

    def _path(self, text: str, kind: str) -> Path | None:
        default = {FOLDER: "input", SHOWN: "output"}.get(kind, "input")
        if kind != FOLDER:
            for folder in ("output", "input", "temp"):
                if text.endswith(f"[{folder}]"):
                    text, default = text[: -len(folder) - 3], folder
        if not text.strip() and kind != FOLDER:
            return None  # the folder itself, which no node can open as a file
        try:
            path = Path(os.path.realpath(self.folder(default) / text.replace("\\", "/")))
            return path if path.is_file() or (kind == FOLDER and path.is_dir()) else None
        except (OSError, ValueError):
            return None


def _texts(
    prompt: _Prompt, value: Any, outputs: Mapping[str, list[Any]], inside: bool, depth: int = 0
) -> Iterator[str]:
    """Yield the texts that an input can have when its node executes."""
    while isinstance(value, dict) and "__value__" in value:
        value = value["__value__"]
    match value:
        case [str(source), int() | float() as slot] if source in prompt:
            if depth < 6 and _gives_text(outputs.get(prompt[source]["class_type"]), slot):
                yield from _made(prompt, source, outputs, depth + 1)
        case str():
            yield value
        case list():
            yield from (
                text for one in value for text in _texts(prompt, one, outputs, inside, depth + 1)
            )
        case dict() if inside:
            yield from (
                text
                for one in value.values()
                for text in _texts(prompt, one, outputs, inside, depth + 1)
            )
        case bool() | int() | float():
            yield str(value)


def _gives_text(types: list[Any] | None, slot: float) -> bool:
    if types is None or not -len(types) <= slot < len(types):
        return types is None
    kind = types[int(slot)]
    return isinstance(kind, list) or not {"STRING", "COMBO", "*", "COMFY_MATCHTYPE_V3"}.isdisjoint(
        kind.split(",")
    )


def _made(
    prompt: _Prompt, node_id: str, outputs: Mapping[str, list[Any]], depth: int
) -> Iterator[str]:
    node = prompt[node_id]
    texts = [list(_texts(prompt, value, outputs, True, depth)) for value in node["inputs"].values()]
    yield from itertools.islice((text for some in texts for text in some), MOST_TEXTS)
    if node["class_type"] in JOINERS:
        yield from itertools.islice(
            ("".join(parts) for parts in itertools.product(*texts)), MOST_TEXTS
        )
