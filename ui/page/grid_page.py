"""Grid as a single, self-contained HTML page without scripts or external URLs. Pure."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterable, Iterator

from comfy.base.messages import message
from comfy.batches.grids import CellLine, GridSheet
from ui.languages.current import current_language, html_of

_MADE_WITH = message("Made with ComfyForms.")
_STYLE = """
:root { color-scheme: light dark; font: 16px/1.4 system-ui, sans-serif }
body { margin: 24px }
h1 { font-size: 1.5rem; margin: 0 0 16px }
h2 { font-size: 1.1rem; margin: 32px 0 12px }
table { border-spacing: 8px; margin-left: -8px }
th { max-width: 240px; text-align: start; vertical-align: top; font-weight: 400;
  overflow-wrap: anywhere; background: Canvas; position: sticky; left: 0 }
thead th { top: 0; z-index: 1; vertical-align: bottom }
thead th:first-child { z-index: 2; font-weight: 400; opacity: .75 }
caption::after { content: " →" }
thead th:first-child::after { content: " ↓" }
td { padding: 0; vertical-align: top }
img { display: block; max-width: 320px; height: auto }
td span { display: grid; place-items: center; min-width: 120px; max-width: 304px; min-height: 120px;
  padding: 8px; color: GrayText; border: 1px solid;
  border-color: color-mix(in srgb, currentcolor 40%, Canvas) }
body > p { margin-top: 32px; color: GrayText; font-size: .875rem }
"""

# Function that returns the HTML of a cell by number.
Cell = Callable[[int], str]


def grid_page(title: str, sheets: Iterable[GridSheet], cell: Cell) -> Iterator[str]:
    """Yield the page in pieces, with a table for each sheet."""
    language = html.escape(current_language().tag)
    yield f"""<!doctype html>
<html lang="{language}">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>{html_of(title)}</title>
<style>{_STYLE}</style>
<h1>{html_of(title)}</h1>
"""
    for sheet in sheets:
        if sheet.title != title:
            yield f"<h2>{html_of(sheet.title)}</h2>\n"
        yield f"<table>\n<caption>{html_of(sheet.across)}</caption>\n"
        for line in sheet.lines:
            yield from _line(sheet, line, cell)
        yield "</table>\n"
    yield f"<p>{html.escape(current_language().text(_MADE_WITH))}</p>\n</html>\n"


def _line(sheet: GridSheet, line: CellLine, cell: Cell) -> Iterator[str]:
    if line.heads:
        heads = "".join(f'<th scope="col">{html_of(head)}</th>' for head in line.heads)
        first = f"<th>{html_of(sheet.down)}</th>" if sheet.down else ""
        part = "thead" if sheet.down else "tbody"
        yield f"<{part}><tr>{first}{heads}</tr></{part}>\n"
    yield "<tr>"
    if sheet.down:
        yield f'<th scope="row">{html_of(line.label)}</th>'
    for number in line.cells:
        yield f"<td>{cell(number)}</td>"
    yield "</tr>\n"


def image_cell(source: str, alt: str, link: str = "") -> str:
    """Return an image, linked to a larger one if there is a `link`."""
    image = f'<img src="{html.escape(source)}" alt="{html.escape(alt)}" loading="lazy">'
    return f'<a href="{html.escape(link)}">{image}</a>' if link else image


def word_cell(said: str, link: str = "") -> str:
    """Return the text of a cell without an image."""
    content = f"<span>{html_of(said)}</span>"
    return f'<a href="{html.escape(link)}">{content}</a>' if link else content
