"""Card with the figures and charts of the last 24 hours, on the first administrator's page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress

from comfy.base.errors import ComfyError
from comfy.base.messages import listed, message, plural
from comfy.base.wording import bytes_words
from ui.administration.people import DayUse, Figures, HourUse
from ui.administration.servers import Overview
from ui.documents.headlines import seconds_words
from ui.languages.current import current_language, html_of
from ui.operator.charts import COUNTED, Bar, chart, failed_words
from ui.operator.frame import ACTIVITY

_NOW, _RUNS = message("Now"), message("Runs in 24 hours")
_RUNNING, _WAITING = message("Running"), message("Waiting in this app")
_FAILED, _PEOPLE = message("Failed in 24 hours"), message("People in 24 hours")
_ONLINE, _FREE = message("Servers online"), message("Free disk space")
_PER_HOUR, _WAIT = message("Runs per hour"), message("Median wait per hour")
_NO_RUNS = message("No runs in the last 24 hours")
_NO_DATABASE = message("The database doesn't answer.")
_LITTLE = 0.1  # of a disk


def day_card(now: Overview, figures: Figures) -> str:
    day = None
    with suppress(ComfyError):
        day = figures.day()
    below = _charts(day.hours) if day else f"<p>{html_of(_NO_DATABASE)}</p>"
    return f"""<section class="card day"><dl>{"".join(_tiles(now, figures, day))}</dl>
{below}</section>"""


def _tiles(now: Overview, figures: Figures, day: DayUse | None) -> Iterator[str]:
    number = current_language().number
    up = sum(line.report.up for line in now.servers)
    servers = message("{part} of {whole}", part=number(up), whole=number(len(now.servers)))
    paused = sum(line.report.up and line.server.drained for line in now.servers)
    online = message("Servers online, {count} paused", count=paused) if paused else _ONLINE
    kind = "up" if up == len(now.servers) else "away"
    yield _tile(html_of(online), servers, kind)
    yield _tile(html_of(_RUNNING), number(now.running))
    yield _tile(html_of(_WAITING), number(now.waiting))
    if day:
        failed = sum(hour.failed for hour in day.hours)
        runs = f'<span title="{html_of(COUNTED)}">{html_of(_RUNS)}</span>'
        yield _tile(runs, number(sum(hour.runs for hour in day.hours)))
        name = html_of(_FAILED)
        link = f'<a href="{ACTIVITY[1:]}?action=failed&amp;days=1">{name}</a>' if failed else name
        yield _tile(link, number(failed), "away" if failed else "")
        yield _tile(html_of(_PEOPLE), number(day.people))
    try:
        disk = figures.history.files.disk()
    except OSError:
        return
    yield _tile(
        html_of(_FREE), bytes_words(disk.free), "away" if disk.free < _LITTLE * disk.total else ""
    )


def _tile(name: str, value: str, kind: str = "") -> str:
    return f'<div><dt>{name}</dt><dd class="{kind}">{html_of(value)}</dd></div>'


def _charts(hours: Sequence[HourUse]) -> str:
    """Return the charts, or a sentence without runs."""
    most = max(hour.runs for hour in hours)
    if not most:
        return f"<p>{html_of(_NO_RUNS)}</p>"
    ticks = *(current_language().time(hour.start) for hour in hours[::6]), _NOW
    runs = [Bar(hour.runs, _words(hour, _ended(hour)), hour.failed) for hour in hours]
    waits = [hour.wait or 0.0 for hour in hours]
    pairs = zip(hours, waits, strict=True)
    bars = [Bar(wait, _words(hour, seconds_words(wait))) for hour, wait in pairs]
    return f"""<div class="charts">
{chart(_PER_HOUR, runs, ticks, current_language().number(most))}
{chart(_WAIT, bars, ticks, seconds_words(max(waits))) if any(waits) else ""}</div>"""


def _words(hour: HourUse, value: str) -> str:
    return message("{name}: {value}", name=current_language().moment(hour.start), value=value)


def _ended(hour: HourUse) -> str:
    runs = plural("{count} run", "{count} runs", count=hour.runs)
    return listed([one for one in (runs, failed_words(hour.failed)) if one])
