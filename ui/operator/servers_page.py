"""The administrator's page of servers, downloads and runs, with its buttons and the card in which
administrators write the notice that all pages show."""

from __future__ import annotations

import html
import platform
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import metadata
from types import MappingProxyType
from typing import Annotated, Literal
from urllib.parse import quote

from fastapi import Form, HTTPException, Request
from fastapi.responses import HTMLResponse, Response

from comfy.base.errors import ComfyError, RunNotFound
from comfy.base.messages import listed, message, sentences
from comfy.base.version import app_version
from comfy.base.wording import bytes_words
from comfy.comfyui.servers.reports import Memory
from comfy.comfyui.servers.server import ComfyServer
from comfy.downloads import ServerDownloads
from comfy.local_comfyui.supervisor import ComfyUIStatus
from comfy.records.administration import ModelRequest, Notice
from comfyforms.comfyui_node.downloads.hosts import license_page
from comfyforms.comfyui_node.downloads.queue import DOWNLOAD_ID, Change, DownloadStatus
from ui.administration.announcements import LONGEST_NOTICE
from ui.administration.audit_log import Actor
from ui.administration.desk import Administration
from ui.administration.servers import (
    GUEST,
    BatchAction,
    BatchLine,
    Overview,
    RunLine,
    ServerActions,
    ServerLine,
)
from ui.documents.headlines import elapsed_words, seconds_words
from ui.languages.current import current_language, html_of
from ui.operator.day_card import day_card
from ui.operator.frame import PATH, AdminFrame, lines, none, restart_form, section
from ui.operator.tables import Cell, table
from ui.page.plain.layout import module_tag
from ui.page.plain.questions import action_form, asking_form, more_buttons
from ui.web.access import Access, GuardedRoutes
from ui.web.responses import NO_STORE
from ui.web.shares import Work

Duration = Literal["always", "hour", "hours", "day", "week"]
_HOUR = 3600.0
_DURATIONS = MappingProxyType(
    {
        "always": (message("Until I remove it"), None),
        "hour": (message("1 hour"), _HOUR),
        "hours": (message("4 hours"), 4 * _HOUR),
        "day": (message("1 day"), 24 * _HOUR),
        "week": (message("1 week"), 7 * 24 * _HOUR),
    }
)
_NOTICE = message("Notice to everyone")
_TEXT = message("Text on all pages")
_SHOWN = message("Open pages show it at once. Guests who aren't signed in don't see it.")
_SHOW_FOR, _REPLACE = message("Show it for"), message("Replace notice")
_SHOW, _REMOVE = message("Show notice"), message("Remove notice")
_FOREVER = message("Shown until you remove it.")
_SERVERS = message("Servers")
_SERVER, _STATE, _QUEUE = message("Server"), message("State"), message("Queue")
_MEMORY, _VERSION, _STARTED = message("Memory"), message("Version"), message("Submitted")
_WORKFLOW, _PERSON = message("Workflow"), message("Person")
_ONLINE = message("Online")
_OFFLINE = message("Offline")
_PAUSED = message("Paused")
_PAUSE = message("Pause")
_RESUME = message("Resume")
_FREE = message("Free memory")
_STARTING = message("Starting")
_UPDATE = message("Refresh models")
_ABOUT: Mapping[str, str] = MappingProxyType(
    {
        "pause": message("Active runs finish. New runs wait, or use other servers."),
        "free": message("If runs lack memory: unloads all models after the active run."),
        "update": message("After you added model files: reads the server's list again."),
    }
)
_LOG = message("Log")
_RUNS = message("Runs")
_PREVIEW = message("Preview")
_NO_RUNS = message("No runs")
_VERSIONS = message("Versions")
_STOP, _ASK_STOP = message("Stop"), message("Stop…")
_MOVES = (("front", message("To the front")), ("back", message("To the back")))
_GB = 2**30
_STATES = {
    "waiting": message("Waiting for other downloads"),
    "checking": message("Checking the file…"),
    "retrying": message("Retrying…"),
    "paused": message("Paused"),
}
_CHANGES: Mapping[str, Change] = {"pause": "pause", "resume": "resume", "cancel": "remove"}
_MOST_FILES = 5
_DISMISS_ALL_PATH = f"{PATH}/model-requests/dismiss"
_GONE = message("This run has ended.")
_SAID = {"free": "freed", "update": "updated"}  # what the page says afterwards, in its address
_ACTIONS: Mapping[str, Callable[[ServerActions, Actor, ComfyServer], None]] = {
    "pause": ServerActions.pause,
    "resume": ServerActions.resume,
    "free": ServerActions.free,
    "update": ServerActions.update_list,
    "restart": ServerActions.restart,
}
_REQUESTS, _DOWNLOADS = message("Requested models"), message("Downloads")
_GET, _DISMISS = message("Get"), message("Dismiss")
_DISMISS_ALL, _ASK_ALL = message("Dismiss all…"), message("Dismiss all requests?")
_PAUSE_DOWNLOAD, _RESUME_DOWNLOAD = message("Pause"), message("Resume")
_RETRY, _CANCEL = message("Try again"), message("Cancel")


