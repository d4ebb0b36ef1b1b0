"""The editor's host name: what exists there, and what doesn't exist at the app's."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from urllib.parse import parse_qs, quote, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection, Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from comfy.base.messages import message
from comfy.comfyui.client.address import is_loopback
from comfy.records.tables import digest
from comfyforms.plugins.comfyui_editor.passes import CODE_SECONDS, EditorPass, Passes
from ui.accounts.login import PREVIEWS, PROGRAMS, SignedIn
from ui.page.plain.layout import notice_page
from ui.web.addresses import FORWARDED_USER, host_name
from ui.web.failures import refusal_for
from ui.web.identity import GRANTED, OWN_PAGE_ONLY, Identity, owner_of_user, site_of
from ui.web.responses import TOO_MANY_REQUESTS
from ui.web.shares import Caller, Share

PAGE = "/comfyui-editor"  # of the app; it leads to the editor
WITHIN = f"{PAGE}/site"  # where the app has the editor's own routes; no host shows this path
ENTRY = "/enter"
EDITOR = "editor"  # the scope of these routes
_SCOPE = f"{PROGRAMS} {PREVIEWS} {EDITOR}"
_UNKNOWN = "Not Found"
_MOST_BYTES, _ENTRY_SECONDS = 4096, 5.0  # of an entry's form
_MOST_ENTERING = (100, 100, 10)  # at a time: in total twice, and from one address
_MOST_NAMED = 8 * 3600.0  # seconds: the app doesn't learn of a sign-out at a proxy
# Scripts of the front end and of node packs run here, but they load nothing from other sites, send
# nothing there, and can't stay as a service worker.
_POLICY = (
    "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; object-src 'none';"
    " base-uri 'self'; form-action 'self'; frame-ancestors 'self'"
)
_HEADERS = {
    "content-security-policy": _POLICY,  # also of scripts, for workers
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
}
_CLOSED = message("Open the editor from the app")
_WHY = message("This address is for ComfyUI's editor. It opens from the app, where you sign in.")


@dataclass(frozen=True, slots=True)
class EditorSite:
    """The editor's address and its users. `origin`: see `editor_address`. `names`: the app's own
    host names. `opens`: whether an owner may open workflows of their own."""

    origin: str
    names: frozenset[str]
    identity: Identity
    passes: Passes
    opens: Callable[[str], bool]

    @property
    def name(self) -> str:
        return host_name(urlsplit(self.origin).netloc)

    def may_open(self, owner: str) -> bool:
        """Return whether an owner may use the editor: a user with an account."""
        return owner.startswith(("user:", "openid:")) and self.opens(owner)

    def origin_for(self, request: HTTPConnection) -> str:
        """Return the origin for a browser that reaches the app with this request."""
        parts, here = urlsplit(self.origin), urlsplit(f"//{request.headers.get('host', '')}")
        if parts.port is None and here.port is not None:
            return f"{self.origin}:{here.port}"
        return self.origin

    def code_for(self, request: HTTPConnection, root: str, workflow: str) -> str | None:
        """Return a code for the caller's session; None without one, without the right, or if `root`
        isn't the app's own."""
        who, login = self.identity.signed_in(request), self.identity.login
        if who is None or login is None or not is_own(request, root, self.names):
            return None
        named, ends = who.name if who.way == "proxy" else "", login.clock() + CODE_SECONDS
        code = EditorPass("code", who.key, root, ends, named, workflow)
        return self.passes.sealed(code) if self.user(code) else None

    def admitted(self, request: HTTPConnection) -> tuple[EditorPass, SignedIn] | None:
        """Return the cookie of a request and its user; None if it doesn't count any more."""
        found = self.cookie(request)
        who = self.user(found) if found else None
        return (found, who) if found and who else None

    def cookie(self, request: HTTPConnection) -> EditorPass | None:
        sealed, login = request.cookies.get(self.cookie_name(request), ""), self.identity.login
        return self.passes.opened(sealed, "cookie", login.clock()) if login else None

    def cookie_name(self, request: HTTPConnection) -> str:
        return f"{self.identity.cookies.name(request)}-editor"

    def user(self, given: EditorPass) -> SignedIn | None:
        """Return the user of a pass, with the editor's scope, unless they may not use it."""
        login = self.identity.login
        if login is None:
            return None
        who = login.by_proxy(given.named) if given.named else login.by_session(given.session)
        if who is None or not self.may_open(owner_of_user(who)):
            return None
        return replace(who, by_token=True, scope=_SCOPE)


