"""Results of a batch: all files in one archive, and a table of values and files."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from fastapi import Depends, HTTPException, Query
from fastapi.responses import StreamingResponse
from zipstream import ZIP_STORED, ZipStream

from comfy.base.messages import listed, message
from comfy.batches.content import Column
from comfy.batches.queue import BatchQueue, BatchTable
from comfy.batches.results_table import ENCODING, table_head, table_line
from comfy.comfyui.protocol.run_state import Phase
from comfy.form.fill import drawn_texts
from comfy.form.model import Form
from comfy.form.seeds import CountUp
from comfy.prompt.wildcards import has_alternatives
from comfy.records.record import Record
from ui.api.batches.rows import why_failed
from ui.api.runs import Runs
from ui.documents.run_doc import OF_ALL, pattern_name, unknown_part
from ui.files.result_files import ResultFiles, as_file, saved_places, zip_download
from ui.languages.current import translated
from ui.web.access import Access, GuardedRoutes
from ui.web.identity import Identity
from ui.web.shares import Work

_AT_ONCE = 50  # records in memory
_PATTERN = "{row}-{workflow}-{seed}"
_TABLE = "results.csv"


def download_of(media_type: str) -> dict[str, Any]:
    """Return the OpenAPI settings of a route that answers with a file."""
    content = {media_type: {"schema": {"type": "string", "format": "binary"}}}
    return {
        "response_class": StreamingResponse,
        "responses": {200: {"description": "The file.", "content": content}},
    }


def results_api(
    batches: BatchQueue, runs: Runs, files: ResultFiles, identity: Identity
) -> GuardedRoutes:
    """Return `GET /batches/{batch_id}/results.zip` and `results.csv`."""
    routes = GuardedRoutes("/batches/{batch_id}", tags=["Batches"])

    def own(batch_id: str, owner: str = Depends(identity.reader)) -> BatchResults:
        return BatchResults(runs, files, batches.table(batch_id, owner), owner)

    @routes.get(
        "/results.zip", Access.OWN_FILE, work=Work.PROCESSOR, **download_of("application/zip")
    )
    def archive(
        pattern: str = Query(_PATTERN, max_length=200), results: BatchResults = Depends(own)
    ) -> StreamingResponse:
        """Return all results as a ZIP with a table; `pattern` names the files."""
        results.check(pattern)
        return zip_download(results.archive(pattern), results.table.summary.title)

    @routes.get("/results.csv", Access.OWN_FILE, work=Work.PROCESSOR, **download_of("text/csv"))
    def csv(results: BatchResults = Depends(own)) -> StreamingResponse:
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
        width = len(str(len(self.table.rows)))
        for index, record in self._records():
            names, varied = [], self._varied(index)
            for file_index in saved_places(record) if record is not None else ():
                assert record is not None
                row = str(self.table.rows.number(index)).zfill(width)
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
            if len(lines) == _AT_ONCE:
                yield "".join(lines).encode("utf-8", "replace")
                lines = []
        yield "".join(lines).encode("utf-8", "replace")

    def _records(self) -> Iterator[tuple[int, Record | None]]:
        history, states = self.runs.registry.history, self.table.states
        for start in range(0, len(self.table.rows), _AT_ONCE):
            places = range(start, min(start + _AT_ONCE, len(self.table.rows)))
            runs = {index: states.run(index) for index in places}
            run_ids = list(filter(None, runs.values()))
            records = (
                history.get_many(run_ids, self.owner) if history is not None and run_ids else {}
            )
            for index in places:
                yield index, records.get(runs[index])

    def _varied(self, index: int) -> dict[str, str]:
        """Return a row's varied values, by key and by label. Values that change the same text are
        joined."""
        texts: dict[str, list[str]] = {}
        cells = zip(self.table.content.shown, self.table.rows.cells(index), strict=True)
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
        row, error = self.table.rows[index], self.table.states.error(index)
        phase = record.state.phase if record is not None else Phase.DONE
        if record is not None and not error and phase.finished and phase is not Phase.DONE:
            error = why_failed(record)
        problems = [translated(error)] if error else []
        return table_line(row, record, names, problems, self._keys, self._drawn)


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
