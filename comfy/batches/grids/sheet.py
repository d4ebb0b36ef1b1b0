"""Layout of a grid's page as lines of cells with labels, for an image or an HTML page. Pure."""

from __future__ import annotations

from comfy.batches.grids.grid import Grid, in_lines
from comfy.batches.grids.image import CellLine, GridSheet


def sheet_of(grid: Grid, title: str, page: int = 0) -> GridSheet:
    """Return the sheet of a page. The cells of a single field are wrapped into lines, each below
    its value. Raises IndexError if the page doesn't exist."""
    pages, across, down = grid.pages, grid.across, grid.down
    if pages is not None:
        title = f"{title} · {pages.label}: {pages.labels[page]}"
    lines = grid.lines(page)
    heads = across.labels
    if down is None:
        cell_lines = (
            CellLine(cells, "", tuple(heads[at] for at in cells)) for cells in in_lines(lines[0])
        )
        return GridSheet(title, across.label, "", tuple(cell_lines))
    cell_lines = (
        CellLine(cells, label, () if number else heads)
        for number, (cells, label) in enumerate(zip(lines, down.labels, strict=True))
    )
    return GridSheet(title, across.label, down.label, tuple(cell_lines))