def _notice_card(notice: Notice | None) -> str:
    """Return the card with the current notice, and the form for another."""
    options = "".join(
        f'<option value="{name}">{html_of(words)}</option>'
        for name, (words, _) in _DURATIONS.items()
    )
    return section(
        _NOTICE,
        f"""{_current(notice) if notice else ""}<form method="post" action="{PATH[1:]}/notice"
 class="fields">
<p><label for="notice-text">{html_of(_TEXT)}</label>
<input id="notice-text" name="text" maxlength="{LONGEST_NOTICE}" autocomplete="off" required
 aria-describedby="notice-shown"></p>
<p><label for="notice-duration">{html_of(_SHOW_FOR)}</label>
<select id="notice-duration" name="duration">{options}</select></p>
<button type="submit" class="quiet">{html_of(_REPLACE if notice else _SHOW)}</button>
</form>
<p id="notice-shown">{html_of(_SHOWN)}</p>""",
    )


def _current(notice: Notice) -> str:
    end = (
        _FOREVER
        if notice.until is None
        else message("Shown until {time}.", time=current_language().moment(notice.until))
    )
    button = action_form(f"{PATH[1:]}/notice/remove", _REMOVE)
    return lines([(f"<b>{html_of(notice.text)}</b><br>{html_of(end)}", button)])


def overview_body(
    now: Overview,
    notice: Notice | None,
    done: str,
    day: str,
    more: str,
    last: str,
) -> str:
    """Return the page's body. `done`: what the last button did; `day`: the first card; `more`:
    sections below the servers; `last`: below the runs."""
    said = f'<p class="done" role="status">{html_of(done)}</p>' if done else ""
    return f"""{said}<div id="now" data-address="{PATH[1:]}">
{day}
{section(_SERVERS, _servers(now.servers))}
{more}
{section(_RUNS, _runs(now.runs, now.batches))}
{last}
</div>
{_notice_card(notice)}
{section(_VERSIONS, _versions())}
{module_tag("refreshing.js")}"""


def _servers(servers: Sequence[ServerLine]) -> str:
    is_one = len(servers) == 1
    rows = [
        _server(one, "ComfyUI" if is_one else f"ComfyUI {n}") for n, one in enumerate(servers, 1)
    ]
    return table("servers", (_SERVER, _STATE, _QUEUE, _MEMORY, _VERSION, ""), rows)


