"""Pages of all users' actions, and of the log of a ComfyUI that the app starts."""

from __future__ import annotations

import html
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Annotated, cast
from urllib.parse import parse_qs, urlencode

from fastapi import Depends, HTTPException, Request
from fastapi.responses import HTMLResponse

from comfy.base.messages import message, plural
from comfy.base.wording import one_line
from comfy.library.private import MARK
from comfy.records.audit import FOREVER, OWN_WORKFLOW, AuditAction, AuditEvent, WantedEvents
from ui.administration.audit_log import ACTION_WORDS
from ui.administration.servers import GUEST
from ui.languages.current import current_language, html_of
from ui.operator.frame import ACTIVITY, PATH, AdminFrame, section
from ui.operator.tables import Cell, table
from ui.page.plain.layout import module_tag
from ui.web.access import Access, GuardedRoutes
from ui.web.responses import API

_NONE, _NO_MATCH = message("No activity yet."), message("Nothing matches.")
_CLEAR = message("Clear filters")
_AUDIT = message("Download this list (CSV, times in UTC)")
_SAVE = message("Download")
AUDIT_TABLE = f"{API}/admin/audit.csv"
_PAGE, _READ, _LONGEST = 100, 5000, 200  # rows; events of a page; characters
_HOUR = 3600.0
_PERSON, _ACTION = message("Person"), message("Action")
_WHAT, _TIME = message("What"), message("Time")
_SHOW, _SEARCH = message("Show"), message("Search")
_WAYS = (message("Newest"), message("Older")), (message("Oldest"), message("Newer"))
_FROM, _TO = message("From"), message("To")
_ALL, _EVERYONE = message("All"), message("Everyone")
_CHOSEN = "chosen"
_SPANS = {
    "1": message("Last 24 hours"),
    "7": message("Last 7 days"),
    "30": message("Last 30 days"),
    _CHOSEN: message("Choose days…"),
}
_TITLES = _PERSON, _ACTION, _WHAT, _TIME
_OWN_ROW: Sequence[AuditAction] = "failed", "administer", "account"
_OF_A_DAY: Sequence[AuditAction] = "sign-in", "signed-in"
_UNKNOWN_NAME = message("Unknown name")
_STOPPED = message("Stopped sharing")
_WORKFLOW = "/workflows/"
_CURSOR = re.compile(r"[0-9]{1,12}\.[0-9]{1,9}-[0-9]{1,15}")
_MOST = 500  # lines
_EMPTY = message("Nothing has been written yet.")


