"""Settings in a grid's image that open the grid again: the workflow's name, the form's values, file
names without files, and the varied fields. No URL, no path."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from io import BytesIO
from typing import Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError

from comfy.base.errors import ComfyError
from comfy.base.json_values import NotJson, TooDeep, read_json
from comfy.base.messages import message
from comfy.media.png import PNG_SIGNATURE, read_png
from comfy.media.reader import DamagedFile, Reader, Text

KEYWORD = "comfyforms_grid"
_MOST_TEXT = 4_000_000  # characters
_MOST_VALUES = 10_000
_MOST_FIELDS = 1_000
_Word = Annotated[str, Field(max_length=200_000)]
_Name = Annotated[str, Field(max_length=1_000)]


@dataclass(frozen=True, slots=True)
class GridField:
    """Varied field, by its key and label, with its values as text; `files`: the values are file
    names. `find`: the words that each value replaces."""

    field: _Name
    label: _Name
    values: Annotated[tuple[_Word, ...], Field(max_length=_MOST_VALUES)]
    find: _Word = ""
    files: bool = False


@dataclass(frozen=True, slots=True)
class GridSettings:
    """Settings of a grid. `batch`: its id, for its owner; `base`: values by field key in the
    browser's format; `files`: the names of unvaried files, also by field key."""

    workflow: _Name
    batch: _Name
    axes: Annotated[tuple[GridField, ...], Field(min_length=1, max_length=3)]
    base: Annotated[Mapping[str, Any], Field(max_length=_MOST_FIELDS)] = field(default_factory=dict)
    files: Annotated[Mapping[str, _Name], Field(max_length=_MOST_FIELDS)] = field(
        default_factory=dict
    )


_SETTINGS = TypeAdapter(GridSettings)


def settings_text(settings: GridSettings) -> str:
    """Return the settings as a PNG text, under KEYWORD."""
    return json.dumps(asdict(settings), separators=(",", ":"))


def settings_in(data: bytes) -> GridSettings:
    """Return the settings at the beginning of a PNG. Raises only ComfyError, for any bytes."""
    text = next((one.text for one in _texts(data) if one.key == KEYWORD), None)
    if text is None:
        raise ComfyError(
            message("This image doesn't contain a grid."),
            message("Use the original file: editing usually removes the workflow from it."),
        )
    try:
        if len(text) > _MOST_TEXT:
            raise TooDeep  # noqa: TRY301 - the same error for all other content
        return _SETTINGS.validate_python(read_json(text))
    except (NotJson, TooDeep, ValidationError):
        raise ComfyError(
            message("The grid in this image can't be read."),
            message("It may be damaged, or from a newer version of ComfyForms."),
        ) from None


def _texts(data: bytes) -> list[Text]:
    texts: list[Text] = []
    if not data.startswith(PNG_SIGNATURE):
        return texts
    try:
        texts.extend(read_png(Reader(BytesIO(data))))
    except DamagedFile:  # cut off, but the texts before the image data are complete
        return texts
    return texts
