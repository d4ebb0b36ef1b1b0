"""Tables of administrators' pages. A script sorts them by a column and filters their rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import compress, pairwise, repeat
from typing import NamedTuple

from comfy.base.messages import message
from comfy.base.wording import bytes_words
from ui.languages.current import current_language, html_of

_FILTER = message("Filter")


class Cell(NamedTuple):
    """Cell of a table: HTML. `key`: the number by which its column is sorted, None for its text.
    `kind`: "amount" for numbers that are compared by their digits, or ""."""

    content: str
    key: float | None = None
    kind: str = ""


def number(count: float) -> Cell:
    return Cell(current_language().number(count), count, "amount")


def size(count: float, limit: float | None = None) -> Cell:
    """Return a cell with a number of bytes and a limit."""
    words = bytes_words(count)
    if limit is not None:
        words = message("{part} of {whole}", part=bytes_words(count), whole=bytes_words(limit))
    return Cell(html_of(words), count, "amount")


def moment(seconds: float | None, never: str = "–") -> Cell:
    """Return a cell with a time, in seconds since 1970. `never`: the text in place of None."""
    words = never if seconds is None else current_language().moment(seconds)
    return Cell(html_of(words), seconds or 0)


def ago(seconds: float | None, never: str) -> Cell:
    """Return a cell with the time since a moment, which is its tooltip. `never`: see `moment`."""
    exact = moment(seconds, never)
    if seconds is None:
        return exact
    words = html_of(current_language().ago(seconds))
    return Cell(f'<time title="{exact.content}">{words}</time>', exact.key)


def table(
    name: str,
    titles: Sequence[str],
    rows: Iterable[Sequence[str | Cell]],
    order: tuple[str, bool] | None = None,
    days: Sequence[str] = (),
) -> str:
    """Return a table. `name`: its id, by which a renewed page keeps order and filter. `titles`: of
    the columns, "" for one that isn't sorted. `rows`: begin with their headings; texts are
    escaped. Columns without any text are left out. `order`: for rows that are only a part, sorted
    by the last column: the address with the opposite order, and whether this one is ascending.
    `days`: of the rows, each a heading above its first row."""
    cells = [[one if isinstance(one, Cell) else Cell(html_of(one)) for one in row] for row in rows]
    full = [any(one.content for one in column) for column in zip(*cells, strict=True)]
    cells = [list(compress(row, full)) for row in cells]
    titles = list(compress(titles, full))
    heads = [_head(*one) for one in zip(titles, cells[0] if cells else (), strict=True)]
    if order:
        turned, is_up = order
        sort = "ascending" if is_up else "descending"
        link = f'<a href="{turned}">{html_of(titles[-1])}</a>'
        heads[-1] = f'<th scope="col" aria-sort="{sort}">{link}</th>'
    groups = pairwise(("", *days)) if days else repeat(("", ""))
    body = "".join(
        (_group(day, len(titles)) if day != before else "") + _row(titles, row)
        for (before, day), row in zip(groups, cells, strict=False)
    )
    count = html_of(message("{part} of {whole}", part="{part}", whole="{whole}"))
    words = "" if order else f' data-filter="{html_of(_FILTER)}" data-count="{count}"'
    return f"""<table id="{name}"{words}>
<thead><tr>{"".join(heads)}</tr></thead><tbody>{body}</tbody></table>"""


def _head(title: str, first: Cell) -> str:
    return f'<th scope="col"{_kind(first)}>{html_of(title)}</th>' if title else "<td></td>"


def _group(title: str, columns: int) -> str:
    return f'<tr><th scope="rowgroup" colspan="{columns}">{html_of(title)}</th></tr>\n'


def _row(titles: Sequence[str], row: Sequence[Cell]) -> str:
    (_, first), *others = zip(titles, row, strict=True)
    cells = "".join(
        f"<td{_name(title)}{_key(one)}{_kind(one)}>{one.content}</td>" for title, one in others
    )
    return f'<tr><th scope="row"{_key(first)}>{first.content}</th>{cells}</tr>\n'


def _name(title: str) -> str:
    return f' data-name="{html_of(title)}"' if title else ""


def _key(one: Cell) -> str:
    return "" if one.key is None else f' data-key="{round(one.key)}"'


def _kind(one: Cell) -> str:
    return f' class="{one.kind}"' if one.kind else ""