@dataclass(frozen=True, slots=True)
class _Chosen:
    """Filters of the page's query. `days`: a key of `_SPANS`, or "" for any time; `first`, `last`:
    the days that were chosen; `order`: "oldest" or ""."""

    account: str = ""
    action: str = ""
    days: str = ""
    first: str = ""
    last: str = ""
    text: str = ""
    order: str = ""

    @property
    def wanted(self) -> WantedEvents:
        """Return the events, as far as the values are known."""
        since, until = 0.0, FOREVER
        if self.days == _CHOSEN:
            since, until = _midnight(self.first, 0) or since, _midnight(self.last, 1) or until
        elif self.days in _SPANS:  # from a full hour, like the figures of the first page
            since = (time.time() // _HOUR - 24 * int(self.days) + 1) * _HOUR
        action = cast("AuditAction", self.action if self.action in ACTION_WORDS else "")
        words = one_line(self.text[:_LONGEST])
        return WantedEvents(since, until, self.account, action, words, self.order == "oldest")


def activity_routes(frame: AdminFrame) -> GuardedRoutes:
    """Return `GET /operator/activity`."""
    routes = GuardedRoutes()
    desk = frame.desk

    def servers_of(events: Sequence[AuditEvent]) -> dict[str, str]:
        """Return the names of the failed runs' servers by run."""
        failed = [one.run for one in events if one.action == "failed"]
        records = desk.services.runs.history.get_many(failed, None) if failed else {}
        servers = {run: desk.servers.pool.at(one.server) for run, one in records.items()}
        return {run: one.label for run, one in servers.items() if one}

    @routes.get(ACTIVITY, Access.SIGN_IN_PAGE)
    def activity(
        request: Request, chosen: Annotated[_Chosen, Depends()], cursor: str = ""
    ) -> HTMLResponse:
        """Return the page of users' actions. Ignores unknown values. Raises 404 for other users."""

        def body() -> str:
            wanted = chosen.wanted
            start = cursor if _CURSOR.fullmatch(cursor) else ""
            groups, last = _groups(desk.audit.export(desk.identity.name_of, wanted, start))
            titles = {one.name: one.title for one in desk.services.library.all_entries()}
            servers = servers_of([first for first, *_ in groups])
            rows = [_row(group, servers, titles) for group in groups]
            days = [current_language().date(first.at) for first, *_ in groups]
            turned = replace(chosen, order="" if wanted.oldest_first else "oldest")
            address = f"{ACTIVITY[1:]}?{_query(turned)}"
            order = address, wanted.oldest_first
            shown = table("events", _TITLES, rows, order, days) if rows else ""
            none = f'{html_of(_NO_MATCH)} <a href="{ACTIVITY[1:]}">{html_of(_CLEAR)}</a>'
            if chosen == _Chosen(order=chosen.order):
                none = html_of(_NONE)
            table_link = f"{AUDIT_TABLE[1:]}?{_query(wanted)}"
            save = (
                '<p class="save"><a class="button quiet" data-icon="download" download'
                f' title="{html_of(_AUDIT)}" href="{table_link}">{html_of(_SAVE)}</a></p>'
            )
            to = f'<a href="{ACTIVITY[1:]}?'
            back, more = map(html_of, _WAYS[wanted.oldest_first])
            links = [f'{to}{_query(chosen)}">{back}</a>'] if start else []
            links += [f'{to}{_query(chosen, last)}">{more}</a>'] if last else []
            return f"""<section class="card activity">{_filters(chosen, desk.people.accounts())}
<div id="found">{save}{shown or f"<p>{none}</p>"}
{f"<p>{' · '.join(links)}</p>" if links else ""}</div>
</section>"""

        return frame.shown(request, ACTIVITY, body)

    return routes


def _query(values: _Chosen | WantedEvents, cursor: str = "") -> str:
    """Return the values that aren't the usual ones as a query in HTML."""
    named = {**asdict(values), "cursor": cursor}
    named = {name: one for name, one in named.items() if one and one != FOREVER}
    return html.escape(urlencode(named))


def _midnight(day: str, later: int) -> float:
    """Return the first moment of a day, or of a `later` one; 0 if it isn't a date."""
    with suppress(ValueError, OverflowError):
        return (datetime.strptime(day, "%Y-%m-%d") + timedelta(days=later)).timestamp()
    return 0.0


def _filters(chosen: _Chosen, accounts: Mapping[str, str]) -> str:
    account, span = chosen.account, message("Time ({zone})", zone=time.strftime("%Z"))
    people = {"": _EVERYONE, account: account.partition(":")[2] or _EVERYONE, **accounts}
    return f"""<form action="{ACTIVITY[1:]}" class="filters">
{_choice("account", _PERSON, people, account) if accounts else ""}
{_choice("action", _ACTION, {"": _ALL, **ACTION_WORDS}, chosen.action)}
{_field("search", "text", _SEARCH, chosen.text)}
{_choice("days", span, {"": _ALL, **_SPANS}, chosen.days)}
{_field("date", "first", _FROM, chosen.first)}{_field("date", "last", _TO, chosen.last)}
<input type="hidden" name="order" value="{html.escape(chosen.order)}">
<noscript><button type="submit">{html_of(_SHOW)}</button></noscript>
</form>"""


def _field(kind: str, name: str, label: str, value: str) -> str:
    return f"""<label>{html_of(label)} <input type="{kind}" id="{name}" name="{name}"
 value="{html.escape(value)}"></label>"""


def _choice(name: str, label: str, options: Mapping[str, str], chosen: str) -> str:
    shown = "".join(
        f'<option value="{html.escape(key)}"{" selected" if key == chosen else ""}>'
        f"{html_of(text)}</option>"
        for key, text in options.items()
    )
    return f'<label>{html_of(label)} <select id="{name}" name="{name}">{shown}</select></label>'


def _words(one: AuditEvent, titles: Mapping[str, str]) -> tuple[str, str]:
    """Return the action and its object in words. Of a request, they name its results, workflow or
    file. `titles`: of workflows by name."""
    action, method = ACTION_WORDS[one.action], one.what.partition(" ")[0]
    title, _, name = one.what.rpartition(" (")  # of a workflow
    if one.action == "run" and title and name.endswith(")") and " " not in name:
        return action, title
    if method not in ("GET", "POST", "PUT", "DELETE"):
        return action, one.what
    path, _, query = one.what.removeprefix(f"{method} ").partition("?")
    if path == f"{API}/link":
        results = plural("{count} result", "{count} results", count=query.count("file="))
        return (_STOPPED if method == "DELETE" else action), results
    if runs := query.count("run="):
        return action, plural("{count} run", "{count} runs", count=runs)
    before, _, workflow = path.removeprefix(API).partition(_WORKFLOW)
    if workflow and not before:
        workflow = workflow.removesuffix("/keep").partition("/editor")[0]
        is_own = workflow.startswith(MARK)
        return action, OWN_WORKFLOW if is_own else titles.get(workflow, workflow)
    name = parse_qs(query).get("filename", [path.rpartition("/")[2]])[0]
    is_number = name.isdecimal()
    return action, plural("{count} result", "{count} results", count=1) if is_number else name


def _groups(events: Iterable[AuditEvent]) -> tuple[list[list[AuditEvent]], str]:
    """Return the events of each row of a page, and the id of the last one if there are more. Equal
    actions of a person within an hour, with no other of theirs between, share a row with their
    number. Those in `_OF_A_DAY` share one within a day, with no other outcome between, and those in
    `_OWN_ROW` none."""
    groups: list[list[AuditEvent]] = []
    latest: dict[object, tuple[object, list[AuditEvent]]] = {}
    outcomes: dict[object, AuditEvent] = {}  # by person: a sign-in since which all are alike
    last = ""
    for number, one in enumerate(events):
        is_daily, who = one.action in _OF_A_DAY, (one.account, one.person)
        if is_daily and outcomes.setdefault(who, one).action != one.action:
            outcomes[who] = one
        time_ = current_language().date(one.at) if is_daily else one.at // _HOUR
        alike = one.action, one.what, one.id if one.action in _OWN_ROW else ""
        line = (who, alike, outcomes[who].id) if is_daily else who
        before, group = latest.get(line, (None, []))
        is_new = (time_, alike) != before
        if number == _READ or (is_new and len(groups) == _PAGE):
            return groups, last
        if is_new:
            group = []
            groups.append(group)
        group.append(one)
        latest[line] = (time_, alike), group
        last = one.id
    return groups, ""


def _row(
    events: Sequence[AuditEvent], servers: Mapping[str, str], titles: Mapping[str, str]
) -> tuple[str | Cell, ...]:
    first = events[0]
    action, what = _words(first, titles)
    number = sum(one.count for one in events)
    count = f"\u00a0×\u00a0{number}" if number > 1 else ""
    text = f'<span title="{html_of(first.what)}">{html_of(what)}{count}</span>'
    if first.action == "failed":
        server = html_of(servers.get(first.run, ""))
        text += f"<small>{server and f'{server} · '}<code>{html.escape(first.run)}</code></small>"
    has_failed = first.action in ("failed", "sign-in")
    is_unknown = first.action == "sign-in" and not first.account
    person = Cell(html_of(_UNKNOWN_NAME)) if is_unknown else _person(first.account, first.person)
    shown = Cell(f'<span class="marked">{html_of(action)}</span>') if has_failed else action
    earliest, latest = sorted((first.at, events[-1].at))
    times = dict.fromkeys(map(current_language().time, (earliest, latest)))
    return person, shown, Cell(text), "–".join(times)


def _person(account: str, person: str) -> Cell:
    name = html_of(person or (_UNKNOWN_NAME if account else GUEST))
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
