"""A batch as the page's script describes it, with the files that it names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from pydantic import TypeAdapter, ValidationError

from comfy.base.errors import ComfyError
from comfy.base.messages import message
from comfy.batches.spec import AxisSpec, BatchSpec, TableSpec, why_too_large
from comfy.form.model import Field, Form
from comfy.launch.uploads import Refused
from ui.documents.browser_values import places_kept
from ui.files.components import Painted, place_in
from ui.files.field_files import FieldFiles

_SPEC = TypeAdapter(BatchSpec)
# For which field a file of a table is, its rows say: there each is judged again.
TABLE_FILE = Field("", "", "", "", "", "file", "main", "")


def batch_of(told: object, form: Form, files: FieldFiles) -> BatchSpec:
    """The batch in JSON values of a browser, its files as this person's fields take them.
    ComfyError where it is none."""
    try:
        spec = _SPEC.validate_python(told)
    except ValidationError as problem:
        if said := why_too_large(problem):
            raise ComfyError(said) from None
        raise ComfyError(
            message("These values can't be read."), message("Reload the page and try again.")
        ) from None
    fields = {field.key: field for field in form.fields}
    axes = (_with_files(axis, fields.get(axis.field), files) for axis in spec.axes)
    return replace(spec, axes=tuple(axes), table=_table(spec.table, files))


def _table(table: TableSpec | None, files: FieldFiles) -> TableSpec | None:
    if table is None:
        return None
    named = zip(table.files, _files(tuple(table.files.values()), TABLE_FILE, files), strict=True)
    return replace(table, files=dict(named))


def _with_files(axis: AxisSpec, field: Field | None, files: FieldFiles) -> AxisSpec:
    if axis.files is None or field is None or not field.is_media:
        return axis
    return replace(axis, files=tuple(_files(axis.files, field, files)))


def _files(told: tuple[object, ...], field: Field, files: FieldFiles) -> Iterator[object]:
    for one in told:
        places = tuple(str(place) for place in _places(one))
        match places:
            case (image, *layers) if layers:
                taken = files.taken(Painted(image, tuple(layers)), field)
            case _:
                taken = files.taken("".join(places), field)
        match taken, one:
            case Refused() as refused, {"orig_name": str(name)}:
                yield replace(refused, name=name)
            case _:
                yield taken


def _places(told: object) -> tuple[object, ...]:
    """Of a file as a component gives it back, or as the browser keeps it: its own place, then its
    mask's."""
    match told:
        case str():
            return (told,)
        case Mapping() if place := place_in(told):
            return (place,)
    return places_kept(told)
