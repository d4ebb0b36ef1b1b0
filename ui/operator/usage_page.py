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
    WorkflowUse,
)
from ui.documents.headlines import seconds_words
from ui.languages.current import current_language, html_of
from ui.operator.charts import Bar, chart
from ui.operator.frame import USAGE, AdminFrame, section
from ui.web.access import Access, GuardedRoutes
from ui.web.shares import Work

_STORAGE, _BY_PERSON = message("Storage"), message("Storage by person")
_BY_GROUP = message("Storage by group")
_IN_EACH = message("A person in several groups counts in each of them.")
_USAGE = message("Usage by week")
_FULL = message(
    "When the limit is reached, the oldest results of the person with the most storage are deleted"
    " first."
)
_WORKFLOW, _RUNS = message("Workflow"), message("Runs")
_FAILED, _DURATION = message("Failed"), message("Median duration")
_PAID, _WITHOUT_ACCOUNT = message("Paid runs by person"), message("Without an account")
_NO_RESULTS = message("No results")
_NO_RUNS = message("No runs in the last weeks")
_PER_WEEK = message("Runs per week")


def usage_routes(frame: AdminFrame) -> GuardedRoutes:
    """Return `GET /operator/usage`."""
    routes = GuardedRoutes()
    desk = frame.desk

    def body() -> str:
        figures = desk.figures
        people, groups = desk.people.all(), desk.people.uses_of_groups()
        return _body(figures.storage(), people, groups, figures.paid_runs(), figures.weeks())

    @routes.get(USAGE, Access.SIGN_IN_PAGE, work=Work.PROCESSOR)
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
    rows = "".join(map(_person, people))
    return (
        section(_STORAGE, _storage(storage))
        + section(
            _BY_PERSON,
            f'<ul class="lines">{rows}</ul>' if rows else f"<p>{html_of(_NO_RESULTS)}</p>",
        )
        + (
            section(
                _BY_GROUP,
                f'<p>{html_of(_IN_EACH)}</p><ul class="lines">{"".join(map(_group, groups))}</ul>',
            )
            if groups
            else ""
        )
        + (section(_PAID, f'<ul class="lines">{"".join(map(_payer, paid))}</ul>') if paid else "")
        + section(_USAGE, _chart(weeks) + "".join(map(_week, filter(_has_runs, weeks))))
    )


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
    return f"""<p><b>{html_of(used)}</b> · {html_of(free)}</p>
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


def _person(one: PersonRow) -> str:
    every = plural("{count} run", "{count} runs", count=one.runs)
    facts = [message("{size} in {runs}", size=bytes_words(one.bytes), runs=every)]
    if one.expiring_bytes:
        soon = message(
            "{size} expires in the next {days} days",
            size=bytes_words(one.expiring_bytes),
            days=EXPIRING_DAYS,
        )
        facts.append(soon)
    return f"<li><b>{html_of(one.name)}</b><br>{' · '.join(map(html_of, facts))}</li>"


def _group(one: GroupUse) -> str:
    people = plural("{count} person", "{count} people", count=one.people)
    every = plural("{count} run", "{count} runs", count=one.runs)
    week = plural("{count} run this week", "{count} runs this week", count=one.runs_this_week)
    facts = [people, message("{size} in {runs}", size=bytes_words(one.bytes), runs=every), week]
    return f"<li><b>{html_of(one.name)}</b><br>{' · '.join(map(html_of, facts))}</li>"


def _payer(one: PaidRuns) -> str:
    runs = message("{day} in the last 24 hours, {month} in 30 days", day=one.day, month=one.month)
    return f"<li><b>{html_of(one.name or _WITHOUT_ACCOUNT)}</b><br>{html_of(runs)}</li>"


def _has_runs(week: UsageWeek) -> bool:
    return bool(week.runs)


def _chart(weeks: tuple[UsageWeek, ...]) -> str:
    """Return a chart of the runs, with the oldest week at the left."""
    most = max((week.runs for week in weeks), default=0)
    if not most:
        return f"<p>{html_of(_NO_RUNS)}</p>"
    bars = [Bar(week.runs, _week_words(week), week.failed) for week in reversed(weeks)]
    date = current_language().date
    ends = date(weeks[-1].start), date(weeks[0].start)
    return chart(_PER_WEEK, bars, ends, current_language().number(most))


def _week_words(week: UsageWeek) -> str:
    date = current_language().date(week.start)
    runs = plural("{count} run", "{count} runs", count=week.runs)
    return message("{week}: {runs}", week=message("Week of {date}", date=date), runs=runs)


def _week(week: UsageWeek) -> str:
    date = current_language().date(week.start)
    name = html_of(message("Week of {date}", date=date))
    runs = plural("{count} run", "{count} runs", count=week.runs)
    failed = plural("{count} failed", "{count} failed", count=week.failed) if week.failed else ""
    about = " · ".join(html_of(one) for one in (runs, failed) if one)
    title = f"<b>{name}</b> · {about}"
    heads = "".join(
        f'<th scope="col">{html_of(one)}</th>' for one in (_WORKFLOW, _RUNS, _FAILED, _DURATION)
    )
    rows = "".join(map(_workflow, week.workflows))
    return f"""<details class="week"><summary>{title}</summary>
<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></details>"""


def _workflow(use: WorkflowUse) -> str:
    number = current_language().number
    median = "–" if use.median_seconds is None else seconds_words(use.median_seconds)
    cells = ((_RUNS, number(use.runs)), (_FAILED, number(use.failed)), (_DURATION, median))
    figures = "".join(
        f'<td data-name="{html_of(name)}">{html_of(figure)}</td>' for name, figure in cells
    )
    return f'<tr><th scope="row">{html_of(use.title)}</th>{figures}</tr>'
