"""A user's batches as the page shows them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Annotated, Any

from fastapi import Depends, Query

from comfy.base.errors import BatchNotFound, ComfyError
from comfy.base.messages import message
from comfy.batches.check import batch_seconds_left
from comfy.batches.content import Column
from comfy.batches.queue import BatchTable
from comfy.batches.row_states import RowState
from comfy.comfyui.protocol.run_state import Phase
from comfy.form.check import check as check_values
from comfy.records.record import Record
from comfy.records.wanted import WantedOfGroups
from ui.documents.browser_values import value_text
from ui.documents.headlines import HEADLINES
from ui.documents.past_run import run_tile
from ui.services import Services
from ui.web.access import Access, GuardedRoutes
from ui.web.identity import Identity
from ui.web.responses import AsciiJSON

_PAGE = 100  # rows a request
_MOST_ROWS = 200
_SEARCH_LENGTH = 200  # characters
_TEXT = 2_000  # characters of what a row said
_AT_ONCE = 100  # records in memory


def batch_routes(services: Services, identity: Identity) -> GuardedRoutes:
    """What the page shows of its user's batches, below `/batches`. Others are unknown."""
    routes = GuardedRoutes("/batches")
    batches = services.batches

    @routes.get("", Access.SIGNED_IN)
    def listed(owner: str = Depends(identity.caller)) -> AsciiJSON:
        """All of this person's, the newest first."""
        return AsciiJSON([asdict(one) for one in batches.of(owner)])

    @routes.get("/{batch_id}", Access.OWNER)
    def one(batch_id: str, owner: str = Depends(identity.caller)) -> AsciiJSON:
        """One, with what varies in it."""
        table = batches.table(batch_id, owner)
        content, summary = table.content, table.summary
        left = table.states.places("waiting")
        axes = [
            _column(axis) | {"values": [_text(value) for value in axis.values]}
            for axis in content.axes
        ]
        return AsciiJSON(
            asdict(summary)
            | {
                "columns": _columns(content.shown),
                "axes": axes if content.is_grid else None,
                "paired": content.paired,
                "seconds_left": batch_seconds_left(
                    services.starter, summary, table.rows, left, owner
                ),
            }
        )

    @routes.get("/{batch_id}/rows", Access.OWNER)
    def rows(
        batch_id: str,
        state: RowState | None = None,
        search: Annotated[str, Query(max_length=_SEARCH_LENGTH)] = "",
        start: Annotated[int, Query(alias="from", ge=0)] = 0,
        limit: Annotated[int, Query(ge=1, le=_MOST_ROWS)] = _PAGE,
        owner: str = Depends(identity.caller),
    ) -> AsciiJSON:
        """Those in a state, with a text among their values or in what they said, from one of them
        on."""
        table = batches.table(batch_id, owner)
        view = table_view(services, table, owner)
        places = view.places(state, search)
        told = view.rows(places[start : start + limit])
        return AsciiJSON({"total": len(places), "rows": told})

    @routes.get("/{batch_id}/rows/{index}/values", Access.OWNER)
    def values(batch_id: str, index: int, owner: str = Depends(identity.caller)) -> AsciiJSON:
        """What a row is run with, whether it was begun or not, as the page's script keeps the
        values of a form."""
        table = batches.table(batch_id, owner)
        if not 0 <= index < len(table.rows):
            raise BatchNotFound(message("This batch has no such row."))
        given = table.rows[index].values
        _, form = services.forms.form(table.summary.workflow, owner, given)
        clean, _ = check_values(form, given)
        asked = {key: clean.get(key, value) for key, value in given.items()}
        told = services.copies.given_values(asked, owner)
        return AsciiJSON({"workflow": table.summary.workflow, "values": told})

    return routes


