"""Files: audio, images with or without a painted mask, videos, and any other kind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from comfy.base.messages import message
from comfy.form.candidates import Candidate
from comfy.form.model import Field, FieldKind, FileInput, Fit, Several
from comfy.prompt.value_types import BadValue

_MAX_FILE_NAME = 1_000
_AUDIO = FileInput(media="audio", add=message("Add an audio file."))
_FILE = FileInput(media="", add=message("Add a file."))
_IMAGE = FileInput(media="image", add=message("Add an image."))
_VIDEO = FileInput(media="video", add=message("Add a video."))


def _file_kind(
    name: str,
    file: FileInput,
    fits: Callable[[Candidate], Fit],
) -> FieldKind:
    """Return the kind of a widget that takes one uploaded file."""
    return FieldKind(
        name=name,
        check=_check,
        schema=_schema,
        several=Several.FILES,
        fits=fits,
        input_types=frozenset({"STRING", "COMBO"}),
        file=file,
    )


def _check(field: Field, value: object) -> object:
    if value is None or (isinstance(value, str) and not value.strip()):
        if field.required:
            raise BadValue(field.add_file)
        return None if field.optional else field.default
    if not isinstance(value, str) or len(value) > _MAX_FILE_NAME or not value.isprintable():
        raise BadValue(message("This isn't an uploaded file. Add the file again."))
    return value


def _schema(field: Field) -> dict[str, Any]:
    """Return the schema of the values that `ui/api/values.py` reads."""
    base64 = {"base64": {"type": "string"}, "name": {"type": "string"}}
    result = {"run": {"type": "string"}, "file": {"type": "integer"}}
    empty = [{"type": "null"}] if field.optional else []
    return {
        "anyOf": [
            {"type": "string", "description": "The id of an upload, or a data: URL."},
            {"type": "object", "required": ["base64"], "properties": base64},
            {"type": "object", "required": ["run"], "properties": result},
            *empty,
        ]
    }


def _fits(upload: str, candidate: Candidate) -> Fit:
    return Fit.DECLARED if candidate.upload == upload else Fit.NO


def _image_fit(candidate: Candidate) -> Fit:
    return Fit.NO if _mask_is_read(candidate) else _fits("image", candidate)


def _mask_fit(candidate: Candidate) -> Fit:
    return _fits("image", candidate) if _mask_is_read(candidate) else Fit.NO


def _mask_is_read(candidate: Candidate) -> bool:
    """Return whether an image loader's mask output is connected. Loaders of base64 text don't
    invert it, so users can't paint one."""
    if candidate.spec and candidate.spec.is_base64:
        return False
    types = candidate.node_spec.output_types if candidate.node_spec else ()
    return "IMAGE" in types and any(
        kind == "MASK" and slot in candidate.used_outputs for slot, kind in enumerate(types)
    )


KINDS = (
    _file_kind("audio", _AUDIO, partial(_fits, "audio")),
    _file_kind("file", _FILE, partial(_fits, "file")),
    _file_kind("image", _IMAGE, _image_fit),
    _file_kind("mask", replace(_IMAGE, is_painted=True), _mask_fit),
    _file_kind("video", _VIDEO, partial(_fits, "video")),
)
