"""Section of requested models and downloads on the page of servers, and its buttons."""

from __future__ import annotations

import html
import time
from collections.abc import Callable, Iterator
from urllib.parse import quote

from fastapi import HTTPException, Request
from fastapi.responses import Response

from comfy.base.errors import ComfyError
from comfy.base.messages import listed, message, sentences
from comfy.base.wording import bytes_words
from comfy.downloads import ServerDownloads
from comfy.records.administration import ModelRequest
from comfyforms.comfyui_node.downloads.hosts import license_page
from comfyforms.comfyui_node.downloads.queue import DOWNLOAD_ID, DownloadStatus
from ui.administration.desk import Administration
from ui.administration.servers import GUEST
from ui.documents.headlines import elapsed_words
from ui.languages.current import html_of
from ui.operator.frame import PATH, AdminFrame, action_form, asking_form, section
from ui.web.access import Access, GuardedRoutes

_REQUESTS, _DOWNLOADS = message("Requested models"), message("Downloads")
_GET, _DISMISS = message("Get"), message("Dismiss")
_DISMISS_ALL, _ASK_ALL = message("Dismiss all"), message("Dismiss all requests?")
_PAUSE, _RESUME = message("Pause"), message("Resume")
_RETRY, _CANCEL = message("Try again"), message("Cancel")
_STATES = {
    "waiting": message("Waiting for other downloads"),
    "checking": message("Checking the file…"),
    "retrying": message("Retrying…"),
    "paused": message("Paused"),
}
_MOST_FILES = 5
_DISMISS_ALL_PATH = f"{PATH}/model-requests/dismiss"


def models_section(desk: Administration) -> str:
    """Return the cards of users' requests and of unfinished downloads, or ""."""
    models = desk.models
    lists = models.downloads.lists()
    numbers = models.downloads.numbers
    lines = [
        _download(numbers[at.server.url], at, one)
        for at in lists
        for one in at.downloads
        if one.state != "done"
    ]
    try:
        requests = [_request(one, lists) for one in models.open_requests()]
    except ComfyError:  # the database is away, as the page says elsewhere
        requests = []
    cards = ((_REQUESTS, requests), (_DOWNLOADS, lines))
    bulk = {_REQUESTS: _dismiss_all() if len(requests) > 1 else ""}
    return "".join(
        section(title, f'<ul class="lines rows">{"".join(items)}</ul>{bulk.get(title, "")}')
        for title, items in cards
        if items
    )


def model_routes(
    frame: AdminFrame, failed: Callable[[Request, str, ComfyError], Response]
) -> GuardedRoutes:
    """Return the routes of the buttons. `failed`: returns the page with an error."""
    routes = GuardedRoutes()
    desk = frame.desk
    models, pool = desk.models, desk.servers.pool

    @routes.post(_DISMISS_ALL_PATH, Access.ADMINISTRATOR)
    def dismiss_all(request: Request) -> Response:
        """Dismiss all requests, and redirect to the page."""
        try:
            models.close_all()
        except ComfyError as problem:
            return failed(request, _DISMISS_ALL_PATH, problem)
        return frame.back(request, _DISMISS_ALL_PATH, PATH)

    @routes.post(f"{PATH}/model-requests/{{key}}/{{action}}", Access.ADMINISTRATOR)
    def of_request(request: Request, key: str, action: str) -> Response:
        """Download a request's models or dismiss it, and redirect to the page."""
        path = f"{PATH}/model-requests/{key}/{action}"
        try:
            if action == "dismiss":
                models.close(key)
            elif action == "get":
                usable = [at.server for at in models.downloads.lists() if not at.problem]
                server = usable[0] if usable else pool.servers[0]
                models.get_requested(desk.actor(request), server, key)
            else:
                raise HTTPException(404)
        except ComfyError as problem:
            return failed(request, path, problem)
        return frame.back(request, path, PATH)

    @routes.post(f"{PATH}/downloads/{{number}}/{{key}}/{{action}}", Access.ADMINISTRATOR)
    def of_download(request: Request, number: int, key: str, action: str) -> Response:
        """Pause, resume or cancel a download, and redirect to the page."""
        path = f"{PATH}/downloads/{number}/{key}/{action}"
        actions = {"pause": models.pause, "resume": models.resume, "cancel": models.remove}
        is_known = 0 <= number < len(pool.servers) and action in actions
        if not is_known or not DOWNLOAD_ID.fullmatch(key):
            raise HTTPException(404)
        try:
            actions[action](desk.actor(request), pool.servers[number], key)
        except ComfyError as problem:
            return failed(request, path, problem)
        return frame.back(request, path, PATH)

    return routes


def _dismiss_all() -> str:
    texts = (_DISMISS_ALL, _ASK_ALL, _DISMISS_ALL)
    form = asking_form(_DISMISS_ALL_PATH[1:], texts, "dismiss-all", "")
    return f'<div class="buttons">{form}</div>'


def _request(request: ModelRequest, lists: tuple[ServerDownloads, ...]) -> str:
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
    return f"""<li><div><b>{html.escape(request.title)}</b> · {who}<br>{details}</div>
<div class="buttons">{buttons}</div></li>"""


def _download(number: int, at: ServerDownloads, one: DownloadStatus) -> str:
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
    return f"""<li><div><b>{html.escape(one.name)}</b><br>{details}</div>
<div class="buttons">{buttons}</div></li>"""


def _actions(state: str) -> Iterator[tuple[str, str]]:
    if state in ("paused", "failed"):
        yield "resume", _RETRY if state == "failed" else _RESUME
    else:
        yield "pause", _PAUSE
    yield "cancel", _CANCEL
