"""Page of storage, of what expires next, and of the use of the last weeks."""

from __future__ import annotations

from fastapi import Request
from fastapi.responses import HTMLResponse

from comfy.base.messages import message, plural
from comfy.base.wording import bytes_words
from ui.administration.people import (
    EXPIRING_DAYS,
    GroupUse,
    PaidRuns,
    PersonRow,
    StorageFigures,
    UsageWeek,
)
from ui.documents.headlines import seconds_words
from ui.languages.current import current_language, html_of
from ui.operator.charts import COUNTED, Bar, chart, failed_words
from ui.operator.frame import PEOPLE, USAGE, AdminFrame, section
from ui.operator.tables import Cell, number, size, table
from ui.web.access import Access, GuardedRoutes
from ui.web.responses import API

_STORAGE, _BY_PERSON = message("Storage"), message("Storage by person")
_BY_GROUP = message("Storage by group")
_IN_EACH = message("A person in several groups counts in each of them.")
_FULL = message(
    "When the limit is reached, the oldest results of the person with the most storage are deleted"
    " first."
)
_WORKFLOW, _RUNS = message("Workflow"), message("Runs")
_KEPT_RUNS, _LATELY = message("Kept runs"), message("Runs in 7 days")
_FAILED, _DURATION = message("Failed"), message("Median duration")
_PAID, _WITHOUT_ACCOUNT = message("Paid runs by person"), message("Without an account")
_FREE_SPACE = message(
    "People free space by deleting results in their history. The configuration file can limit"
    " storage per person and how long results are kept."
)
_NO_RESULTS = message("No results")
_PERSON, _GROUP, _PEOPLE = message("Person"), message("Group"), message("People")
_SIZE = message("Size")
_DAY, _MONTH = message("Last 24 hours"), message("Last 30 days")
_NO_RUNS = message("No runs in the last weeks")
_PER_WEEK = message("Runs per week")
_SAVE = message("Download by person and month (CSV)")
_IN_TABLE = message("The file counts deleted runs without their results, time and size.")
_TABLE = f"{API}/admin/usage.csv"


def usage_routes(frame: AdminFrame) -> GuardedRoutes:
    """Return `GET /operator/usage`."""
    routes = GuardedRoutes()
    desk = frame.desk

    def body() -> str:
        figures = desk.figures
        people, groups = desk.people.all(), desk.people.uses_of_groups()
        return _body(figures.storage(), people, groups, figures.paid_runs(), figures.weeks())

    @routes.get(USAGE, Access.SIGN_IN_PAGE)
    def usage(request: Request) -> HTMLResponse:
        """Return the page. Raises 404 for other users."""
        return frame.shown(request, USAGE, body)

    return routes


def _body(
    storage: StorageFigures,
    people: list[PersonRow],
    groups: tuple[GroupUse, ...],
    paid: tuple[PaidRuns, ...],
    weeks: tuple[UsageWeek, ...],
) -> str:
    people = sorted((one for one in people if one.runs), key=lambda one: -one.bytes)
    stored = table(
        "stored",
        (_PERSON, _SIZE, _KEPT_RUNS, message("Expires in {days} days", days=EXPIRING_DAYS)),
        [
            (
                *(_name(one), size(one.bytes, one.limit_bytes)),
                *(number(one.runs), size(one.expiring_bytes)),
            )
            for one in people
        ],
    )
    grouped = table(
        "groups",
        (_GROUP, _PEOPLE, _SIZE, _KEPT_RUNS, _LATELY),
        [
            (
                *(it.name, number(it.people), size(it.bytes)),
                *(number(it.runs), number(it.runs_this_week)),
            )
            for it in groups
        ],
    )
    payers = table(
        "payers",
        (_PERSON, _DAY, _MONTH),
        [(one.name or _WITHOUT_ACCOUNT, number(one.day), number(one.month)) for one in paid],
    )
    about = html_of(_FREE_SPACE if people else _NO_RESULTS)
    lists = (
        (_BY_PERSON, f"<p>{about}</p>{stored if people else ''}"),
        (_BY_GROUP, f"<p>{html_of(_IN_EACH)}</p>{grouped}" if groups else ""),
        (_PAID, payers if paid else ""),
        (_PER_WEEK, _chart(weeks)),
    )
    cards = [section(title, content) for title, content in lists if content]
    return f'<div class="columns">{section(_STORAGE, _storage(storage))}{"".join(cards)}</div>'


