"""A batch as a grid: the settings that its image contains, and how they return into a form and the
dialog that varies its values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from comfy.base.errors import BatchNotFound
from comfy.base.messages import message
from comfy.batches.content import BatchContent
from comfy.batches.grids import Grid, GridAxis, GridField, GridSettings
from comfy.batches.queue import BatchTable
from comfy.form.model import Form
from comfy.launch.uploads import KeptUpload
from ui.documents.browser_values import kept, value_text
from ui.documents.group_docs import OpenedAxis, OpenedGrid

_NO_GRID = "This batch isn't a grid, or has too many cells for one."


def grid_of(content: BatchContent, *, swapped: bool = False) -> Grid:
    """Return the grid of a batch. Raises BatchNotFound if it has none."""
    if not content.is_grid:
        raise BatchNotFound(_NO_GRID)
    axes = (GridAxis(one.key, one.label, tuple(map(_text, one.values))) for one in content.axes)
    return Grid(tuple(axes), swapped)


def settings_of(table: BatchTable) -> GridSettings:
    """Return the settings that a batch's image contains."""
    content = table.content
    files = {one.key for one in content.axes if any(map(_is_file, one.values))}
    axes = (
        GridField(one.key, one.label, tuple(map(_text, one.values)), one.find, one.key in files)
        for one in content.axes
    )
    own = {key: kept(value) for key, value in content.base.items() if not _is_file(value)}
    names = {
        key: value.name
        for key, value in content.base.items()
        if isinstance(value, KeptUpload) and key not in files
    }
    # The key of an added file restores its field.
    base = own | dict.fromkeys((*files, *names))
    return GridSettings(table.summary.workflow, table.summary.id, tuple(axes), base, names)


def opened_grid(settings: GridSettings, form: Form) -> OpenedGrid:
    """Return the document of a grid whose batch can't be accessed, for the workflow's form."""
    fields = {field.key: field for field in form.fields if field.group != "hidden"}
    axes = [axis for axis in settings.axes if axis.field in fields]
    files = {key: name for key, name in settings.files.items() if key in fields}
    varied = [axis.field for axis in axes if fields[axis.field].is_media]
    values = {
        key: value
        for key, value in settings.base.items()
        if key in fields and (value is None or not fields[key].is_media)
    }
    errors = {
        key: message("This grid was created with “{file}”. Add that file again.", file=name)
        for key, name in files.items()
    }
    return OpenedGrid(
        batch=None,
        workflow=settings.workflow,
        values=values,
        axes=tuple(
            OpenedAxis(axis.field, () if axis.files else axis.values, axis.find) for axis in axes
        ),
        seeds="each" if _draws(form, settings.base) else "one",
        missing=tuple(fields[key].label for key in (*varied, *files)),
        errors=errors,
    )


def _draws(form: Form, base: Mapping[str, Any]) -> bool:
    """Return whether each cell has its own seed."""
    seeds = (field.key for field in form.fields if field.is_seed)
    return any(key in base and base[key] is None for key in seeds)


def _is_file(value: object) -> bool:
    return isinstance(value, KeptUpload)


def _text(value: object) -> str:
    return "" if value is None else value_text(value)
