"""Batches as grids: their cells, the whole grid as an image, a page, or a ZIP with all results, and
grids that users open again from a downloaded image."""

from __future__ import annotations

import base64
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import HTTPException, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse
from zipstream import ZIP_STORED, ZipStream

from comfy.base.errors import BatchNotFound
from comfy.base.messages import message
from comfy.batches.grids import KEYWORD, Grid, draw_grid, settings_in, settings_text, sheet_of
from comfy.batches.queue import BatchQueue, BatchTable
from comfy.records.record import Record
from comfy.records.store import RunStore
from ui.api.batches.rows import BatchRowDocs, download_of
from ui.api.runs import Runs
from ui.documents.group_docs import GridAxisDoc, GridDoc, OpenedGrid
from ui.documents.history_docs import run_tile
from ui.documents.output_roles import main_places
from ui.documents.run_doc import result_name
from ui.files.batch_grids import grid_of, opened_grid, settings_of
from ui.files.result_files import ResultFiles, as_file, saved_places, zip_download
from ui.languages.current import translated
from ui.page.grid_page import grid_page, image_cell, word_cell
from ui.web.access import Access, GuardedRoutes, Owner
from ui.web.limits import BUSY
from ui.web.responses import BINARY, AsciiJSON
from ui.web.shares import Work

_SMALL = 320  # pixels: thumbnails suffice up to this size
_SIDE = 512
_DRAWN = 4  # images drawn at once
_PIECE = 1024 * 1024  # bytes sent at once
_PAGE_FILE = "grid.html"
_WORDS = {
    "waiting": message("Waiting"),
    "running": message("Running"),
    "failed": message("Failed"),
    "stopped": message("Stopped"),
}
_NO_PAGE = "This page of the grid doesn't exist."
_NOTHING = message("No image")
_Page = Annotated[int, Query(ge=0)]
_BEGINNING = 4 * 1024 * 1024  # bytes to read of an image: its texts come first
_IMAGE: dict[str, Any] = {
    "required": True,
    "content": {"image/png": BINARY},
}


def grids_api(batches: BatchQueue, runs: Runs, files: ResultFiles) -> GuardedRoutes:
    """Return `GET /batches/{batch_id}/grid`, `sheet.png`, `sheet.html` and `sheet.zip`."""
    return GuardedRoutes.of(GridHandlers(batches, runs, files, Drawing()))