def _name(one: PersonRow) -> str | Cell:
    """Return a person's name; a removed one's leads to where their results can be deleted."""
    if one.way != "removed":
        return one.name
    removed = message("{name} (removed)", name=one.name)
    return Cell(f'<a href="{PEOPLE[1:]}#earlier">{html_of(removed)}</a>')


def _storage(now: StorageFigures) -> str:
    share = min(1.0, now.used_bytes / max(1, now.limit_bytes))
    used = message(
        "{used} of {limit} used",
        used=bytes_words(now.used_bytes),
        limit=bytes_words(now.limit_bytes),
    )
    free = message("{size} free on the disk", size=bytes_words(now.disk_free_bytes))
    kept = plural(
        "Results are kept for {count} day.",
        "Results are kept for {count} days.",
        count=round(now.keep_days),
    )
    return f"""<p class="facts"><b>{html_of(used)}</b> <span>({html_of(free)})</span></p>
<meter value="{share:.4f}" high="0.9" aria-label="{html_of(used)}"></meter>
<p>{html_of(kept)} {html_of(_expiring(now))}</p>
<p>{html_of(_FULL)}</p>"""


def _expiring(now: StorageFigures) -> str:
    if not now.expiring_runs:
        return message("Nothing expires in the next {days} days.", days=EXPIRING_DAYS)
    return plural(
        "In the next {days} days, {count} run expires ({size}).",
        "In the next {days} days, {count} runs expire ({size}).",
        count=now.expiring_runs,
        days=EXPIRING_DAYS,
        size=bytes_words(now.expiring_bytes),
    )


def _chart(weeks: tuple[UsageWeek, ...]) -> str:
    """Return a chart of the runs, with the oldest week at the left."""
    most = max((week.runs for week in weeks), default=0)
    if not most:
        return f"<p>{html_of(_NO_RUNS)}</p>"
    bars = [Bar(week.runs, _week_words(week), week.failed) for week in reversed(weeks)]
    date = current_language().date
    ends = date(weeks[-1].start), date(weeks[0].start)
    save = (
        f'<p>{html_of(_IN_TABLE)}</p><p class="save"><a class="button quiet" download'
        f' data-icon="download" href="{_TABLE[1:]}">{html_of(_SAVE)}</a></p>'
    )
    return (
        f"<p>{html_of(COUNTED)}</p>{chart('', bars, ends, current_language().number(most))}"
        f"{''.join(_week(week) for week in weeks if week.runs)}{save}"
    )


def _week_words(week: UsageWeek) -> str:
    date = current_language().date(week.start)
    runs = plural("{count} run", "{count} runs", count=week.runs)
    return message("{week}: {runs}", week=message("Week of {date}", date=date), runs=runs)


def _week(week: UsageWeek) -> str:
    date = current_language().date(week.start)
    name = html_of(message("Week of {date}", date=date))
    runs = plural("{count} run", "{count} runs", count=week.runs)
    about = " · ".join(html_of(one) for one in (runs, failed_words(week.failed)) if one)
    title = f"<b>{name}</b> · {about}"
    rows = [
        (one.title, number(one.runs), number(one.failed), _duration(one.median_seconds))
        for one in week.workflows
    ]
    uses = table(f"week-{week.start:.0f}", (_WORKFLOW, _RUNS, _FAILED, _DURATION), rows)
    return f'<details class="week"><summary>{title}</summary>{uses}</details>'


def _duration(seconds: float | None) -> Cell:
    words = "–" if seconds is None else html_of(seconds_words(seconds))
    return Cell(words, seconds or 0, "amount")
