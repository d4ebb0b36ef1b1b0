"""Documents of batches, their rows, and chains. The page, REST, events, webhooks and Gradio's
endpoints send them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from comfy.batches.content import BatchContent
from comfy.batches.open_batch import BatchSummary, RowState
from comfy.batches.spec import BatchProblem
from comfy.chains.open_chain import ChainPhase, ChainSummary, StepSummary
from comfy.comfyui.protocol.result_types import FileKind
from comfy.records.record import Record
from ui.documents.browser_values import value_text
from ui.documents.history_docs import run_tile
from ui.documents.run_doc import RunDoc
from ui.web.responses import API


def inherited(kind: type[Any], value: object) -> dict[str, Any]:
    """Return the values that `value` has for the fields of the dataclass `kind`."""
    return {one.name: getattr(value, one.name) for one in fields(kind)}


@dataclass(frozen=True, slots=True)
class ColumnDoc:
    """A varied field."""

    key: str
    label: str


@dataclass(frozen=True, slots=True)
class AxisDoc(ColumnDoc):
    """A varied field and its `values`."""

    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ShownBatch:
    """The page's part of a batch. `columns`: the varied fields. `axes`: only for a grid, null for
    other batches. `paired`: the first values of all fields form a row, then the second ones, and so
    on. `seconds_left`: null while unknown."""

    columns: tuple[ColumnDoc, ...]
    axes: tuple[AxisDoc, ...] | None
    paired: bool
    seconds_left: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchDoc(BatchSummary):
    """A batch. `done` and `failed` count its finished `rows`. `why`: the reason it is paused or
    waiting, as a message. `varied`: the labels of the varied fields. `first_values`: their first
    values, shortened. `created_at`: in seconds since 1970. `page`: null unless requested."""

    finished: bool = field()  # no default, which would be the property of the same name
    url: str
    page: ShownBatch | None = None


@dataclass(frozen=True, slots=True)
class BatchPage:
    """A page of a list of batches. `next`: the `cursor` of the next page, null on the last."""

    batches: tuple[BatchDoc, ...]
    next: str | None


@dataclass(frozen=True, slots=True)
class ShownRow:
    """A row as the page shows it. `run`: the id of its run, or empty. `cells`: a text for each
    column. `unset`: the positions of cells that the table leaves at the form's value. `thumb`: the
    address of its result's thumbnail, and `color` its average color. `kind`: the first file's kind,
    "text" or empty, with an `icon`. `more`: the number of further results. `text`: the beginning of
    its text result. `detail`: technical details of its error."""

    run: str
    cells: tuple[str, ...]
    unset: tuple[int, ...]
    thumb: str | None
    color: str | None
    kind: FileKind | Literal["text", ""]
    icon: str
    more: int
    text: str
    detail: str


@dataclass(frozen=True, slots=True)
class RowDoc:
    """A row of a batch: its `number` in the table and its position in the batch (`index`, from 0).
    `values`: its varied values, by field key. A text that several axes change is complete. An empty
    cell has the form's value. Drawn values are left out. `error`: why it failed, with a `hint`.
    `run`: null if there isn't one, or with `page`, which only the page requests."""

    number: int
    index: int
    state: RowState
    values: Mapping[str, str]
    error: str
    hint: str
    run: RunDoc | None
    page: ShownRow | None = None


@dataclass(frozen=True, slots=True)
class RowPage:
    """A page of rows, out of `total`. `next`: as in other lists."""

    total: int
    rows: tuple[RowDoc, ...]
    next: str | None


@dataclass(frozen=True, slots=True)
class GridAxisDoc(ColumnDoc):
    """An axis of a grid: its `values`, each as a short label and the whole value."""

    values: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class GridDoc:
    """The cells of a page of a grid, column by column, with its axes: columns, lines, pages. `mark`
    identifies the batch's state. An answer to an earlier mark has no axes, and only the cells that
    may have changed."""

    axes: tuple[GridAxisDoc, ...] | None
    mark: str
    cells: tuple[RowDoc, ...]


@dataclass(frozen=True, slots=True)
class OpenedAxis:
    """A varied field of an opened grid: its key (`field`) and its `values` as text, none if they
    are files. `find`: the words that each value replaces, or empty."""

    field: str
    values: tuple[str, ...]
    find: str


