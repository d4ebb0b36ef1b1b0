"""Rows of a batch: find and describe them, and download their results as an archive or a table."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Annotated, Any, Self

from fastapi import Depends, HTTPException, Query
from fastapi.responses import StreamingResponse
from zipstream import ZIP_STORED, ZipStream

from comfy.base.errors import BatchNotFound, ComfyError, RunNotFound
from comfy.base.messages import listed, message
from comfy.batches.content import Column
from comfy.batches.open_batch import RowState
from comfy.batches.queue import BatchQueue, BatchTable
from comfy.batches.values import ENCODING, RowOutcome, table_head, table_line
from comfy.comfyui.protocol.run_state import Phase
from comfy.form.check import check as check_values
from comfy.form.fill import drawn_texts
from comfy.form.model import Form
from comfy.form.seeds import CountUp
from comfy.prompt.wildcards import has_alternatives
from comfy.records.record import Record
from comfy.records.rows import WantedOfGroups
from ui.api.runs import NumberCursor, Runs
from ui.documents.browser_values import value_text
from ui.documents.group_docs import RowDoc, RowPage, ShownRow, cell_text
from ui.documents.headlines import HEADLINES
from ui.documents.history_docs import FormValues, run_tile
from ui.documents.output_roles import main_texts
from ui.documents.run_doc import OF_ALL, pattern_name, problem_of, unknown_part
from ui.files.result_files import ResultFiles, as_file, saved_places, zip_download
from ui.languages.current import translated
from ui.web.access import Access, GuardedRoutes, Owner
from ui.web.responses import BINARY, AsciiJSON

_PAGE = 100  # rows per request
_MOST_ROWS = 200
_SEARCH_LENGTH = 200  # characters
_TEXT = 2_000  # characters of a row's text result
_AT_ONCE = 100  # records in memory
_LINES_AT_ONCE = 50
_PATTERN = "{row}-{workflow}-{seed}"
_TABLE = "results.csv"


def rows_api(batches: BatchQueue, runs: Runs) -> GuardedRoutes:
    """Return `GET /batches/{batch_id}/rows` and `GET /batches/{batch_id}/rows/{index}/values`."""
    routes = GuardedRoutes(tags=["Batches"])

    @routes.get("/batches/{batch_id}/rows", Access.OWNER, response_model=RowPage)
    def list_batch_rows(  # noqa: PLR0913 - options by name
        batch_id: str,
        *,
        state: RowState | None = None,
        search: Annotated[str, Query(max_length=_SEARCH_LENGTH)] = "",
        cursor: NumberCursor = "",
        limit: Annotated[int, Query(ge=1, le=_MOST_ROWS)] = _PAGE,
        skip: Annotated[int, Query(ge=0)] = 0,
        with_page: bool = False,
        owner: Owner,
    ) -> AsciiJSON:
        """Return a batch's rows with their runs.

        `next` is the `cursor` of the next page, null on the last. `skip` leaves out the page's
        first rows: the app's page doesn't know the cursor of every place that a user scrolls to.
        With `with_page=true`, which that page sends, `page` has what it shows, and `run` is null.
        """
        batch = BatchRowDocs.of(runs, batches.table(batch_id, owner), owner)
        places = batch.places(state, search)
        rest = [at for at in places if at >= int(cursor or 0)][skip:]
        some, more = rest[:limit], str(rest[limit]) if limit < len(rest) else None
        documents = batch.shown(some) if with_page else batch.with_runs(some)
        return AsciiJSON(RowPage(len(places), tuple(documents), more))

    @routes.get("/batches/{batch_id}/rows/{index}/values", Access.OWNER, response_model=FormValues)
    def get_batch_row_values(batch_id: str, index: int, owner: Owner) -> AsciiJSON:
        """Return the values that fill in a form as for this row.

        The row needs no run. Values that are drawn for a run aren't drawn here. Files are copied
        for you.
        """
        table = batches.table(batch_id, owner)
        if not 0 <= index < len(table.content):
            raise BatchNotFound("This row doesn't exist.")
        workflow, given = table.summary.workflow, table.content[index].values
        _, form = runs.forms.form(workflow, owner, given)
        clean, _ = check_values(form, given)
        row_values = {key: clean.get(key, value) for key, value in given.items()}
        kept = runs.presenter.ends.copies.given_values(row_values, owner)
        return AsciiJSON(FormValues(workflow, kept))

    return routes


@dataclass(frozen=True, slots=True)
class BatchRowDocs:
    """Builder of the documents of a batch's rows. `labels`: the labels of choices, by field key and
    value."""

    runs: Runs
    table: BatchTable
    owner: str
    labels: Mapping[tuple[str, str], str]

    @classmethod
    def of(cls, runs: Runs, table: BatchTable, owner: str) -> Self:
        """Take the labels from the workflow's form, if it is known."""
        forms, content = runs.forms, table.content
        form = forms.known_form(table.summary.workflow, owner, content.base)
        labels = {
            (field.key, cell_text(value)): label
            for field in (form.fields if form else ())
            for label, value in field.choices or ()
        }
        return cls(runs, table, owner, labels)

    def places(self, state: RowState | None, search: str) -> Sequence[int]:
        """Return the positions of the rows in a state, or in any, that match a search. It matches
        values, labels of choices, and the rows' text results."""
        wanted = search.casefold()
        every = range(len(self.table.content))
        some = [at for at in every if state in (None, self._state(at))] if state else every
        if not wanted:
            return some
        run_ids, states = self._saying(wanted), self.table.states
        return [
            at
            for at in some
            if any(wanted in text.casefold() for text in self._texts(at))
            or (run_ids and states.run(at) in run_ids)
        ]

    def _saying(self, wanted: str) -> set[str]:
        """Return the ids of the runs whose text results contain this text. Stops early if the
        newest matching runs have no text results."""
        history, run_ids, last = self.runs.registry.history, set[str](), ""
        which = WantedOfGroups(text=wanted, groups=(self.table.summary.id,))
        while some := history.of(self.owner, which, before=last, limit=_AT_ONCE):
            texts_by_run = {
                one.id: [made.text.casefold() for made in one.state.texts] for one in some
            }
            if not last and not any(texts_by_run.values()):
                break
            run_ids |= {
                run for run, texts in texts_by_run.items() if any(wanted in one for one in texts)
            }
            last = some[-1].id
        return run_ids

    def _cells(self, index: int) -> Iterator[str]:
        """Yield the text of each column; empty for a drawn value."""
        return (self.labels.get(cell, cell[1]) for cell in self._sent(index))

    def _sent(self, index: int) -> Iterator[tuple[str, str]]:
        columns, cells = self.table.content.shown, self.table.content.cells(index)
        for column, value in zip(columns, cells, strict=True):
            yield column.key, cell_text(value)

    def _texts(self, index: int) -> Iterator[str]:
        for cell in self._sent(index):
            yield cell[1]
            if cell in self.labels:
                yield self.labels[cell]

    def _state(self, index: int) -> RowState:
        run = self.table.states.live.get(index)
        if run is None:
            return self.table.states[index]
        try:
            waits = self.runs.registry.get(run, self.owner).state.phase is Phase.WAITING
        except ComfyError:  # it has just ended
            waits = False
        return "waiting" if waits else "running"

    def with_runs(self, places: Sequence[int]) -> Iterator[RowDoc]:
        """Yield the documents of these rows, with their runs."""
        for index, record in self._records(places):
            row = self._row(index, record)
            yield replace(row, run=self.runs.listed(record)) if record is not None else row

    def shown(self, places: Sequence[int]) -> Iterator[RowDoc]:
        """Yield the documents of these rows, as the page shows them."""
        for index, record in self._records(places):
            row = self._row(index, record)
            yield replace(row, page=self._shown(index, row.state, record))

    def _row(self, index: int, record: Record | None) -> RowDoc:
        state, row_error = self._state(index), self.table.states.error(index)
        problem = problem_of(record) if record is not None else None
        error = row_error or (problem.message if problem and state != "waiting" else "")
        if record is not None and state == "failed":
            error = row_error or _why_failed(record)
        return RowDoc(
            number=self.table.content.number(index),
            index=index,
            state=state,
            values={key: value_text(one) for key, one in self.table.content.varied(index).items()},
            error=error,
            hint=problem.hint if problem and state != "waiting" and not row_error else "",
            run=None,
        )

    def _shown(self, index: int, state: RowState, record: Record | None) -> ShownRow:
        blobs = self.runs.registry.history.files
        past = run_tile(record, blobs=blobs) if record and state == "done" else None
        texts = main_texts(record) if record is not None else []
        problem = record.state.error if record is not None and state == "failed" else None
        is_own = not self.table.states.error(index)  # otherwise the run before it failed
        return ShownRow(
            run=record.id if record is not None else self.table.states.live.get(index, ""),
            cells=tuple(self._cells(index)),
            unset=tuple(self.table.content.unset(index)),
            thumb=past.thumb if past is not None else None,
            color=past.color if past is not None else None,
            kind=past.kind if past is not None else "",
            icon=past.icon if past is not None else "",
            more=past.results - 1 if past is not None and past.thumb and not past.clip else 0,
            text=texts[0][:_TEXT] if texts and past and past.kind == "text" else "",
            detail=problem.detail if problem and is_own else "",
        )

    def _records(self, places: Sequence[int]) -> Iterator[tuple[int, Record | None]]:
        """Yield these rows' positions with the records of their runs."""
        runs, states, live = self.runs.registry, self.table.states, self.table.states.live
        run_ids = ((index, live.get(index) or states.run(index)) for index in places)
        for index, stored in runs.history.each(run_ids, self.owner):
            record = stored
            with suppress(RunNotFound):  # it has just ended
                if index in live:
                    record = runs.record(live[index], self.owner)
            yield index, record