@dataclass(frozen=True, slots=True)
class TableView:
    """The rows of a batch as a page shows them. `labels`: what choices are called, by the key of
    their field and their value."""

    services: Services
    table: BatchTable
    owner: str
    labels: Mapping[tuple[str, str], str]

    def places(self, state: RowState | None, search: str) -> Sequence[int]:
        """The rows in this state, or in any, with a text among their values, as they are sent or as
        they are called, or in what they said."""
        wanted = search.casefold()
        every = range(len(self.table.rows))
        some = [at for at in every if state in (None, self.state(at))] if state else every
        if not wanted:
            return some
        said, states = self._saying(wanted), self.table.states
        return [
            at
            for at in some
            if any(wanted in text.casefold() for text in self._texts(at))
            or (said and states.run(at) in said)
        ]

    def _saying(self, wanted: str) -> set[str]:
        """The runs of its rows that have made a text with this in it. Where the last ones that have
        this anywhere have made no text, none has."""
        history, found, last = self.services.runs.history, set[str](), ""
        which = WantedOfGroups(text=wanted, groups=(self.table.summary.id,))
        if history is None:
            return found
        while some := history.of(self.owner, which, before=last, limit=_AT_ONCE):
            said = {one.id: [made.text.casefold() for made in one.state.texts] for one in some}
            if not last and not any(said.values()):
                break
            found |= {run for run, texts in said.items() if any(wanted in one for one in texts)}
            last = some[-1].id
        return found

    def values(self, index: int) -> list[str]:
        """What a row has in each column; "" where that is drawn for it."""
        return [self.labels.get(one, one[1]) for one in self._sent(index)]

    def _sent(self, index: int) -> list[tuple[str, str]]:
        columns, cells = self.table.content.shown, self.table.rows.cells(index)
        return [(column.key, _text(value)) for column, value in zip(columns, cells, strict=True)]

    def _texts(self, index: int) -> Iterator[str]:
        """What may be looked for in a row."""
        for one in self._sent(index):
            yield one[1]
            if one in self.labels:
                yield self.labels[one]

    def state(self, index: int) -> RowState:
        """How far a row is."""
        run = self.table.live.get(index)
        if run is None:
            return self.table.states[index]
        try:
            waits = self.services.runs.get(run, self.owner).state.phase is Phase.WAITING
        except ComfyError:  # it has ended just now
            waits = False
        return "waiting" if waits else "running"

    def rows(self, places: Sequence[int]) -> list[dict[str, Any]]:
        """These rows, with what has come of them."""
        states, live, history = self.table.states, self.table.live, self.services.runs.history
        runs = {at: live.get(at) or states.run(at) for at in places}
        asked = [run for at, run in runs.items() if run and at not in live]
        records = history.get_many(asked, self.owner) if history is not None and asked else {}
        return [self._row(at, runs[at], records) for at in places]

    def _row(self, index: int, run: str, records: Mapping[str, Record]) -> dict[str, Any]:
        state, record = self.state(index), records.get(run)
        error, hint, detail = self.table.states.error(index), "", ""
        told = run_tile(record) if record is not None and state == "done" else None
        text = record.state.texts[0].text[:_TEXT] if record and told and told.kind == "text" else ""
        if state == "failed" and record is not None and not error:
            error = why_failed(record)
            if problem := record.state.error:
                hint, detail = problem.hint, problem.detail
        return {
            "number": self.table.rows.number(index),
            "index": index,
            "values": self.values(index),
            "unset": self.table.rows.unset(index),
            "state": state,
            "run": run if record is not None or index in self.table.live else "",
            "thumbnail": (told.thumb or "") if told else "",
            "kind": told.kind if told else "",
            "icon": told.icon if told else "",
            "text": text,
            "error": error,
            "hint": hint,
            "detail": detail,
        }


def table_view(services: Services, table: BatchTable, owner: str) -> TableView:
    """The rows of a batch of this owner's, with choices called as in its form, as long as that is
    there."""
    form = services.forms.known_form(table.summary.workflow, owner, table.content.base)
    labels = {
        (field.key, _text(value)): label
        for field in (form.fields if form else ())
        for label, value in field.choices or ()
    }
    return TableView(services, table, owner, labels)


def why_failed(record: Record) -> str:
    """What went wrong with a row's run, in a sentence."""
    error = record.state.error
    return error.message if error is not None else HEADLINES[record.state.phase]


def _columns(columns: Sequence[Column]) -> list[dict[str, Any]]:
    return [_column(one) for one in columns]


def _column(column: Column) -> dict[str, Any]:
    return {"key": column.key, "label": column.label}


def _text(value: object) -> str:
    return "" if value is None else value_text(value)
