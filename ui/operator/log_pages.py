"""Pages of all users' actions, and of the log of a ComfyUI that the app starts."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import groupby, islice
from types import MappingProxyType
from typing import cast
from urllib.parse import parse_qs, urlencode

from fastapi import HTTPException, Request
from fastapi.responses import HTMLResponse

from comfy.base.messages import message, plural
from comfy.base.wording import one_line
from comfy.records.audit import FOREVER, AuditAction, AuditEvent, WantedEvents
from comfy.records.record import Record
from ui.administration.servers import GUEST
from ui.documents.headlines import HEADLINES
from ui.languages.current import current_language, html_of, translated
from ui.operator.frame import ACTIVITY, PATH, AdminFrame, section
from ui.operator.tables import Cell, moment, table
from ui.page.plain.layout import module_tag
from ui.web.access import Access, GuardedRoutes
from ui.web.responses import API
from ui.web.shares import Work

_NONE, _NO_MATCH = message("No activity yet."), message("Nothing matches.")
_AUDIT = message("Download audit log (CSV)")
AUDIT_TABLE = f"{API}/admin/audit.csv"
_PAGE = 100  # rows
_PERSON, _ACTION = message("Person"), message("Action")
_WHAT, _TIME = message("What"), message("Time")
_SHOW, _MORE, _ORDER = message("Show"), message("Show more"), message("Order")
_ORDERS = {"newest": message("Newest first"), "oldest": message("Oldest first")}
_ALL, _EVERYONE = message("All"), message("Everyone")
_SPANS = {"1": message("Today"), "7": message("Last 7 days"), "30": message("Last 30 days")}
_ACTIONS: Mapping[str, str] = MappingProxyType(
    {
        "run": message("Ran"),
        "failed": message("Failed"),
        "publish": message("Published"),
        "move": message("Moved"),
        "share": message("Shared"),
        "delete": message("Deleted"),
        "download": message("Downloaded"),
        "review": message("Reviewed"),
        "administer": message("Administration"),
    }
)
_STOPPED = message("Stopped sharing")
_WORKFLOW = re.compile(r"/workflows/(.+?)(?:/keep|/editor.*)?")
_CURSOR = re.compile(r"[0-9]{1,12}\.[0-9]{1,9}-[0-9]{1,15}")
_TITLE = re.compile(r"(.+) \([^ ()]+\)")  # with the workflow's name
_MOST = 500  # lines
_EMPTY = message("Nothing has been written yet.")


def activity_routes(frame: AdminFrame) -> GuardedRoutes:
    """Return `GET /operator/activity`."""
    routes = GuardedRoutes()
    desk = frame.desk

    @routes.get(ACTIVITY, Access.SIGN_IN_PAGE, work=Work.PROCESSOR)
    def activity(  # noqa: PLR0913 - the filters
        request: Request,
        account: str = "",
        action: str = "",
        days: str = "",
        text: str = "",
        order: str = "newest",
        cursor: str = "",
    ) -> HTMLResponse:
        """Return the page of the actions of an account, of a kind, in the last days, with a text.
        Ignores unknown values. Raises 404 for other users."""
        text, order = text[:200], order if order in _ORDERS else "newest"
        action = action if action in _ACTIONS else ""
        cursor = cursor if _CURSOR.fullmatch(cursor) else ""
        days = days if days in _SPANS else ""

        def body() -> str:
            span = _start_of(int(days)) if days else 0.0, FOREVER
            chosen = {"account": account, "action": action, "days": days}
            chosen |= {"text": text, "order": order}
            form = _filters(chosen, desk.people.accounts())
            none = _NO_MATCH if any((account, action, days, text)) else _NONE
            if action == "failed":
                usage = desk.services.runs.history.administration.usage
                failures = [
                    _failure(end, run, desk.identity.name_of(run.owner))
                    for end, run in usage.failed_runs(*span, account, _PAGE)
                    if text.lower() in " ".join(_told(run)).lower()
                ]
                return _activity(form, failures[:: -1 if order == "oldest" else 1], "", none)
            kind = cast("AuditAction", action)
            wanted = WantedEvents(*span, account, kind, one_line(text), order == "oldest")
            found = desk.audit.export(desk.identity.name_of, wanted, cursor)
            events = list(islice(found, _PAGE + 1))
            older = chosen | {"cursor": events[_PAGE - 1].id} if events[_PAGE:] else {}
            return _activity(form, _folded(events[:_PAGE]), urlencode(older), none)

        return frame.shown(request, ACTIVITY, body)

    return routes


def _start_of(days: int) -> float:
    """Return the first moment of today, as the first of 1 day, or of an earlier day."""
    first = datetime.now() - timedelta(days=days - 1)
    return first.replace(hour=0, minute=0, second=0, microsecond=0).timestamp()


def _filters(chosen: Mapping[str, str], accounts: Mapping[str, str]) -> str:
    account, action = chosen["account"], chosen["action"]
    people = {"": _EVERYONE, account: account.partition(":")[2] or _EVERYONE, **accounts}
    actions = {"": _ALL, **_ACTIONS}
    return f"""<form action="{ACTIVITY[1:]}" class="filters">
{_choice("account", _PERSON, people, account) if accounts else ""}
{_choice("action", _ACTION, actions, action)}
{_choice("days", _TIME, {"": _ALL, **_SPANS}, chosen["days"])}
<label>{html_of(_WHAT)}
<input type="search" id="text" name="text" value="{html.escape(chosen["text"])}"></label>
{_choice("order", _ORDER, _ORDERS, chosen["order"])}
<noscript><button type="submit">{html_of(_SHOW)}</button></noscript>
</form>"""


def _choice(name: str, label: str, options: Mapping[str, str], chosen: str) -> str:
    shown = "".join(
        f'<option value="{html.escape(key)}"{" selected" if key == chosen else ""}>'
        f"{html_of(text)}</option>"
        for key, text in options.items()
    )
    return f'<label>{html_of(label)} <select id="{name}" name="{name}">{shown}</select></label>'


def _activity(form: str, rows: Sequence[Sequence[str | Cell]], older: str, none: str) -> str:
    """Return the card. `older`: the query of the next page, "" on the last one; `none`: the text
    without rows."""
    titles = (_PERSON, _ACTION, _WHAT, _TIME)
    shown = table("events", titles, _short_times(rows), paged=True)
    link = f'<p><a href="{ACTIVITY[1:]}?{html.escape(older)}">{html_of(_MORE)}</a></p>'
    return f"""<section class="card activity">{form}
{shown if rows else f"<p>{html_of(none)}</p>"}
{link if older else ""}
<p><a href="{AUDIT_TABLE[1:]}" download>{html_of(_AUDIT)}</a></p></section>"""


def _short_times(rows: Sequence[Sequence[str | Cell]]) -> Iterator[Sequence[str | Cell]]:
    """Yield the rows, with the date only in the first one of each day."""
    language, day = current_language(), ""
    for *row, time in rows:
        assert isinstance(time, Cell)
        last, day = day, language.date(time.key or 0)
        yield (
            *row,
            time if day != last else time._replace(content=html_of(language.time(time.key or 0))),
        )


def _words(one: AuditEvent) -> tuple[str, str]:
    """Return the action and its object in words. Of a request, they name its results, workflow or
    file."""
    action, method = _ACTIONS[one.action], one.what.partition(" ")[0]
    if one.action == "run" and (titled := _TITLE.fullmatch(one.what)):
        return action, titled[1]
    if method not in ("GET", "POST", "PUT", "DELETE"):
        return action, one.what
    path, _, query = one.what.removeprefix(f"{method} ").partition("?")
    if path == f"{API}/link":
        results = plural("{count} result", "{count} results", count=query.count("file="))
        return (_STOPPED if method == "DELETE" else action), results
    if runs := query.count("run="):
        return action, plural("{count} run", "{count} runs", count=runs)
    if workflow := _WORKFLOW.fullmatch(path.removeprefix(API)):
        return action, workflow[1]
    name = parse_qs(query).get("filename", [path.rpartition("/")[2]])[0]
    is_number = name.isdecimal()
    return action, plural("{count} result", "{count} results", count=1) if is_number else name


def _folded(events: Iterable[AuditEvent]) -> list[tuple[str | Cell, ...]]:
    """Return the rows. Consecutive equal actions of a person have one, with their number."""
    alike = groupby(events, lambda one: (one.account, one.person, one.action, one.what))
    return [_event(list(group)) for _, group in alike]


def _event(events: Sequence[AuditEvent]) -> tuple[str | Cell, ...]:
    first = events[0]
    action, what = _words(first)
    number = sum(one.count for one in events)
    count = f" ×\u00a0{number}" if number > 1 else ""
    text = f'<span title="{html_of(first.what)}">{html_of(what)}{count}</span>'
    return _person(first.account, first.person), action, Cell(text), moment(first.at)


def _told(run: Record) -> tuple[str, str]:
    """Return a failed run's workflow, and why it failed."""
    error, title = run.state.error, run.job.title or run.job.workflow
    return title, translated(error.message if error else HEADLINES[run.state.phase])