def _server(line: ServerLine, unnamed: str) -> tuple[str | Cell, ...]:
    server, report = line.server, line.report
    state, shade = (_ONLINE, "up") if report.up else (_OFFLINE, "away")
    if server.starting:
        state, shade = _STARTING, "drained"
    if server.drained and report.up:
        state, shade = _PAUSED, "drained"
    is_named = server.label != server.url  # by the administrator
    name = server.label if is_named else unnamed
    facts = _process_facts(line.process) if line.process else []
    if not report.up:
        since = server.away_since and current_language().moment(server.away_since)
        facts = [server.problem, message("Since {time}", time=since) if since else "", *facts]
    told = "".join(f"<br>{html_of(one)}" for one in facts if one)
    queue = Cell("–", -1)
    if report.running is not None:
        counts = {"running": report.running, "waiting": report.waiting}
        words = message("{running} running, {waiting} waiting", **counts)
        queue = Cell(html_of(words), report.running + (report.waiting or 0))
    memory = "<br>".join(html_of(fact) for one in report.memory if (fact := _memory(one)))
    turn, *others = _server_buttons(line, name)
    more = more_buttons(f"more-{server.number}", name, "".join(others)) if others else ""
    return (
        Cell(f"<b>{html_of(name)}</b><br>{html.escape(server.url)}"),
        Cell(f'<span class="state {shade}">{html_of(state)}</span>{told}'),
        *(queue, Cell(memory or "–", report.memory[0].free if report.memory else 0)),
        *(report.version or "–", Cell(f'<div class="buttons wraps">{turn}{more}</div>')),
    )


def _server_buttons(line: ServerLine, name: str) -> Iterator[str]:
    """Yield the buttons of a server, the most important one first."""
    number = line.server.number
    resume = "resume", _RESUME, message("Resume {server}", server=name)
    pause = "pause", _PAUSE, message("Pause {server}", server=name)
    yield _button(number, *(resume if line.server.drained else pause))
    if line.report.up:
        free = message("Free memory of {server}", server=name)
        yield _button(number, "free", _FREE, free)
        update = message("Refresh models of {server}", server=name)
        yield _button(number, "update", _UPDATE, update)
    if line.process is not None:
        yield _process_buttons(number, name)


def _process_facts(process: ComfyUIStatus) -> list[str]:
    facts = []
    if process.last_end is not None:
        facts.append(process.last_end.sentence)
    if process.phase == "pausing":
        left = elapsed_words(process.until - time.monotonic())
        facts.append(message("Starts again in {time}", time=left))
    return facts


def _process_buttons(at: int, name: str) -> str:
    """Return the buttons of a ComfyUI that the app starts."""
    ask = restart_form(f"{PATH[1:]}/servers/{at}/restart", at, name)
    label = html_of(message("Log of {server}", server=name))
    log = f"{PATH[1:]}/servers/{at}/log"
    return f'{ask}<a class="button quiet" href="{log}" aria-label="{label}">{html_of(_LOG)}</a>'


def _memory(one: Memory) -> str:
    if one.free is None or not one.total:
        return ""
    free, total = (current_language().number(amount / _GB, 1) for amount in (one.free, one.total))
    return message("{free} of {total}\u00a0GB free", free=free, total=total)


def _button(at: int, action: str, text: str, label: str) -> str:
    name = "pause" if action == "resume" else action  # keeps the focus on the button
    address = f"{PATH[1:]}/servers/{at}/{action}"
    about = _ABOUT.get(action, "")
    return action_form(address, text, label=label, name=f"{name}-{at}", about=about)


def _runs(runs: tuple[RunLine, ...], batches: tuple[BatchLine, ...]) -> str:
    moves = _MOVES if sum(run.waits for run in runs) > 1 else ()
    rows = [*map(_batch, batches), *(_run(run, moves) for run in runs)]
    if not rows:
        return none(_NO_RUNS)
    return table("runs", (_WORKFLOW, _PERSON, _STATE, _SERVER, _STARTED, "", ""), rows)


def _batch(batch: BatchLine) -> tuple[str | Cell, ...]:
    title = message("Batch: {workflow}", workflow=batch.workflow)
    is_paused = batch.state == "paused"
    numbers = {"done": batch.done, "count": batch.rows}
    words: list[str] = [message("{done} of {count} done", **numbers)]
    if batch.failed:
        failed = message("{done} of {count} done, {failed} failed", **numbers, failed=batch.failed)
        words = [failed]
    if is_paused:
        words.insert(0, _PAUSED)
    elif batch.seconds_left and not batch.why:
        words.append(message("about {time} left", time=seconds_words(batch.seconds_left)))
    facts = [" · ".join(map(html_of, words)), html_of(batch.why)]
    action, text = ("continue", _RESUME) if is_paused else ("pause", _PAUSE)
    address, label = f"{PATH[1:]}/batches/{batch.id}", f"{title}, {batch.owner}"
    turn = action_form(
        f"{address}/{action}",
        text,
        label=message("{action}: {name}", action=text, name=label),
        name=f"pause-{batch.id}",
    )
    stop = asking_form(
        f"{address}/stop",
        (_ASK_STOP, message("Stop this batch?"), _STOP),
        f"stop-{batch.id}",
        f"<p><b>{html_of(batch.workflow)}</b> · {html_of(batch.owner)}<br>{facts[0]}</p>",
        message("{action}: {name}", action=_ASK_STOP, name=label),
    )
    return (
        *(Cell(f"<b>{html_of(title)}</b>"), batch.owner, Cell("<br>".join(filter(None, facts)))),
        *("", Cell(html_of(batch.since), batch.submitted_at), ""),
        Cell(f'<div class="buttons wraps">{turn}{stop}</div>'),
    )