def _why_failed(record: Record) -> str:
    """Return why a row's run failed, as a message."""
    problem = problem_of(record)
    return problem.message if problem is not None else HEADLINES[record.state.phase]


def download_of(media_type: str) -> dict[str, Any]:
    """Return the OpenAPI settings of a route that answers with a file."""
    content = {media_type: BINARY}
    return {
        "response_class": StreamingResponse,
        "responses": {200: {"description": "The file.", "content": content}},
    }


def results_api(batches: BatchQueue, runs: Runs, files: ResultFiles) -> GuardedRoutes:
    """Return `GET /batches/{batch_id}/results.zip` and `results.csv`."""
    routes = GuardedRoutes("/batches/{batch_id}", tags=["Batches"])

    def own(batch_id: str, owner: Owner) -> BatchResults:
        return BatchResults(runs, files, batches.table(batch_id, owner), owner)

    @routes.get("/results.zip", Access.OWN_FILE, audit="download", **download_of("application/zip"))
    def get_batch_archive(
        pattern: str = Query(_PATTERN, max_length=200), results: BatchResults = Depends(own)
    ) -> StreamingResponse:
        """Return all results as a ZIP with a table; `pattern` names the files."""
        results.check(pattern)
        return zip_download(results.archive(pattern), results.table.summary.title)

    @routes.get("/results.csv", Access.OWN_FILE, audit="download", **download_of("text/csv"))
    def get_batch_table(results: BatchResults = Depends(own)) -> StreamingResponse:
        """Return the values and files of each row as CSV."""
        return StreamingResponse(
            results.lines(),
            media_type="text/csv; charset=utf-8",
            headers=as_file(f"{results.table.summary.title}.csv"),
        )

    return routes


