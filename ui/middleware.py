"""Middleware before every route: authentication, limits, response headers.

Gradio's own routes have further middleware in ui/gradio.
"""

from __future__ import annotations

import re

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from ui.doors.mcp.installed import MCP
from ui.gradio.internals import CALL, CONFIG, INFO, LOGIN, UPLOAD, WHOLE_PAGES
from ui.languages.current import LanguageMiddleware
from ui.page.language_files import CHOOSE_LANGUAGE
from ui.settings.web_settings import WebSettings
from ui.web.access import Gate
from ui.web.addresses import HostMiddleware, ProxyMiddleware
from ui.web.body_limits import BodyLimitMiddleware, RequestLimitMiddleware
from ui.web.failures import FailureMiddleware
from ui.web.identity import CookieMiddleware, Identity
from ui.web.limits import ENVELOPE, LOGIN_FORM, WebLimits
from ui.web.logins import LoginMiddleware, LogoutMiddleware
from ui.web.responses import API, PackedPages
from ui.web.security_headers import SecurityHeadersMiddleware, StrictTransportMiddleware
from ui.web.shares import Share, TurnMiddleware
from ui.web.socket_limits import SocketLimitMiddleware
from ui.web.urls import ENDPOINTS

# Expensive GET requests, see `TurnMiddleware`. `sheet.png` has its own turns. The second kind may
# wait for ComfyUI's catalog, the third for its health check.
_WORK = (
    re.compile(
        rf"{API}/batches/[^/]+(/(rows|grid|results\.(csv|zip)|sheet\.(html|zip)))?"
        rf"|/page/batches/.+|{API}/(runs|batches|chains|openapi\.json)"
        r"|/files/([^/]+/all|chosen)\.zip"
    ),
    re.compile(
        rf"({ENDPOINTS})?({CONFIG}|{INFO})"
        rf"|{API}/(takers|presets(/.+)?|workflows(/.+)?|runs/[^/]+/values)"
    ),
    re.compile(rf"{API}/health"),
)


def add_middleware(
    app: FastAPI,
    limits: WebLimits,
    settings: WebSettings,
    identity: Identity,
    sockets: Share,
    gate: Gate,
) -> None:
    """Add the middleware from the inside out: the last one runs first. `sockets` counts open
    sockets."""
    largest = {
        **dict.fromkeys((UPLOAD, f"{ENDPOINTS}{UPLOAD}"), limits.file.size + ENVELOPE),
        f"{API}/workflows": 2 * limits.body,
        **dict.fromkeys((LOGIN, f"{ENDPOINTS}{LOGIN}"), LOGIN_FORM),
        CHOOSE_LANGUAGE: LOGIN_FORM,
        **dict.fromkeys((f"{CALL}run", f"{CALL}batch", f"{CALL}chain", MCP), limits.body),
    }
    hosts = HostMiddleware.of(settings.host, settings.hosts)
    described = {f"{ENDPOINTS}{CONFIG}", f"{ENDPOINTS}{INFO}"}
    app.add_middleware(PackedPages, paths=WHOLE_PAGES | described)
    app.add_middleware(CookieMiddleware, identity=identity)
    app.add_middleware(LogoutMiddleware, identity=identity)
    # Prevents pages of other sites from reading responses. Without it, Gradio would allow all of
    # them.
    app.add_middleware(CORSMiddleware)
    person, address = limits.person_reading, limits.address_reading
    app.add_middleware(
        TurnMiddleware, identity=identity, kinds=_WORK, person=person, address=address
    )
    app.add_middleware(SocketLimitMiddleware, identity=identity, sockets=sockets)
    app.add_middleware(BodyLimitMiddleware, identity=identity, limits=limits, largest=largest)
    app.add_middleware(LoginMiddleware, identity=identity, is_public=gate.is_public)
    app.add_middleware(RequestLimitMiddleware, limits=limits)
    app.add_middleware(StrictTransportMiddleware)
    # Inner middleware trusts the headers that it sets.
    app.add_middleware(
        ProxyMiddleware,
        trusted=settings.trusted_proxies,
        hosts=hosts,
        user_header=settings.sign_in.user_header,
    )
    app.add_middleware(FailureMiddleware)
    # Refusals by the middleware above need these headers, too.
    app.add_middleware(SecurityHeadersMiddleware, on_a_space=settings.on_a_space)
    # The other middleware's messages use its language.
    app.add_middleware(LanguageMiddleware, languages=settings.languages)