@dataclass(frozen=True, slots=True)
class GridHandlers:
    """Handlers of the routes that show a batch's grid."""

    batches: BatchQueue
    runs: Runs
    files: ResultFiles
    drawing: Drawing

    routes = GuardedRoutes("/batches/{batch_id}", tags=["Batches"])

    def _own(self, batch_id: str, owner: str, *, swapped: bool) -> GridResults:
        table = self.batches.table(batch_id, owner)
        grid = grid_of(table.content, swapped=swapped)
        return GridResults(self.runs.registry.history, self.files, table, grid, owner)

    @routes.get("/grid", Access.OWN_FILE, response_model=GridDoc)
    def get_grid(
        self,
        batch_id: str,
        owner: Owner,
        page: _Page = 0,
        since: Annotated[str, Query(max_length=40)] = "",
        *,
        swapped: bool = False,
    ) -> AsciiJSON:
        """Return the axes of a grid and the cells of a page, column by column.

        With the `mark` of an earlier answer in `since`, return the cells that may have changed.
        """
        results = self._own(batch_id, owner, swapped=swapped)
        table, places = results.table, [*chain(*zip(*results.lines(page), strict=True))]
        view, mark = BatchRowDocs.of(self.runs, table, results.owner), table.states.mark
        changed = table.states.changed_since(since)
        if changed is not None:
            some = [at for at in places if at in changed or at in table.states.live]
            return AsciiJSON(GridDoc(None, mark, tuple(view.shown(some))))
        axes = tuple(
            GridAxisDoc(axis.key, axis.label, tuple(zip(axis.labels, axis.values, strict=True)))
            for axis in results.grid.axes
        )
        return AsciiJSON(GridDoc(axes, mark, tuple(view.shown(places))))

    @routes.get("/sheet.png", Access.OWN_FILE, audit="download", **download_of("image/png"))
    def get_grid_image(
        self,
        batch_id: str,
        owner: Owner,
        page: _Page = 0,
        cell: Annotated[int, Query(ge=1, le=4096)] = _SIDE,
        *,
        swapped: bool = False,
    ) -> StreamingResponse:
        """Return a page of a grid as an image; `cell` is the size of a cell in pixels."""
        results = self._own(batch_id, owner, swapped=swapped)
        results.lines(page)
        body = self.drawing.turn(results.owner, results.image(page, cell))
        first = next(body)
        return StreamingResponse(
            chain([first], body), media_type="image/png", headers=as_file(results.file_name("png"))
        )

    @routes.get(
        "/sheet.html",
        Access.OWN_FILE,
        audit="download",
        summary="HTML page",
        **download_of("text/html"),
    )
    def get_grid_page(
        self, batch_id: str, owner: Owner, *, swapped: bool = False
    ) -> StreamingResponse:
        """Return a grid as an HTML page with small images."""
        results = self._own(batch_id, owner, swapped=swapped)
        return StreamingResponse(
            results.page(results.inlined),
            media_type="text/html; charset=utf-8",
            headers=as_file(results.file_name("html")),
        )

    @routes.get(
        "/sheet.zip",
        Access.OWN_FILE,
        audit="download",
        summary="HTML page as ZIP",
        **download_of("application/zip"),
    )
    def get_grid_archive(
        self, batch_id: str, owner: Owner, *, swapped: bool = False
    ) -> StreamingResponse:
        """Return a grid's HTML page with all results as a ZIP."""
        results = self._own(batch_id, owner, swapped=swapped)
        return zip_download(results.archive(), results.table.summary.title)


