"""Rows of a batch: find and describe them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Annotated, Self

from fastapi import Depends, Query

from comfy.base.errors import BatchNotFound, ComfyError, RunNotFound
from comfy.batches.queue import BatchQueue, BatchTable
from comfy.batches.row_states import RowState
from comfy.comfyui.protocol.run_state import Phase
from comfy.form.check import check as check_values
from comfy.records.record import Record
from comfy.records.rows import WantedOfGroups
from ui.api.runs import Runs
from ui.documents.browser_values import value_text
from ui.documents.group_docs import RowDoc, RowPage, ShownRow, cell_text
from ui.documents.headlines import HEADLINES
from ui.documents.history_docs import FormValues, run_tile
from ui.web.access import Access, GuardedRoutes
from ui.web.identity import Identity
from ui.web.responses import AsciiJSON
from ui.web.shares import Work

_PAGE = 100  # rows per request
_MOST_ROWS = 200
_SEARCH_LENGTH = 200  # characters
_TEXT = 2_000  # characters of a row's text result
_AT_ONCE = 100  # records in memory


def rows_api(batches: BatchQueue, runs: Runs, identity: Identity) -> GuardedRoutes:
    """Return `GET /batches/{batch_id}/rows` and `GET /batches/{batch_id}/rows/{index}/values`."""
    routes = GuardedRoutes(tags=["Batches"])

    @routes.get(
        "/batches/{batch_id}/rows", Access.OWNER, work=Work.PROCESSOR, response_model=RowPage
    )
    def rows(  # noqa: PLR0913 - options by name
        batch_id: str,
        *,
        state: RowState | None = None,
        search: Annotated[str, Query(max_length=_SEARCH_LENGTH)] = "",
        start: Annotated[int, Query(alias="from", ge=0)] = 0,
        cursor: Annotated[str, Query(pattern="^[0-9]{0,9}$")] = "",
        limit: Annotated[int, Query(ge=1, le=_MOST_ROWS)] = _PAGE,
        with_page: bool = False,
        owner: str = Depends(identity.caller),
    ) -> AsciiJSON:
        """Return a batch's rows with their runs.

        `next` is the `cursor` of the next page, null on the last. `from` is the number of rows to
        skip before the first page. With `with_page=true`, which the app's page sends, `page` has
        what the page shows, and `run` is null.
        """
        batch = BatchRowDocs.of(runs, batches.table(batch_id, owner), owner)
        places = batch.places(state, search)
        rest = [at for at in places if at >= int(cursor)] if cursor else places[start:]
        some, more = rest[:limit], str(rest[limit]) if limit < len(rest) else None
        documents = batch.shown(some) if with_page else batch.with_runs(some)
        return AsciiJSON(RowPage(len(places), tuple(documents), more))

    @routes.get(
        "/batches/{batch_id}/rows/{index}/values",
        Access.OWNER,
        work=Work.PROCESSOR,
        response_model=FormValues,
    )
    def values(batch_id: str, index: int, owner: str = Depends(identity.caller)) -> AsciiJSON:
        """Return the values that fill in a form as for this row.

        The row needs no run. Values that are drawn for a run aren't drawn here. Files are copied
        for you.
        """
        table = batches.table(batch_id, owner)
        if not 0 <= index < len(table.rows):
            raise BatchNotFound("This row doesn't exist.")
        workflow, given = table.summary.workflow, table.rows[index].values
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
        every = range(len(self.table.rows))
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
        if history is None:
            return run_ids
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
        columns, cells = self.table.content.shown, self.table.rows.cells(index)
        for column, value in zip(columns, cells, strict=True):
            yield column.key, cell_text(value)

    def _texts(self, index: int) -> Iterator[str]:
        for cell in self._sent(index):
            yield cell[1]
            if cell in self.labels:
                yield self.labels[cell]

    def _state(self, index: int) -> RowState:
        run = self.table.live.get(index)
        if run is None:
            return self.table.states[index]
        try:
            waits = self.runs.registry.get(run, self.owner).state.phase is Phase.WAITING
        except ComfyError:  # it has just ended
            waits = False
        return "waiting" if waits else "running"

    def with_runs(self, places: Sequence[int]) -> Iterator[RowDoc]:
        """Yield the documents of these rows, with their runs."""
        records = self._records(places)
        for index in places:
            row, record = self._row(index, records.get(index)), records.get(index)
            yield replace(row, run=self.runs.listed(record)) if record is not None else row

    def shown(self, places: Sequence[int]) -> Iterator[RowDoc]:
        """Yield the documents of these rows, as the page shows them."""
        records = self._records(places)
        for index in places:
            record = records.get(index)
            row = self._row(index, record)
            yield replace(row, page=self._shown(index, row.state, record))

    def _row(self, index: int, record: Record | None) -> RowDoc:
        state, row_error = self._state(index), self.table.states.error(index)
        problem = record.state.error if record is not None else None
        error = row_error or (problem.message if problem and state != "waiting" else "")
        if record is not None and state == "failed":
            error = row_error or why_failed(record)
        return RowDoc(
            number=self.table.rows.number(index),
            index=index,
            state=state,
            values={key: value_text(one) for key, one in self.table.rows.varied(index).items()},
            error=error,
            hint=problem.hint if problem and state == "failed" and not row_error else "",
            run=None,
        )

    def _shown(self, index: int, state: RowState, record: Record | None) -> ShownRow:
        past = run_tile(record) if record is not None and state == "done" else None
        texts = record.state.texts if record is not None else ()
        problem = record.state.error if record is not None and state == "failed" else None
        is_own = not self.table.states.error(index)  # otherwise the run before it failed
        return ShownRow(
            run=record.id if record is not None else self.table.live.get(index, ""),
            cells=tuple(self._cells(index)),
            unset=tuple(self.table.rows.unset(index)),
            thumb=past.thumb if past is not None else None,
            kind=past.kind if past is not None else "",
            icon=past.icon if past is not None else "",
            text=texts[0].text[:_TEXT] if texts and past and past.kind == "text" else "",
            detail=problem.detail if problem and is_own else "",
        )

    def _records(self, places: Sequence[int]) -> dict[int, Record]:
        """Return the records of these rows' runs, by row position."""
        runs, states, live = self.runs.registry, self.table.states, self.table.live
        run_ids = {index: run for index in places if (run := live.get(index) or states.run(index))}
        history = runs.history
        known = history.get_many(run_ids.values(), self.owner) if history is not None else {}
        records = {index: known[run] for index, run in run_ids.items() if run in known}
        for index in places:
            with suppress(RunNotFound):  # it has just ended
                if index in live:
                    records[index] = runs.record(live[index], self.owner)
        return records


def why_failed(record: Record) -> str:
    """Return why a row's run failed, as a message."""
    error = record.state.error
    return error.message if error is not None else HEADLINES[record.state.phase]
