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
    Work,
    entries,
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
        match inputs.get(name, []):
            case list():  # missing, or a link
                return {}
            case str(value) if storage.paints or storage.find(value) is not None:
                return {}
            case str(value):
                return {name: f"Invalid {kind} file: {value}"}
            case other:  # the error of the real node
                raise AttributeError(f"'{type(other).__name__}' object has no attribute 'endswith'")

    return check


def file_digest(name: str) -> Callable[[Storage, Inputs], str]:
    """Return a fingerprint function: a loaded file's bytes decide whether the cached result is
    still valid."""

    def of_file(storage: Storage, inputs: Inputs) -> str:
        value = inputs.get(name)
        path = storage.find(value) if isinstance(value, str) else None
        return hashlib.sha256(path.read_bytes()).hexdigest() if path is not None else ""

    return of_file


def loader(name: str, file: str, media: str, load: Work) -> tuple[str, NodeClass]:
    """Return a node class whose input `file` lists the uploaded files of a media type."""

    def describe(storage: Storage) -> NodeInfo:
        entry = entries()[name]
        required = entry["input"]["required"]
        kind, options = required[file]
        files = storage.input_files(media)
        own = [kind, {**options, "options": files}] if kind == "COMBO" else [files, options]
        return {**entry, "input": {**entry["input"], "required": {**required, file: own}}}

    check = existing(file, media)
    return name, NodeClass(describe, load, file_digest(file), check, frozenset({file}))


def _load_video(run: NodeRun, inputs: Inputs) -> NodeResult:
    """Return the file's content without decoding it, or a painted video in its place."""
    if run.storage.paints and run.storage.find(inputs["file"]) is None:
        return NodeResult((VideoFrames(Pan(picture(inputs["file"]), FRAMES), FPS),))
    return _content(run, inputs["file"])


def _load_audio(run: NodeRun, inputs: Inputs) -> NodeResult:
    return _content(run, inputs["audio"])


def _content(run: NodeRun, name: str) -> NodeResult:
    data, file = read(run.storage, name), PurePosixPath(name)
    return NodeResult((MediaFile(data, file.suffix.partition(" ")[0].lower()),))


NODES = [
    loader("LoadVideo", "file", "video", _load_video),
    loader("LoadAudio", "audio", "audio", _load_audio),
]