@dataclass(frozen=True)
class BatchResults:
    """The available results of one batch."""

    runs: Runs
    files: ResultFiles
    table: BatchTable
    owner: str

    def check(self, pattern: str) -> None:
        """Raise HTTPException for an unknown name in braces."""
        names = {name: None for one in self.table.content.shown for name in _names(one)}
        if unknown := unknown_part(pattern, names):
            raise HTTPException(
                422,
                message(
                    "File names can't contain {name}. Use any of these: {names}.",
                    name=unknown,
                    names=listed(f"{{{one}}}" for one in (*OF_ALL, *names)),
                ),
            )

    def archive(self, pattern: str) -> Iterator[bytes]:
        """Yield a ZIP of all results and their table while creating it."""
        bundle, used = ZipStream(compress_type=ZIP_STORED), {_TABLE}
        lines = [self._head()]
        width = len(str(len(self.table.content)))
        for index, record in self._records():
            names, varied = [], self._varied(index)
            for file_index in saved_places(record) if record is not None else ():
                assert record is not None
                row = str(self.table.content.number(index)).zfill(width)
                name = _unused(pattern_name(pattern, record, file_index, row, varied), used)
                if (yield from self.files.pack(bundle, record, file_index, name)):
                    names.append(name)
                    used.add(name)
            lines.append(self._line(index, record, names))
        bundle.add("".join(lines).encode(ENCODING, "replace"), _TABLE)
        yield from bundle.finalize()

    def lines(self) -> Iterator[bytes]:
        """Yield the table, several lines at a time, because sending a piece costs more than
        creating its lines. Files have the names that ComfyUI gave them."""
        yield self._head().encode(ENCODING, "replace")
        lines = []
        for index, record in self._records():
            places = saved_places(record) if record is not None else ()
            names = [record.state.files[at].name for at in places] if record else []
            lines.append(self._line(index, record, names))
            if len(lines) == _LINES_AT_ONCE:
                yield "".join(lines).encode("utf-8", "replace")
                lines = []
        yield "".join(lines).encode("utf-8", "replace")

    def _records(self) -> Iterator[tuple[int, Record | None]]:
        places, run_of = range(len(self.table.content)), self.table.states.run
        history = self.runs.registry.history
        return history.each(((index, run_of(index)) for index in places), self.owner)

    def _varied(self, index: int) -> dict[str, str]:
        """Return a row's varied values, by key and by label. Values that change the same text are
        joined."""
        texts: dict[str, list[str]] = {}
        cells = zip(self.table.content.shown, self.table.content.cells(index), strict=True)
        for column, cell in cells:
            for name in dict.fromkeys(_names(column)):
                texts.setdefault(name, []).append("" if cell is None else str(cell))
        return {name: " ".join(some) for name, some in texts.items()}

    @cached_property
    def _keys(self) -> list[str]:
        """Return the keys of varied values, and of seeds and texts that are drawn for each row."""
        drawn = (
            key
            for key, value in self.table.content.base.items()
            if value is None
            or isinstance(value, CountUp)
            or (isinstance(value, str) and has_alternatives(value))
        )
        return list(dict.fromkeys([*(one.key for one in self.table.content.shown), *drawn]))

    @cached_property
    def _form(self) -> Form | None:
        """Return the workflow's form; None if it or its server is gone."""
        workflow, base = self.table.summary.workflow, self.table.content.base
        return self.runs.forms.known_form(workflow, self.owner, base)

    @cached_property
    def _drawn(self) -> Collection[str]:
        return drawn_texts(self._form) if self._form else ()

    def _head(self) -> str:
        labels = {field.key: field.label for field in self._form.fields} if self._form else {}
        labels |= {one.key: one.label for one in self.table.content.shown}
        return table_head(translated(labels.get(key, key)) for key in self._keys)

    def _line(self, index: int, record: Record | None, names: list[str]) -> str:
        row, own_error = self.table.content[index], self.table.states.error(index)
        error = own_error
        phase = record.state.phase if record is not None else Phase.WAITING
        if record is not None and not error and phase.finished:
            error = "" if phase is Phase.DONE and not problem_of(record) else _why_failed(record)
        problems = [translated(error)] if error else []
        outcome = RowOutcome(names, problems, bool(own_error))
        return table_line(row, record, outcome, self._keys, self._drawn)


def _names(column: Column) -> tuple[str, str]:
    return column.key, translated(column.label)


def _unused(name: str, used: set[str]) -> str:
    """Return the name, with a number if another file already uses it."""
    stem, dot, ending = name.rpartition(".")
    number, free = 1, name
    while free in used:
        number += 1
        free = f"{stem}-{number}{dot}{ending}" if dot else f"{name}-{number}"
    return free
