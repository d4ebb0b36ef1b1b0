"""Nodes that load video and audio, and helpers for all nodes that load files."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import PurePosixPath

from comfyui_standin.anything.paintings import FPS, FRAMES, painting, picture
from comfyui_standin.nodes.base import (
    Inputs,
    MediaFile,
    NodeClass,
    NodeFailure,
    NodeInfo,
    NodeResult,
    NodeRun,
    VideoFrames,
    spec,
    v3_node_info,
)
from comfyui_standin.nodes.motion import Pan
from comfyui_standin.storage import Storage


def read(storage: Storage, name: str) -> bytes:
    """Return the content of the file with this name, or a painting in its place if the storage
    paints. Raises NodeFailure if it doesn't exist."""
    path = storage.find(name)
    if path is None and not storage.paints:
        raise NodeFailure(f"There is no file {name}.")
    return path.read_bytes() if path else painting(name)


def existing(name: str, kind: str) -> Callable[[Storage, Inputs], Mapping[str, str]]:
    """Return a validator for a node whose input `name` is a file name. The file may be in any
    folder, even if the input's list lacks it."""

    def check(storage: Storage, inputs: Inputs) -> Mapping[str, str]:
        value = inputs.get(name)
        if isinstance(value, str) and not storage.paints and storage.find(value) is None:
            return {name: f"Invalid {kind} file: {value}"}
        return {}

    return check


def file_digest(name: str) -> Callable[[Storage, Inputs], str]:
    """Return a fingerprint function: a loaded file's bytes decide whether the cached result is
    still valid."""

    def of_file(storage: Storage, inputs: Inputs) -> str:
        value = inputs.get(name)
        path = storage.find(value) if isinstance(value, str) else None
        return hashlib.sha256(path.read_bytes()).hexdigest() if path is not None else ""

    return of_file


def _loader(title: str, name: str, kind: str, essentials: str) -> tuple[str, NodeClass]:
    class_type = title.replace(" ", "")

    def describe(storage: Storage) -> NodeInfo:
        files = spec(
            "COMBO",
            multiselect=False,
            options=storage.input_files(kind),
            **{f"{kind}_upload": True},
        )
        return v3_node_info(
            class_type,
            title,
            kind,
            module=f"nodes_{kind}",
            required={name: files},
            outputs=[kind.upper()],
            essentials=essentials,
            aliases=[],
        )

    def load(run: NodeRun, inputs: Inputs) -> NodeResult:
        """Return the file's content without decoding it."""
        if kind == "video" and run.storage.paints and run.storage.find(inputs[name]) is None:
            return NodeResult((VideoFrames(Pan(picture(inputs[name]), FRAMES), FPS),))
        data, file = read(run.storage, inputs[name]), PurePosixPath(inputs[name])
        return NodeResult((MediaFile(data, file.suffix.partition(" ")[0].lower()),))

    work = NodeClass(describe, load, file_digest(name), existing(name, kind), frozenset({name}))
    return class_type, work


NODES = [
    _loader("Load Video", "file", "video", "Basics"),
    _loader("Load Audio", "audio", "audio", "Audio"),
]
