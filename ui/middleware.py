"""Middleware before every route: authentication, limits, response headers.

Gradio's own routes have further middleware in ui/gradio.
"""

from __future__ import annotations

from collections.abc import Callable

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware
from starlette.types import Scope

from comfy.records.audit import AuditAction
from ui.gradio.internals import INFO, WHOLE_PAGES
from ui.languages.current import LanguageMiddleware
from ui.plugin_parts import PluginParts
from ui.settings.web_settings import WebSettings
from ui.web.access import Gate
from ui.web.addresses import AliasMiddleware, HostMiddleware, ProxyMiddleware
from ui.web.audit import Audit, AuditMiddleware
from ui.web.failures import FailureMiddleware
from ui.web.identity import CookieMiddleware
from ui.web.limits import BodyLimit, BodyLimitMiddleware, RequestLimitMiddleware, WebLimits
from ui.web.logins import LoginMiddleware, LogoutMiddleware
from ui.web.responses import ErrorAnswer, PackedPages
from ui.web.security_headers import SecurityHeadersMiddleware, StrictTransportMiddleware
from ui.web.shares import Share, TurnMiddleware, Work
from ui.web.socket_limits import SocketLimitMiddleware
from ui.web.urls import ENDPOINTS


def add_middleware(  # noqa: PLR0913 - parts of one app
    app: FastAPI,
    limits: WebLimits,
    settings: WebSettings,
    sockets: Share,
    gate: Gate,
    note: Callable[[str, AuditAction, str, str, str], None],
    plugins: PluginParts,
) -> None:
    """Add the middleware from the inside out: the last one runs first. `sockets` counts open
    sockets. `note`: see `AuditMiddleware`."""
    identity = gate.identity

    def work_of(scope: Scope) -> Work | None:
        route = gate.route(scope)
        return route.work if route else None

    def audit_of(scope: Scope) -> Audit | None:
        route = gate.route(scope)
        return route.audit if route else None

    def body_of(scope: Scope) -> BodyLimit:
        route = gate.route(scope)
        return route.body if route else BodyLimit.PAGE

    def errors_of(scope: Scope) -> ErrorAnswer | None:
        route = gate.route(scope)
        return route.errors if route else None

    hosts = HostMiddleware.of(settings.host, settings.hosts, plugins.hosts)
    app.add_middleware(PackedPages, paths=WHOLE_PAGES | {INFO})
    app.add_middleware(CookieMiddleware, identity=identity)
    app.add_middleware(LogoutMiddleware, identity=identity)
    # Prevents pages of other sites from reading responses. Without it, Gradio would allow all of
    # them.
    app.add_middleware(CORSMiddleware)
    person, address = limits.person_reading, limits.address_reading
    app.add_middleware(
        *(TurnMiddleware, identity, work_of), person=person, address=address, patience=limits.pause
    )
    app.add_middleware(AuditMiddleware, identity=identity, audit_of=audit_of, note=note)
    app.add_middleware(SocketLimitMiddleware, identity=identity, sockets=sockets)
    app.add_middleware(BodyLimitMiddleware, identity=identity, limits=limits, body_of=body_of)
    app.add_middleware(LoginMiddleware, identity=identity, is_public=gate.is_public)
    app.add_middleware(RequestLimitMiddleware, identity=identity, limits=limits)
    for middleware in plugins.addressed:
        app.add_middleware(middleware)
    app.add_middleware(StrictTransportMiddleware)
    # Inner middleware trusts the headers that it sets.
    app.add_middleware(
        ProxyMiddleware,
        trusted=settings.trusted_proxies,
        hosts=hosts,
        user_header=settings.sign_in.user_header,
    )
    app.add_middleware(FailureMiddleware, errors_of=errors_of, failures=app.state.failures)
    # Refusals by the middleware above need these headers, too.
    app.add_middleware(SecurityHeadersMiddleware, framed_by=settings.framed_by)
    # The other middleware's messages use its language.
    app.add_middleware(LanguageMiddleware, languages=settings.languages, brand=settings.brand)
    app.add_middleware(AliasMiddleware, prefix=ENDPOINTS)
