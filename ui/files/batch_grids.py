"""A batch as a grid: what its image carries, and how that is put back into a form and the dialog
that varies its values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from comfy.batches.content import BatchContent
from comfy.batches.grid import Grid, GridAxis
from comfy.batches.grid_settings import GridField, GridSettings
from comfy.errors import BatchNotFound
from comfy.form.model import Field, Form
from comfy.messages import message
from comfy.services.batch_queue import BatchQueue, BatchTable
from comfy.services.uploads import KeptUpload
from ui.files.components import shown_file
from ui.files.copies import FileCopies
from ui.view.browser_values import kept, value_text

_NO_GRID = message("This batch isn't a grid, or has too many cells for one.")


def grid_of(content: BatchContent, *, swapped: bool = False) -> Grid:
    """The grid of a batch; BatchNotFound where it is none."""
    if not content.is_grid:
        raise BatchNotFound(_NO_GRID)
    axes = (GridAxis(one.key, one.label, tuple(map(_text, one.values))) for one in content.axes)
    return Grid(tuple(axes), swapped)


def settings_of(table: BatchTable) -> GridSettings:
    """What the image of a batch carries."""
    content = table.content
    files = {one.key for one in content.axes if any(map(_is_file, one.values))}
    axes = (
        GridField(one.key, one.label, tuple(map(_text, one.values)), one.find, one.key in files)
        for one in content.axes
    )
    base = {key: kept(value) for key, value in content.base.items() if not _is_file(value)}
    return GridSettings(table.summary.workflow, table.summary.id, tuple(axes), base)


@dataclass(frozen=True, slots=True)
class OpenedGrid:
    """A grid that somebody brings, for their own form."""

    batches: BatchQueue
    copies: FileCopies
    owner: str

    def told(self, settings: GridSettings, form: Form) -> dict[str, Any]:
        """As the page's script takes it: the values of the form as it keeps them, what varies, and
        the labels of fields whose files are not here. Files are there for whoever made the grid."""
        content = self._content(settings.batch)
        fields = {field.key: field for field in form.fields if field.group != "hidden"}
        base = {
            key: value
            for key, value in settings.base.items()
            if key in fields and not fields[key].is_media
        }
        varied = {one.field for one in settings.axes}
        files = dict(self._base_files(content, fields, varied))
        axes = [
            self._axis(one, fields[one.field], content)
            for one in settings.axes
            if one.field in fields
        ]
        missing = [
            fields[one["field"]].label
            for one in axes
            if fields[one["field"]].is_media and not one["files"]
        ]
        return {
            "workflow": settings.workflow,
            "values": base | files,
            "axes": axes,
            "seeds": "each" if self._draws(form, settings.base) else "one",
            "missing": missing,
        }

    def _content(self, batch: str) -> BatchContent | None:
        try:
            return self.batches.table(batch, self.owner).content
        except BatchNotFound:
            return None

    def _draws(self, form: Form, base: Mapping[str, Any]) -> bool:
        """Whether a seed is another one in each cell."""
        seeds = (field.key for field in form.fields if field.widget == "seed")
        return any(key in base and base[key] is None for key in seeds)

    def _base_files(
        self, content: BatchContent | None, fields: Mapping[str, Field], varied: set[str]
    ) -> Iterator[tuple[str, Any]]:
        for key, value in (content.base if content else {}).items():
            if isinstance(value, KeptUpload) and key in fields and key not in varied:
                held = self.copies.given_value(value, self.owner)
                if held["file"] is not None:
                    yield key, held

    def _axis(self, axis: GridField, field: Field, content: BatchContent | None) -> dict[str, Any]:
        columns = content.axes if content else ()
        values = next((one.values for one in columns if one.key == axis.field), ())
        places = (
            self.copies.of_kept(one.digest, one.name, self.owner)
            for one in values
            if isinstance(one, KeptUpload)
        )
        files = [shown_file("", place, 0) for place in places if place is not None]
        return {
            "field": field.key,
            "values": [] if axis.files else axis.values,
            "find": axis.find,
            "files": files,
        }


def _is_file(value: object) -> bool:
    return isinstance(value, KeptUpload)


def _text(value: object) -> str:
    return "" if value is None else value_text(value)