class EditorHost:
    """ASGI middleware that keeps two host names apart. At the editor's, only the programs' API and
    the routes of this part exist, for a request with the editor's cookie; other credentials don't
    count. At the app's, the editor's routes don't exist, and background requests of another host
    name of the same site are anonymous, as for any other site."""

    def __init__(self, app: ASGIApp, site: EditorSite) -> None:
        self.app = app
        self.site = site
        self._entering = Share(*_MOST_ENTERING)  # the limits of requests come after this

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
        elif host_name(Headers(scope=scope).get("host", "")) == self.site.name:
            await self._at_editor(scope, receive, _guarded(send))
        else:
            await self._at_app(scope, receive, send)

    async def _at_app(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        if f"{scope['path']}/".startswith(f"{WITHIN}/"):
            await refusal_for(scope, _UNKNOWN, 404)(scope, receive, send)
            return
        is_read = scope.get("method") in ("GET", "HEAD")
        loads = not is_read or headers.get("sec-fetch-mode") != "navigate"
        if headers.get("sec-fetch-site") == "same-site" and loads:
            scope = _anonymous(scope)
        await self.app(scope, receive, send)

    async def _at_editor(self, scope: Scope, receive: Receive, send: Send) -> None:
        request, identity = HTTPConnection(scope), self.site.identity
        if scope["type"] == "http" and scope["path"] == ENTRY and scope["method"] == "POST":
            answer = refusal_for(scope, TOO_MANY_REQUESTS, 429)
            with self._entering.held(Caller.of("", scope)) as has_place:
                if has_place:
                    answer = await self._entered(Request(scope, receive))
            await answer(scope, receive, send)
            return
        if request.headers.get("service-worker"):
            await refusal_for(scope, _UNKNOWN, 404)(scope, receive, send)
            return
        cookie, admitted = self.site.cookie(request), partial(self.site.admitted, request)
        if admitted() is None and request.headers.get("sec-fetch-mode") == "navigate":
            closed: Response = notice_page("", _CLOSED, _WHY, status=401, leads_on=False)
            if cookie is not None:
                closed = RedirectResponse(f"{cookie.root}{PAGE}", 303)
            await closed(scope, receive, send)
            return
        scope = {
            **_anonymous(scope),
            GRANTED: lambda: who[1] if (who := admitted()) else None,
            "state": {**scope.get("state", {}), "editor_pass": cookie},
        }
        if identity.scope_of(scope) != PROGRAMS:
            path = (WITHIN + scope["path"]).rstrip("/")
            scope = {**scope, "path": path, "raw_path": quote(path).encode()}
            if identity.scope_of(scope) != EDITOR:
                await refusal_for(scope, _UNKNOWN, 404)(scope, receive, send)
                return
        await self.app(scope, receive, send)

    async def _entered(self, request: Request) -> Response:
        """Exchange a code for the cookie. Only the app's own page can send it, so no other site
        can sign a browser in as another user."""
        site, login = self.site, self.site.identity.login
        if login is None:
            return refusal_for(request.scope, _UNKNOWN, 404)
        body = b""
        try:
            async with asyncio.timeout(_ENTRY_SECONDS):
                async for part in request.stream():
                    body += part
                    if len(body) > _MOST_BYTES:
                        return refusal_for(request.scope, _UNKNOWN, 404)
        except TimeoutError:
            return refusal_for(request.scope, _UNKNOWN, 404)
        form = parse_qs(body.decode(errors="replace"))
        code = site.passes.opened(form.get("code", [""])[0], "code", login.clock())
        if code is None or not site.passes.use(code):
            return notice_page("", _CLOSED, _WHY, status=401, leads_on=False)
        parts = urlsplit(code.root)
        sender = site_of(request.headers.get("origin", ""))
        if sender is None or sender != site_of(f"{parts.scheme}://{parts.netloc}"):
            return refusal_for(request.scope, OWN_PAGE_ONLY, 403)
        who = site.user(code)
        if who is None:
            return RedirectResponse(f"{code.root}{PAGE}", 303)
        query = f"?form={quote(code.workflow, safe='')}" if code.workflow else ""
        answer = RedirectResponse(f"/{query}", 303)
        lasts = min(login.times.lasts, _MOST_NAMED) if code.named else login.times.lasts
        until = login.clock() + lasts
        name, whose = site.cookie_name(request), f"{site.cookie_name(request)}-user"
        is_secure = request.scope["scheme"] == "https"
        kept = site.passes.sealed(replace(code, kind="cookie", ends=until))
        person = digest(f"{name} {owner_of_user(who)}")[:32]
        for key, value in ((name, kept), (whose, person)):
            answer.set_cookie(
                key,
                value,
                max_age=round(lasts),
                secure=is_secure,
                httponly=True,
                samesite="lax",
            )
        if request.cookies.get(whose) != person:  # drafts of another user of this browser
            answer.headers["clear-site-data"] = '"cache", "storage"'
        return answer


def is_own(request: HTTPConnection, root: str, names: frozenset[str]) -> bool:
    """Return whether only the app can have the host of `root`. A page elsewhere could send browsers
    to the editor as another user."""
    name = host_name(urlsplit(root).netloc)
    return name in names or is_loopback(name) or name == request.scope["server"][0]


def _anonymous(scope: Scope) -> Scope:
    """Return a request without anything that identifies a user of the app."""
    dropped = (b"cookie", b"authorization")
    headers = [(name, value) for name, value in scope["headers"] if name not in dropped]
    return {**scope, "headers": headers, FORWARDED_USER: ""}


def _guarded(send: Send) -> Send:
    async def send_guarded(event: Message) -> None:
        if event["type"] == "http.response.start":
            MutableHeaders(scope=event).update(_HEADERS)
        await send(event)

    return send_guarded
