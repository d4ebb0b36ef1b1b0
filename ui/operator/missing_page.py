"""Page of the models and nodes that workflows need and no server has."""

from __future__ import annotations

import html
from collections.abc import Sequence
from functools import partial
from typing import Annotated, Literal
from urllib.parse import urlsplit

from fastapi import Form, HTTPException, Request
from fastapi.responses import HTMLResponse, Response

from comfy.base.messages import listed, message, plural
from comfy.comfyui.servers.managers import ManagedServer, managed_servers
from comfy.requirements.known_packs import pack_name
from comfy.requirements.read import valid_pack
from comfy.requirements.readiness import is_newer
from ui.languages.current import html_of
from ui.operator.frame import MISSING, AdminFrame, lines, none, restart_form, section
from ui.page.form.missing_groups import MissingModel, MissingPack, MissingParts, missing_parts
from ui.page.plain.layout import module_tag
from ui.page.plain.questions import action_form
from ui.web.access import Access, GuardedRoutes
from ui.web.shares import Work

_MODELS, _PACKS = message("Models"), message("Node packs")
_UNREADABLE = message("Workflows that can't be read")
_MISSING = message("Missing models and nodes")
_NOTHING_LACKS = message("Every shared workflow has what it needs.")
_NOT_KNOWN = message("No server has reported its models and nodes.")
_PACK_NAMES = {
    "core": message("Nodes of ComfyUI itself"),
    "paid": message("Paid API nodes of ComfyUI"),
    "unknown": message("We don't know which pack these nodes come from."),
}
_DOWNLOAD = message("Download")
_INSTALL = message("Install")
_COPY, _COPIED = message("Copy command"), message("Copied")
_IDLE = message("Nothing to install")
_INSTALLED = message("Restart ComfyUI to load what was installed.")
_MOST_WORKFLOWS = 5


def missing_routes(frame: AdminFrame) -> GuardedRoutes:
    """Return `GET /operator/missing`, and the routes of its buttons."""
    routes = GuardedRoutes()
    desk = frame.desk
    pool = desk.servers.pool

    def body(request: Request) -> str:
        services, owner = desk.services, desk.actor(request).owner
        parts = missing_parts(services.library, services.known_parts, owner, demo=services.demo)
        versions = tuple(dict.fromkeys(one.version for _, one in services.reports() if one.version))
        return _body(parts, managed_servers(pool), versions)

    @routes.get(MISSING, Access.SIGN_IN_PAGE, work=Work.CATALOG)
    def missing(request: Request, only: Literal["", "managers"] = "") -> HTMLResponse:
        """Return the page, or only the part that renews itself. Raises 404 for other users."""
        part = partial(_managers, managed_servers(pool)) if only else partial(body, request)
        return frame.shown(request, MISSING, part)

    @routes.post(f"{MISSING}/install", Access.ADMINISTRATOR)
    def install(
        request: Request, pack: Annotated[str, Form()], version: Annotated[str, Form()] = ""
    ) -> Response:
        """Let the servers' ComfyUI-Managers install a pack, and redirect to the page."""
        if (known := valid_pack(pack, version)) is None:
            raise HTTPException(422)
        action = partial(desk.packs.install, desk.actor(request), known)
        return frame.after(request, MISSING, action, partial(body, request))

    @routes.post(f"{MISSING}/restart/{{number}}", Access.ADMINISTRATOR)
    def restart(request: Request, number: str) -> Response:
        """Restart a server, and redirect to the page."""
        server = frame.server(number)
        if server is None:
            raise HTTPException(404)
        action = partial(desk.servers.restart, desk.actor(request), server)
        return frame.after(request, MISSING, action, partial(body, request))

    return routes


def _body(parts: MissingParts, managers: Sequence[ManagedServer], versions: Sequence[str]) -> str:
    """Return the page's body. `versions`: of the ComfyUI servers."""
    if not parts.known:
        return section(_MISSING, none(_NOT_KNOWN))
    packs = [_pack(one, versions, installs=bool(managers)) for one in parts.packs]
    unreadable = [
        (f"<b>{html_of(one.title)}</b><br>{html_of(one.why)}", "") for one in parts.unreadable
    ]
    lists = (_MODELS, [*map(_model, parts.models)]), (_PACKS, packs), (_UNREADABLE, unreadable)
    cards = "".join(section(title, lines(items)) for title, items in lists if items)
    cards = cards or section(_MISSING, none(_NOTHING_LACKS))
    return f"{_managers(managers)}{cards}{module_tag('copying.js') if packs else ''}"