@dataclass(frozen=True, slots=True)
class OpenedGrid:
    """A grid opened from its image. `batch`: its batch's id, with the other values empty; null if
    you can't access it. `values`: for the form of the `workflow`, in the browser's format. `axes`:
    the varied fields. `seeds`: one for all cells, or a new one for each. `missing`: labels of
    fields whose files are missing. `errors`: a message about each missing file, by the key of a
    field that doesn't vary."""

    batch: str | None
    workflow: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    axes: tuple[OpenedAxis, ...] = ()
    seeds: Literal["one", "each"] = "one"
    missing: tuple[str, ...] = ()
    errors: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BatchCheckDoc:
    """An estimate of a batch. `seconds` and `bytes` for all `rows`: null while unknown. It also has
    the varied fields, the keys of the fields in its `table`, the first `problems`, and the number
    of problems left out (`more`). `runs_left`: how many runs you may start
    in 24 hours, null without a limit."""

    rows: int
    seconds: float | None
    bytes: float | None
    columns: tuple[ColumnDoc, ...]
    table: tuple[str, ...]
    problems: tuple[BatchProblem, ...]
    more: int
    runs_left: int | None


def batch_doc(summary: BatchSummary, root: str = "") -> BatchDoc:
    """Return the document of a batch. `root`: the app's path below its host."""
    url = f"{root}{API}/batches/{summary.id}"
    parts = inherited(BatchSummary, summary)
    return BatchDoc(**parts, finished=summary.finished, url=url)


def shown_batch(content: BatchContent, seconds_left: float | None) -> ShownBatch:
    """Return the parts of a batch that only the page shows."""
    axes = tuple(
        AxisDoc(axis.key, axis.label, tuple(map(cell_text, axis.values))) for axis in content.axes
    )
    columns = tuple(ColumnDoc(column.key, column.label) for column in content.shown)
    return ShownBatch(columns, axes if content.is_grid else None, content.paired, seconds_left)


def cell_text(value: object) -> str:
    return "" if value is None else value_text(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class StepDoc(StepSummary):
    """A step of a chain. `runs`: the number of its runs, 0 while unknown. `done`: how many of them
    succeeded. `live`: ids of unfinished runs. `ended`: ids of the other runs. `results`: the ended
    runs, null in a list of chains. `same`: it ran again with the same result. `why`: the reason it
    failed, with a `hint`. `errors`: by field key."""

    results: tuple[RunDoc, ...] | None = None


@dataclass(frozen=True, slots=True)
class StepResult:
    """A step's result on the page: the id of its `run`, the address of a thumbnail (`thumb`), and
    its `text` result, or empty."""

    run: str
    thumb: str | None
    text: str


@dataclass(frozen=True, slots=True)
class ShownChain:
    """The page's part of a chain: `results` by step name."""

    results: Mapping[str, StepResult]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainDoc:
    """A chain and its steps. `why`: the reason it failed, if no step has it. `created_at`: in
    seconds since 1970. `seconds`: how long it ran, once it has ended. `seeds`: the seeds of its
    form in digits, when it is started or continued. `page`: null outside of the page's socket."""

    id: str
    workflow: str
    title: str
    state: ChainPhase
    created_at: float
    why: str = ""
    seconds: float | None = None
    steps: tuple[StepDoc, ...] = ()
    finished: bool
    url: str
    seeds: Mapping[str, str] = field(default_factory=dict)
    page: ShownChain | None = None


@dataclass(frozen=True, slots=True)
class ChainPage:
    """A page of a list of chains. `next`: the `cursor` of the next page, null on the last."""

    chains: tuple[ChainDoc, ...]
    next: str | None


@dataclass(frozen=True, slots=True)
class NewChain:
    """A chain created from a run. `values`: its creator's own files for its form, by key."""

    name: str
    values: Mapping[str, Any]


def chain_doc(
    summary: ChainSummary, root: str = "", results: Mapping[str, tuple[RunDoc, ...]] | None = None
) -> ChainDoc:
    """Return the document of a chain. `root`: the app's path below its host. `results`: the ended
    runs by step name."""
    steps = tuple(
        StepDoc(**inherited(StepSummary, step), results=results[step.name] if results else None)
        for step in summary.steps
    )
    url = f"{root}{API}/chains/{summary.id}"
    return ChainDoc(
        id=summary.id,
        workflow=summary.workflow,
        title=summary.title,
        state=summary.state,
        created_at=summary.created_at,
        steps=steps,
        why=summary.why,
        seconds=summary.seconds,
        finished=summary.finished,
        url=url,
    )


def shown_chain(summary: ChainSummary) -> ShownChain:
    """Return the parts of a chain that only the page shows."""
    return ShownChain(dict(_results(summary.results)))


def _results(records: Mapping[str, Record]) -> Iterator[tuple[str, StepResult]]:
    for name, record in records.items():
        past = run_tile(record)
        yield name, StepResult(record.id, past.thumb, past.what if past.kind == "text" else "")