def _run(run: RunLine, moves: Iterable[tuple[str, str]]) -> tuple[str | Cell, ...]:
    address = f"{PATH[1:]}/runs/{run.id}/preview?{run.preview}"
    image = f'<img src="{address}" alt="{html_of(_PREVIEW)}">' if run.preview else ""
    buttons = "".join(_run_button(run, *one) for one in moves) if run.waits else ""
    return (
        *(Cell(f"<b>{html_of(run.workflow)}</b>"), run.owner, run.progress, run.server),
        *(Cell(html_of(run.since), run.submitted_at), Cell(image)),
        Cell(f'<div class="buttons wraps">{buttons}{_stop_button(run)}</div>'),
    )


def _stop_button(run: RunLine) -> str:
    others = message("It is one of a batch of {count}. The others continue.", count=run.batch)
    return asking_form(
        f"{PATH[1:]}/runs/{run.id}/stop",
        (_ASK_STOP, message("Stop this run?"), _STOP),
        f"stop-{run.id}",
        f"<p><b>{html_of(run.workflow)}</b> · {html_of(run.owner)}</p>"
        f"{f'<p>{html_of(others)}</p>' if run.batch > 1 else ''}",
        message("{action}: {name}", action=_ASK_STOP, name=f"{run.workflow}, {run.owner}"),
    )


def _run_button(run: RunLine, action: str, text: str) -> str:
    label = message("{action}: {name}", action=text, name=f"{run.workflow}, {run.owner}")
    address = f"{PATH[1:]}/runs/{run.id}/{action}"
    return action_form(address, text, label=label, name=f"{action}-{run.id}")


def _versions() -> str:
    told = {
        "ComfyForms": app_version(),
        "Gradio": metadata.version("gradio"),
        "Python": platform.python_version(),
    }
    return none(" · ".join(f"{name} {one}" for name, one in told.items()))


def _models_section(desk: Administration) -> str:
    """Return the cards of users' requests and of unfinished downloads, or ""."""
    models = desk.models
    lists = models.downloads.lists()
    numbers = models.downloads.numbers
    unfinished = [
        _download(numbers[at.server.url], at, one)
        for at in lists
        for one in at.downloads
        if one.state != "done"
    ]
    try:
        requests = [_request(one, lists) for one in models.open_requests()]
    except ComfyError:  # the database is away, as the page says elsewhere
        requests = []
    cards = ((_REQUESTS, requests), (_DOWNLOADS, unfinished))
    bulk = {_REQUESTS: _dismiss_all() if len(requests) > 1 else ""}
    return "".join(
        section(title, f"{lines(items)}{bulk.get(title, '')}") for title, items in cards if items
    )