def _managers(managers: Sequence[ManagedServer]) -> str:
    """Return the servers' Managers with their queues, in a part that renews itself."""
    if not managers:
        return ""
    card = section("ComfyUI-Manager", lines(map(_manager, managers)))
    address = f"{MISSING[1:]}?only=managers"
    return f'<div id="now" data-address="{address}">{card}</div>{module_tag("refreshing.js")}'


def _manager(one: ManagedServer) -> tuple[str, str]:
    queue, name = one.manager.queue, one.server.label
    state = _IDLE
    if queue.is_busy:
        counts = {"done": queue.done, "total": queue.total}
        state = message("Installing: {done} of {total} done", **counts)
    elif queue.done:
        state = _INSTALLED
    ask = restart_form(f"{MISSING[1:]}/restart/{one.server.number}", one.server.number, name)
    facts = f"{html.escape(one.manager.version)} · {html_of(state)}"
    return f"<b>{html.escape(name)}</b><br>{facts}", ask


def _model(one: MissingModel) -> tuple[str, str]:
    used = message("Forms use {name} instead.", name=one.used) if one.used else ""
    similar = message("Similar: “{name}”", name=one.similar) if one.similar else ""
    facts = [one.folder, used, similar, _wanted_by(one.workflows)]
    told = "<br>".join(html_of(fact) for fact in facts if fact)
    return f"<b>{html.escape(one.name)}</b><br>{told}", _link(one.address, _DOWNLOAD, one.name)


def _pack(one: MissingPack, versions: Sequence[str], *, installs: bool) -> tuple[str, str]:
    name = _PACK_NAMES.get(one.kind) or pack_name(one.name)
    nodes = plural("{count} node", "{count} nodes", count=len(one.nodes))
    facts = [
        message("{name}: {value}", name=nodes, value=listed(one.nodes)),
        _reason(one, versions),
    ]
    told = "<br>".join(html_of(fact) for fact in [*facts, _wanted_by(one.workflows)] if fact)
    command = f"<br><code>{html.escape(one.command)}</code>" if one.command else ""
    buttons = _link(one.address, message("Open its page"), one.name)
    if one.command:
        label = html_of(message("{action}: {name}", action=_COPY, name=one.name))
        buttons += (
            f'<button type="button" class="quiet" data-copied="{html_of(_COPIED)}"'
            f' aria-label="{label}">{html_of(_COPY)}</button>'
        )
    if installs and one.command and "/" not in one.name:
        buttons += _install_form(one)
    return f"<b>{html_of(name)}</b><br>{told}{command}", buttons


def _install_form(one: MissingPack) -> str:
    hidden = "".join(
        f'<input type="hidden" name="{name}" value="{html.escape(value)}">'
        for name, value in (("pack", one.name), ("version", one.version))
    )
    label = message("{action}: {name}", action=_INSTALL, name=one.name)
    form = action_form(f"{MISSING[1:]}/install", _INSTALL, label=label)
    return form.replace("</form>", f"{hidden}</form>")


def _reason(one: MissingPack, versions: Sequence[str]) -> str:
    """Return why nodes of ComfyUI itself are missing; "" for other nodes."""
    if one.kind not in ("core", "paid"):
        return ""
    if versions and all(is_newer(one.version, here) for here in versions):
        names = {"version": one.version, "installed": listed(versions)}
        return message("Saved with ComfyUI {version}. Installed: {installed}.", **names)
    return one.reason


def _wanted_by(workflows: tuple[str, ...]) -> str:
    shown = listed([*workflows[:_MOST_WORKFLOWS], *["…"] * (len(workflows) > _MOST_WORKFLOWS)])
    return message("Wanted by: {workflows}", workflows=shown)


def _link(address: str, text: str, name: str) -> str:
    """Return a link, unless the workflow's author named something else than a web address."""
    if urlsplit(address).scheme not in ("http", "https"):
        return html.escape(address)
    label = html_of(message("{action}: {name}", action=text, name=name))
    return (
        f'<a class="button quiet" href="{html.escape(address)}" rel="noopener noreferrer"'
        f' target="_blank" aria-label="{label}">{html_of(text)}</a>'
    )
