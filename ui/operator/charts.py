"""Column charts of administrators' pages, drawn as SVG without a script."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from comfy.base.messages import message, plural, sentences
from ui.languages.current import html_of

COUNTED = sentences(
    message("Runs count when they ended, deleted runs when they were started."),
    message("Runs that were stopped while they waited don't count."),
)
_COLUMN, _HEIGHT, _STUB = 8, 80, 2  # in the chart's own units; the style stretches it


@dataclass(frozen=True, slots=True)
class Bar:
    """Column of a chart. `words`: what it shows, for people; `failed`: the part of its height in
    another color."""

    height: float
    words: str
    failed: int = 0


def failed_words(count: int) -> str:
    return plural("{count} failed", "{count} failed", count=count) if count else ""


def chart(title: str, bars: Sequence[Bar], ticks: Sequence[str], most: str) -> str:
    """Return a chart as a figure. `ticks`: texts below the columns, evenly spread; `most`: the
    value of the highest one."""
    scale = _HEIGHT / max(1e-9, *(bar.height for bar in bars))
    columns = "".join(_column(at, bar, scale) for at, bar in enumerate(bars))
    told = ", ".join(html_of(bar.words) for bar in bars if bar.height)
    size = f"0 0 {len(bars) * _COLUMN - 2} {_HEIGHT}"
    below = " ".join(f"<span>{html_of(one)}</span>" for one in ticks)
    highest = html_of(message("Peak {value}", value=most))
    failed = failed_words(sum(bar.failed for bar in bars))
    part = f' · <span class="marked">{html_of(failed)}</span>' if failed else ""
    return f"""<figure class="chart"><figcaption><b>{html_of(title)}</b>
<span>{highest}{part}</span></figcaption>
<svg viewBox="{size}" preserveAspectRatio="none" role="img" aria-label="{told}">{columns}</svg>
<p>{below}</p></figure>"""


def _column(at: int, bar: Bar, scale: float) -> str:
    """Return a column, as high as its value."""

    def part(height: float, kind: str, more: int = 0) -> str:
        tall = max(_STUB, height * scale) + more
        place = f'x="{at * _COLUMN}" y="{_HEIGHT - tall:.1f}" width="{_COLUMN - 2}"'
        return f'<rect class="{kind}" {place} height="{tall:.1f}"/>'

    marked = part(bar.failed, "gap", _STUB) + part(bar.failed, "marked") if bar.failed else ""
    area = f'<rect fill="#0000" x="{at * _COLUMN}" width="{_COLUMN}" height="{_HEIGHT}"/>'
    shown = part(bar.height, "") if bar.height else ""
    return f"<g><title>{html_of(bar.words)}</title>{shown}{marked}{area}</g>"