def model_routes(
    desk: Administration, after: Callable[[Request, Callable[[], object]], Response]
) -> GuardedRoutes:
    """Return the routes of the buttons. `after`: runs an action and returns the answer."""
    routes = GuardedRoutes()
    models, pool = desk.models, desk.servers.pool

    @routes.post(_DISMISS_ALL_PATH, Access.ADMINISTRATOR)
    def dismiss_all(request: Request) -> Response:
        """Dismiss all requests, and redirect to the page."""
        return after(request, models.close_all)

    @routes.post(f"{PATH}/model-requests/{{key}}/{{action}}", Access.ADMINISTRATOR)
    def of_request(request: Request, key: str, action: Literal["get", "dismiss"]) -> Response:
        """Download a request's models or dismiss it, and redirect to the page."""

        def get() -> None:
            usable = [at.server for at in models.downloads.lists() if not at.problem]
            server = usable[0] if usable else pool.servers[0]
            models.get_requested(desk.actor(request), server, key)

        return after(request, get if action == "get" else partial(models.close, key))

    @routes.post(f"{PATH}/downloads/{{number}}/{{key}}/{{action}}", Access.ADMINISTRATOR)
    def of_download(request: Request, number: int, key: str, action: str) -> Response:
        """Pause, resume or cancel a download, and redirect to the page."""
        is_known = 0 <= number < len(pool.servers) and action in _CHANGES
        if not is_known or not DOWNLOAD_ID.fullmatch(key):
            raise HTTPException(404)
        actor, server, change = desk.actor(request), pool.servers[number], _CHANGES[action]
        return after(request, lambda: models.change(actor, server, key, change))

    return routes


def _dismiss_all() -> str:
    texts = (_DISMISS_ALL, _ASK_ALL, message("Dismiss all"))
    form = asking_form(_DISMISS_ALL_PATH[1:], texts, "dismiss-all", "")
    return f'<div class="buttons wraps">{form}</div>'


def _request(request: ModelRequest, lists: tuple[ServerDownloads, ...]) -> tuple[str, str]:
    names = [one.name for one in request.files]
    shown = [*names[:_MOST_FILES], *(["…"] if len(names) > _MOST_FILES else [])]
    wanted = listed(shown) if names else message("Missing nodes")
    since = message("{time} ago", time=elapsed_words(time.time() - request.at))
    sources = dict.fromkeys(license_page(one.url) or one.url for one in request.files if one.url)
    facts = (wanted, *[*sources][:_MOST_FILES], since)
    why = next((at.problem for at in lists if at.problem), "")
    can_get = bool(names) and any(not at.problem for at in lists)
    details = "<br>".join(html_of(one) for one in (*facts, "" if can_get else why) if one)
    label = f"{request.title}, {request.person}"
    actions = [("get", _GET)] if can_get else []
    buttons = "".join(
        action_form(
            f"{PATH[1:]}/model-requests/{request.id}/{action}",
            text,
            label=message("{action}: {name}", action=text, name=label),
            name=f"{action}-{request.id}",
        )
        for action, text in [*actions, ("dismiss", _DISMISS)]
    )
    who = html_of(request.person or GUEST)
    return f"<b>{html.escape(request.title)}</b> · {who}<br>{details}", buttons


def _download(number: int, at: ServerDownloads, one: DownloadStatus) -> tuple[str, str]:
    buttons = "".join(
        action_form(
            f"{PATH[1:]}/downloads/{number}/{quote(one.id, safe='')}/{action}",
            text,
            label=message("{action}: {name}", action=text, name=one.name),
            name=f"{action}-{one.id}",
        )
        for action, text in _actions(one.state)
    )
    amount = bytes_words(one.received)
    if one.size:
        amount = message("{part} of {whole}", part=amount, whole=bytes_words(one.size))
    speed = message("{size}/s", size=bytes_words(one.speed)) if one.speed else ""
    facts = (at.server.label, amount, speed, sentences(_STATES.get(one.state, ""), one.problem))
    details = " · ".join(html_of(fact) for fact in facts if fact)
    return f"<b>{html.escape(one.name)}</b><br>{details}", buttons


def _actions(state: str) -> Iterator[tuple[str, str]]:
    if state in ("paused", "failed"):
        yield "resume", _RETRY if state == "failed" else _RESUME_DOWNLOAD
    else:
        yield "pause", _PAUSE_DOWNLOAD
    yield "cancel", _CANCEL


def operator_routes(frame: AdminFrame) -> GuardedRoutes:
    """Return `GET /operator`, `GET /operator/runs/{run_id}/preview` for its images, and the routes
    of its buttons."""
    handlers = OperatorHandlers(frame, frame.desk)
    routes = GuardedRoutes.of(handlers)
    routes.include(model_routes(frame.desk, handlers.after))
    return routes


