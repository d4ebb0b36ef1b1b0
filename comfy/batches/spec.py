"""Specification of a batch: several values of some fields, or a table, on top of the form's values.
Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic import Field as Limited

from comfy.base.errors import ComfyError
from comfy.base.messages import message

MOST_AXES = 20
_MOST_FILES = 1_000
_AS_NAMED = ConfigDict(extra="forbid")  # refuse misspelled names
# Mode of unvaried seeds: the form's, one for all rows, or a new one in each row. The last mode also
# draws alternatives in texts again for each row.
Seeds = Literal["form", "one", "each"]
_NO_SPEC = (
    'Send "axes": [{"field": "5.steps", "text": "10..30:10"}], or "table": '
    '{"name": "values.csv", "text": "Steps,Prompt…"}.'
)


@dataclass(frozen=True, slots=True)
class AxisSpec:
    """Several values of the field with this key, given in one of four ways: a `text` for
    `values_of`; `values`, except files; `files`; or `replace`, lines whose first one is searched in
    the field's own text and replaced by each."""

    __pydantic_config__: ClassVar[ConfigDict] = _AS_NAMED

    field: Annotated[str, Limited(description="The field's key.")]
    text: Annotated[str | None, Limited(description="Values as in the dialog, like 10..30:10.")] = (
        None
    )
    files: Annotated[
        tuple[Any, ...] | None,
        Limited(max_length=_MOST_FILES, description="Files, as in `values`."),
    ] = None
    replace: Annotated[
        str | None,
        Limited(
            description=(
                "Texts, one per line. In the field's text, the first one is replaced by each."
            )
        ),
    ] = None
    values: Annotated[tuple[Any, ...] | None, Limited(description="The values, as JSON.")] = None

    @property
    def is_one(self) -> bool:
        """Tell if the values are given in at most one way."""
        given = (self.text, self.files, self.replace, self.values)
        return sum(one is not None for one in given) <= 1


@dataclass(frozen=True, slots=True)
class TableSpec:
    """Table file with a column per field, see `read_table`: its name, its text, and the files that
    its cells name, see `TableFiles`."""

    __pydantic_config__: ClassVar[ConfigDict] = _AS_NAMED

    name: str
    text: str
    files: Annotated[
        Mapping[str, Any],
        Limited(max_length=_MOST_FILES, description="Files by the names used in cells."),
    ] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BatchSpec:
    """Batch to run: every combination of the values, the first axis changing slowest. If `paired`,
    the first values together, then the second values, and so on."""

    __pydantic_config__: ClassVar[ConfigDict] = _AS_NAMED

    axes: Annotated[tuple[AxisSpec, ...], Limited(max_length=MOST_AXES)] = ()
    table: TableSpec | None = None
    paired: bool = False
    seeds: Seeds = "form"


_SPEC = TypeAdapter(BatchSpec)


class BadSpec(ComfyError):
    """JSON values aren't a batch spec."""


def parse_spec(data: object, read_file: Callable[[str | None, object], object]) -> BatchSpec:
    """Convert JSON values to a spec. Raises BadSpec and the errors of `with_files`."""
    try:
        spec = _SPEC.validate_python(data)
    except ValidationError as problem:
        first = problem.errors(include_url=False, include_input=False)[0]
        raise BadSpec(refusal_of_spec(first)) from None
    return with_files(spec, read_file)


def with_files(
    spec: BatchSpec,
    read_file: Callable[[str | None, object], object],
    media: Collection[str] = (),
) -> BatchSpec:
    """Convert the files of a spec. `read_file` converts the JSON value of a file. Its first
    argument is the key of the file's field, None for a file of the table. The `values` of the
    fields `media` are files too. Raises the errors of `read_file`."""

    def of_axis(axis: AxisSpec) -> AxisSpec:
        if axis.files is None and axis.field in media:
            axis = replace(axis, files=axis.values, values=None)
        files = axis.files
        return replace(axis, files=files and tuple(read_file(axis.field, one) for one in files))

    spec = replace(spec, axes=tuple(map(of_axis, spec.axes)))
    if spec.table is None:
        return spec
    named = {name: read_file(None, one) for name, one in spec.table.files.items()}
    return replace(spec, table=replace(spec.table, files=named))


def refusal_of_spec(error: Mapping[str, Any]) -> str:
    """Return a sentence about pydantic's error in a spec."""
    match error:
        case {"type": "too_long", "loc": (*_, "files"), "ctx": {"max_length": int(most)}}:
            return message("You can add at most {most} files.", most=most)
        case {"type": "too_long", "loc": ("axes",), "ctx": {"max_length": int(most)}}:
            return message(
                "No more than {most} fields can vary at once. Use a table for more.", most=most
            )
    return _NO_SPEC


@dataclass(frozen=True, slots=True)
class BatchProblem:
    """Error of a batch with its position: a field's key, a row's number, a line of the table, or a
    value's index in the field, from 0. None if not applicable. `of_table`: it concerns the whole
    table or one of its columns."""

    message: str
    field: str | None = None
    row: int | None = None
    line: int | None = None
    place: int | None = None
    of_table: bool = False

    def with_place(self, sentence: str) -> str:
        """Prefix `sentence` with the problem's line or row."""
        if self.line is not None:
            return message("Line {line}, {problem}", line=self.line, problem=sentence)
        if self.row is not None:
            return message("Row {row}, {problem}", row=self.row, problem=sentence)
        return sentence