def _failure(ended_at: float, run: Record, name: str) -> tuple[Cell, str, Cell, Cell]:
    title, why = _told(run)
    what = Cell(f"<b>{html_of(title)}</b><br>{html_of(why)}")
    return _person(run.owner if name else "", name), _ACTIONS["failed"], what, moment(ended_at)


def _person(account: str, person: str) -> Cell:
    name = html_of(person or GUEST)
    query = html.escape(urlencode({"account": account}))
    return Cell(f'<a href="{ACTIVITY[1:]}?{query}">{name}</a>' if account else name)


def log_routes(frame: AdminFrame) -> GuardedRoutes:
    """Return `GET /operator/servers/{number}/log`."""
    routes = GuardedRoutes()
    desk = frame.desk

    @routes.get(f"{PATH}/servers/{{number}}/log", Access.SIGN_IN_PAGE)
    def log(request: Request, number: str) -> HTMLResponse:
        """Return the page. Raises 404 for other users, and for a server that the app didn't
        start."""
        path = f"{PATH}/servers/{number}/log"

        def body() -> str:
            server = frame.server(number)
            local = desk.servers.local.get(server.url) if server else None
            if server is None or local is None:
                raise HTTPException(404)
            title = message("Log of {server}", server=server.label)
            lines = "\n".join(local.log.tail(_MOST))
            text = f'<pre class="log" tabindex="0">{html.escape(lines)}</pre>'
            content = text if lines else f"<p>{html_of(_EMPTY)}</p>"
            shown = f'<div id="now" data-address="{path[1:]}">{section(title, content)}</div>'
            return f"{shown}{module_tag('refreshing.js')}"

        return frame.shown(request, PATH, body)

    return routes