@dataclass(frozen=True, slots=True)
class OperatorHandlers:
    """Handlers of the page, its images and its buttons."""

    frame: AdminFrame
    desk: Administration

    routes = GuardedRoutes()

    def _body(self, done: str = "") -> str:
        notice = self.desk.announcements.notice
        more, last = self.frame.sections()
        more += _models_section(self.desk)
        now = self.desk.monitor.overview()
        return overview_body(now, notice, done, day_card(now, self.desk.figures), more, last)

    def after(self, request: Request, action: Callable[[], object], status: int = 409) -> Response:
        return self.frame.after(request, PATH, action, self._body, status)

    @routes.get(PATH, Access.SIGN_IN_PAGE, work=Work.HEALTH)
    def operator(self, request: Request, freed: str = "", updated: str = "") -> HTMLResponse:
        """Return the page; without a user, return the sign-in page. Raises 404 for other users."""
        done = ""
        if server := self.frame.server(freed):
            done = message("Freed the memory of {server}.", server=server.label)
        elif server := self.frame.server(updated):
            done = message("Updated the list of {server}.", server=server.label)
        return self.frame.shown(request, PATH, lambda: self._body(done))

    @routes.get(f"{PATH}/runs/{{run_id}}/preview", Access.ADMINISTRATOR)
    def preview(self, run_id: str) -> Response:
        """Return the newest image of any user's run; 404 if administrators may not see it."""
        image = self.desk.monitor.preview_of(run_id)
        if image is None:
            raise HTTPException(404)
        return Response(image.data, media_type=image.media_type, headers=NO_STORE)

    @routes.post(f"{PATH}/servers/{{number}}/{{action}}", Access.ADMINISTRATOR)
    def act(self, request: Request, number: str, action: str) -> Response:
        """Run the action and redirect to the page. If the server failed, return the page with the
        reason and status 409."""
        server = self.frame.server(number)
        if server is None or action not in _ACTIONS:
            raise HTTPException(404)
        try:
            _ACTIONS[action](self.desk.servers, self.desk.actor(request), server)
        except ComfyError as problem:
            return self.frame.failed(request, PATH, self._body(), problem)
        said = _SAID.get(action)
        return self.frame.back(request, f"{PATH}?{said}={number}" if said else PATH)

    @routes.post(f"{PATH}/runs/{{run_id}}/{{action}}", Access.ADMINISTRATOR)
    def of_run(
        self, request: Request, run_id: str, action: Literal["stop", "front", "back"]
    ) -> Response:
        """Stop any user's run or move it in the queue, and redirect to the page."""
        actor = self.desk.actor(request)
        try:
            if action == "stop":
                self.desk.runs.stop(actor, run_id)
            else:
                self.desk.runs.move(actor, run_id, first=action == "front")
        except RunNotFound:
            return self.frame.failed(request, PATH, self._body(), ComfyError(_GONE))
        return self.frame.back(request, PATH)

    @routes.post(f"{PATH}/batches/{{batch_id}}/{{action}}", Access.ADMINISTRATOR)
    def of_batch(self, request: Request, batch_id: str, action: BatchAction) -> Response:
        """Pause, continue or stop any user's batch, and redirect to the page."""
        actor = self.desk.actor(request)
        return self.after(request, lambda: self.desk.runs.change_batch(actor, batch_id, action))

    @routes.post(f"{PATH}/notice", Access.ADMINISTRATOR)
    def put_notice(
        self,
        request: Request,
        text: Annotated[str, Form()],
        duration: Annotated[Duration, Form()] = "always",
    ) -> Response:
        """Show a notice on all open pages and redirect to the page."""
        (_, seconds), actor = _DURATIONS[duration], self.desk.actor(request)
        return self.after(request, lambda: self.desk.announcements.put(actor, text, seconds), 422)

    @routes.post(f"{PATH}/notice/remove", Access.ADMINISTRATOR)
    def remove_notice(self, request: Request) -> Response:
        """Remove the notice and redirect to the page."""
        actor = self.desk.actor(request)
        return self.after(request, lambda: self.desk.announcements.remove(actor))
