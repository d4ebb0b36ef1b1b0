"""Page of the models and nodes that workflows need and no server has."""

from __future__ import annotations

import html
from urllib.parse import urlsplit

from fastapi import Request
from fastapi.responses import HTMLResponse

from comfy.base.messages import listed, message, plural
from ui.languages.current import html_of
from ui.operator.frame import MISSING, AdminFrame, section
from ui.page.form.missing_groups import MissingModel, MissingPack, MissingParts, missing_parts
from ui.web.access import Access, GuardedRoutes
from ui.web.shares import Work

_MODELS, _PACKS = message("Models"), message("Node packs")
_UNREADABLE = message("Workflows that can't be read")
_NOTHING_LACKS = message("Every workflow has what it needs.")
_NOT_KNOWN = message("No server has reported its models and nodes.")
_PACK_NAMES = {
    "core": message("Nodes of ComfyUI itself"),
    "paid": message("Paid API nodes of ComfyUI"),
    "unknown": message("Nodes of an unknown pack"),
}
_NEWER = message("Other versions of ComfyUI have them.")
_DOWNLOAD = message("Download")
_MOST_WORKFLOWS = 5


def missing_routes(frame: AdminFrame) -> GuardedRoutes:
    """Return `GET /operator/missing`."""
    routes = GuardedRoutes()

    @routes.get(MISSING, Access.SIGN_IN_PAGE, work=Work.CATALOG)
    def missing(request: Request) -> HTMLResponse:
        """Return the page. Raises 404 for other users."""
        services = frame.desk.services
        return frame.shown(
            request, MISSING, lambda: _body(missing_parts(services.library, demo=services.demo))
        )

    return routes


def _body(parts: MissingParts) -> str:
    if not parts.known:
        return f'<section class="card"><p>{html_of(_NOT_KNOWN)}</p></section>'
    lists = (
        (_MODELS, "".join(map(_model, parts.models))),
        (_PACKS, "".join(map(_pack, parts.packs))),
        (
            _UNREADABLE,
            "".join(
                f"<li><b>{html_of(one.title)}</b><br>{html_of(one.why)}</li>"
                for one in parts.unreadable
            ),
        ),
    )
    cards = "".join(
        section(title, f'<ul class="lines rows">{items}</ul>') for title, items in lists if items
    )
    return cards or f'<section class="card"><p>{html_of(_NOTHING_LACKS)}</p></section>'


def _model(one: MissingModel) -> str:
    used = message("Forms use {name} instead.", name=one.used) if one.used else ""
    similar = message("Similar: “{name}”", name=one.similar) if one.similar else ""
    facts = [one.folder, used, similar, _wanted_by(one.workflows)]
    lines = "<br>".join(html_of(fact) for fact in facts if fact)
    link = _link(one.address, _DOWNLOAD, one.name)
    return f"<li><div><b>{html.escape(one.name)}</b><br>{lines}</div>{link}</li>"


def _pack(one: MissingPack) -> str:
    name = _PACK_NAMES.get(one.kind) or one.name
    nodes = plural("{count} node", "{count} nodes", count=len(one.nodes))
    reason = one.reason or (_NEWER if one.kind in ("core", "paid") else "")
    facts = [message("{name}: {value}", name=nodes, value=listed(one.nodes)), reason]
    lines = "<br>".join(html_of(fact) for fact in [*facts, _wanted_by(one.workflows)] if fact)
    link = _link(one.address, message("Open its page"), one.name)
    return f"<li><div><b>{html_of(name)}</b><br>{lines}</div>{link}</li>"


def _wanted_by(workflows: tuple[str, ...]) -> str:
    shown = listed([*workflows[:_MOST_WORKFLOWS], *["…"] * (len(workflows) > _MOST_WORKFLOWS)])
    return message("Wanted by: {workflows}", workflows=shown)


def _link(address: str, text: str, name: str) -> str:
    """Return a link, unless the workflow's author named something else than a web address."""
    if urlsplit(address).scheme not in ("http", "https"):
        return html.escape(address)
    label = html_of(message("{action}: {name}", action=text, name=name))
    return (
        f'<div class="buttons"><a class="button quiet" href="{html.escape(address)}" rel="noopener'
        f' noreferrer" target="_blank" aria-label="{label}">{html_of(text)}</a></div>'
    )