class Drawing:
    """Limiter for drawing images. Only a few images are drawn at once, because each takes a
    processor for seconds. Each user has one image at a time, so slow downloads only delay their own
    user."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._owners: set[str] = set()
        self._drawn = 0

    def turn(self, owner: str, drawn: Iterator[bytes]) -> Iterator[bytes]:
        """Return the finished image. Raises HTTPException at once if it isn't this user's turn."""
        with tempfile.TemporaryFile() as whole:
            self._take(owner)
            try:
                try:
                    whole.writelines(drawn)
                finally:
                    with self._lock:
                        self._drawn -= 1
                whole.seek(0)
                yield from iter(partial(whole.read, _PIECE), b"")
            finally:
                with self._lock:
                    self._owners.discard(owner)

    def _take(self, owner: str) -> None:
        with self._lock:
            if owner in self._owners or self._drawn >= _DRAWN:
                raise HTTPException(429, BUSY)
            self._owners.add(owner)
            self._drawn += 1


@dataclass(frozen=True, slots=True)
class GridResults:
    """Current results of one batch, as a grid."""

    history: RunStore
    files: ResultFiles
    table: BatchTable
    grid: Grid
    owner: str

    def lines(self, page: int) -> tuple[tuple[int, ...], ...]:
        """Return the rows in the cells of a page. Raises HTTPException for an unknown page."""
        if page >= self._pages:
            raise HTTPException(404, _NO_PAGE)
        return self.grid.lines(page)

    def file_name(self, ending: str) -> str:
        """Return the file name for saving."""
        return f"{self.table.summary.title} grid.{ending}"

    def image(self, page: int, side: int) -> Iterator[bytes]:
        """Yield a page as a PNG."""
        blobs = self.files.blobs
        shown: dict[int, Path | str] = {}
        for index, record in self._records([*chain(*self.lines(page))]):
            small = self._thumbnail(record, small=side <= _SMALL)
            shown[index] = small or self._word(index, record)
        sheet = sheet_of(self.grid, self._title, page)
        carried = [(KEYWORD, settings_text(settings_of(self.table)))]
        return draw_grid(sheet, lambda cell: shown[cell], side, carried, blobs.turns.turn)

    def page(self, cell: Callable[[int], str]) -> Iterator[bytes]:
        """Yield all pages as a single HTML page."""
        sheets = (sheet_of(self.grid, self._title, page) for page in range(self._pages))
        for part in grid_page(self._title, sheets, cell):
            yield part.encode("utf-8", "replace")

    def inlined(self, index: int) -> str:
        """Return a cell that contains its small image."""
        ((_, record),) = self._records([index])
        path = self._thumbnail(record, small=True)
        if path is None:
            return word_cell(self._word(index, record))
        data = base64.b64encode(path.read_bytes()).decode()
        return image_cell(f"data:image/webp;base64,{data}", self._about(index))

    def archive(self) -> Iterator[bytes]:
        """Yield a ZIP of all results and a page that shows them."""
        bundle = ZipStream(compress_type=ZIP_STORED)
        cells: dict[int, str] = {}
        width = len(str(len(self.table.content)))
        for index, record in self._records(range(len(self.table.content))):
            shown = ""
            for file_index in saved_places(record) if record is not None else ():
                assert record is not None
                name = f"images/{self.table.content.number(index):0{width}}-{file_index + 1}-"
                name += result_name(record, file_index)
                if (yield from self.files.pack(bundle, record, file_index, name)) and not shown:
                    is_image = record.state.files[file_index].kind == "image"
                    link = quote(name)
                    about = self._about(index)
                    shown = image_cell(link, about, link) if is_image else word_cell(name, link)
            cells[index] = shown or word_cell(self._word(index, record))
        bundle.add(b"".join(self.page(cells.__getitem__)), _PAGE_FILE)
        yield from bundle.finalize()

    @property
    def _title(self) -> str:
        return translated(self.table.summary.title)

    @property
    def _pages(self) -> int:
        return len(self.grid.pages.values) if self.grid.pages else 1

    def _records(self, places: Sequence[int]) -> Iterator[tuple[int, Record | None]]:
        """Yield each of these rows with the record of its finished run, if any."""
        states = self.table.states
        runs = ((at, states.run(at) if states[at] == "done" else "") for at in places)
        return self.history.each(runs, self.owner)

    def _thumbnail(self, record: Record | None, *, small: bool) -> Path | None:
        """Return the file of a run's image, otherwise of its sound's waveform."""
        blobs = self.files.blobs
        files = [record.state.files[at] for at in main_places(record)] if record is not None else []
        for file in sorted(files, key=lambda file: file.kind != "image"):
            if file.kind == "image" and not small:
                return blobs.path(file.digest)
            if path := blobs.thumbnail(file.digest, file.kind):
                return path
        return None

    def _word(self, index: int, record: Record | None) -> str:
        if record is not None and record.state.texts:
            return run_tile(record).what
        return _WORDS.get(self.table.states[index], _NOTHING)

    def _about(self, index: int) -> str:
        cells = zip(self.table.content.shown, self.table.content.cells(index), strict=True)
        return ", ".join(f"{column.label}: {value}" for column, value in cells)


def opened_grids_api(batches: BatchQueue, runs: Runs) -> GuardedRoutes:
    """Return `POST /grids/opened`."""
    routes = GuardedRoutes(tags=["Batches"])

    @routes.post(
        "/grids/opened",
        Access.SIGNED_IN,
        work=Work.CATALOG,
        response_model=OpenedGrid,
        openapi_extra={"requestBody": _IMAGE},
    )
    async def open_grid(request: Request, owner: Owner) -> AsciiJSON:
        """Open a grid from its image.

        The body is the image, or its beginning with the texts. The answer has the grid's batch if
        it is yours and still exists, otherwise the workflow, the form's values and the fields that
        vary.
        """
        data = (await request.body())[:_BEGINNING]
        opened = partial(_opened, batches, runs, owner, data)
        return await run_in_threadpool(lambda: AsciiJSON(opened()))

    return routes


def _opened(batches: BatchQueue, runs: Runs, owner: str, data: bytes) -> OpenedGrid:
    settings = settings_in(data)
    with suppress(BatchNotFound):
        return OpenedGrid(batches.get(settings.batch, owner).id)
    _, form = runs.forms.form(settings.workflow, owner, settings.base)
    return opened_grid(settings, form)
