"""Tables of administrators' pages. A script sorts them by a column and filters their rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import compress
from typing import NamedTuple

from comfy.base.messages import message
from comfy.base.wording import bytes_words
from ui.languages.current import current_language, html_of

_FILTER = message("Filter")


class Cell(NamedTuple):
    """Cell of a table: HTML. `key`: the number by which its column is sorted, None for its text."""

    content: str
    key: float | None = None


def number(count: float) -> Cell:
    return Cell(current_language().number(count), count)


def size(count: float) -> Cell:
    """Return a cell with a number of bytes."""
    return Cell(html_of(bytes_words(count)), count)


def moment(seconds: float | None, never: str = "–") -> Cell:
    """Return a cell with a time, in seconds since 1970. `never`: the text in place of None."""
    words = never if seconds is None else current_language().moment(seconds)
    return Cell(html_of(words), seconds or 0)


def table(
    name: str, titles: Sequence[str], rows: Iterable[Sequence[str | Cell]], *, paged: bool = False
) -> str:
    """Return a table. `name`: its id, by which a renewed page keeps order and filter. `titles`: of
    the columns, "" for one that isn't sorted. `rows`: begin with their headings; texts are
    escaped. Columns without any text are left out. `paged`: these aren't all rows, so the script
    leaves them alone."""
    rows = tuple(rows)
    full = [any(map(_html, cells)) for cells in zip(*rows, strict=True)]
    titles = tuple(compress(titles, full))
    heads = "".join(
        f'<th scope="col">{html_of(one)}</th>' if one else "<td></td>" for one in titles
    )
    body = "".join(_row(titles, tuple(compress(row, full))) for row in rows)
    count = html_of(message("{part} of {whole}", part="{part}", whole="{whole}"))
    words = "" if paged else f' data-filter="{html_of(_FILTER)}" data-count="{count}"'
    return f"""<table id="{name}"{words}>
<thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>"""


def _row(titles: Sequence[str], row: Sequence[str | Cell]) -> str:
    (_, first), *others = zip(titles, row, strict=True)
    cells = "".join(f"<td{_name(title)}{_key(one)}>{_html(one)}</td>" for title, one in others)
    return f'<tr><th scope="row"{_key(first)}>{_html(first)}</th>{cells}</tr>\n'


def _name(title: str) -> str:
    return f' data-name="{html_of(title)}"' if title else ""


def _key(one: str | Cell) -> str:
    return f' data-key="{round(one.key)}"' if isinstance(one, Cell) and one.key is not None else ""


def _html(one: str | Cell) -> str:
    return one.content if isinstance(one, Cell) else html_of(one)
