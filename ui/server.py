"""The web application: Gradio's page, the run sockets and the result files, served by one uvicorn
server."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import socket
import sys
import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from types import FrameType
from typing import cast

import anyio.to_thread
import gradio as gr
import uvicorn
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from comfy.base.errors import ComfyError, TooManyThreads
from comfy.base.threads import background, start_thread
from comfy.webhooks.dispatch import sending
from comfyforms.hooks import PluginApp
from ui.accounts.database import SignInStoreError
from ui.accounts.pages.account import account_routes
from ui.accounts.pages.passwords import Passwords
from ui.accounts.pages.sign_in import SignInPage, login_routes, sign_in_file_handler
from ui.administration.announcements import refresh_regularly
from ui.administration.desk import Administration
from ui.api.app import api_app
from ui.api.ends import EndMessages
from ui.api.problems import answer_problem
from ui.brand import branded
from ui.files.deleting import delete_regularly
from ui.files.uploads import sweep_regularly
from ui.gradio.allowlist import GradioAllowlist
from ui.gradio.internals import (
    PUBLIC,
    ROOT_ADDRESS,
    App,
    allow,
    fill_document,
    show_first,
    stand_before,
    without_apps,
)
from ui.middleware import add_middleware
from ui.operator.frame import OperatorAccess
from ui.own_routes import administrator_routes, monitoring_routes, own_routes
from ui.page.blocks import assets, build_page, document_head
from ui.page.covers import Covers
from ui.page.first_view.first_view import FirstView
from ui.page.form.first_values import FormSources
from ui.page.gradio_files import style_tags
from ui.page.language_files import html_attributes, language_tags
from ui.page.plain.small_pages import health_routes, http_error_handler, not_found_page
from ui.parts import Parts
from ui.plugin_parts import PluginParts
from ui.services import Services
from ui.settings.start_lines import executor_line, show_code, start_lines, start_warnings
from ui.settings.web_settings import WebSettings
from ui.sockets.run_socket import WaitingSockets
from ui.web.access import Access, Gate, GuardedRoutes
from ui.web.cookies import Cookies, derived
from ui.web.guesses import Guesses
from ui.web.identity import Identity
from ui.web.limits import WebLimits, validation_error
from ui.web.logins import SIGN_INS_ENDED, watched_logins
from ui.web.responses import API, AsciiJSON
from ui.web.shares import Share
from ui.web.uvicorn_protocols import HEAD_SECONDS, Addresses, PageConnection, PageSocket

log = logging.getLogger(__name__)

_NEWS_WAIT = 1.0  # seconds for pages to receive the ends of their runs at shutdown
_SWITCH_INTERVAL = 0.001  # seconds, a fifth of Python's: the loop waits less for a busy thread
_BACKLOG = 128  # connections that wait to be accepted; others repeat their attempt a second later
_STEPS_TO_CONNECT = 10  # turns of the loop; asyncio needs 3 from a connection to its protocol
_MAX_MESSAGE = 1024  # bytes of a browser's message on a run's socket, a single word


def build_app(services: Services, settings: WebSettings) -> FastAPI:
    """Return the ASGI application. Its own routes come before Gradio's, which is mounted at the
    root. A process without pages has only `/health` and `/metrics`."""
    cookies = Cookies(
        services.secret, on_a_space=settings.on_a_space, embedded=bool(settings.embed)
    )
    login = settings.sign_in.open(settings.users, services.secret)
    processes = services.runs.processes
    tell = partial(processes.hint, SIGN_INS_ENDED) if processes else lambda: None
    identity = Identity(cookies, login, ended=tell)
    guesses = Guesses(identity.login.guess_counts if identity.login else None)
    passwords = Passwords(identity, guesses)
    limits = services.limits
    sockets = Share(limits.sockets, limits.person_sockets, limits.address_sockets)
    parts = Parts(services)
    ends = EndMessages(parts.run_docs(settings.root_path), identity)
    deletion = parts.deletion
    keys = services.starter.payment.keys
    news = (services.runs.subscribe, services.batches.subscribe, services.chains.subscribe)

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        _give_each_request_a_thread(limits.requests)
        jobs = (
            partial(sweep_regularly, services.copies.uploads, services.forms, services.runs),
            partial(delete_regularly, deletion),
            partial(refresh_regularly, desk.announcements),
        )
        async with (
            background(*jobs),
            watched_logins(identity, guesses, processes, keys, desk.audit.failed_sign_ins),
            plugins.serving(),
            sending(services.webhooks, ends, news),
            services.downloads.watched(),
        ):
            yield

    app = FastAPI(
        lifespan=lifespan,
        default_response_class=AsciiJSON,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
    )
    app.add_exception_handler(ComfyError, answer_problem)
    app.add_exception_handler(RequestValidationError, validation_error)
    app.add_exception_handler(HTTPException, http_error_handler(settings.root_path))
    app.add_exception_handler(SignInStoreError, sign_in_file_handler(settings.root_path))
    access = OperatorAccess(services.forms.permissions, identity)
    plugins = PluginParts(PluginApp(services, identity, settings, access.permits))
    desk = Administration.of(services, identity, plugins.links, images=settings.operator_images)
    gate = Gate(identity, access.only, PUBLIC, services.rooms)
    app.state.telling, app.state.identity, app.state.rules = set(), identity, gate.rules
    app.state.failures = failures = Counter[str]()
    gate.add(app, monitoring_routes(services, lambda: sockets.taken, failures, plugins.metrics))
    add_middleware(app, limits, settings, sockets, gate, desk.audit.event, plugins)
    if settings.pages:
        with branded(settings.brand):
            _add_pages(app, desk, settings, gate, access, passwords, plugins)
    else:
        gate.add(app, health_routes())
    return app


def _give_each_request_a_thread(most: int) -> None:
    """Set up the running loop's threads, so that requests that wait for ComfyUI block no others."""
    anyio.to_thread.current_default_thread_limiter().total_tokens = most
    # asyncio's default would be six threads on two cores, and a hanging server would block them
    # all.
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(most, "asyncio"))


def _add_pages(  # noqa: PLR0913 - parts of `build_app`
    app: FastAPI,
    desk: Administration,
    settings: WebSettings,
    gate: Gate,
    access: OperatorAccess,
    passwords: Passwords,
    plugins: PluginParts,
) -> None:
    services, identity, root_path = desk.services, desk.identity, settings.root_path
    identity.notice = lambda: desk.announcements.notice
    identity.pages = [(page.address, page.label) for page in plugins.pages]
    identity.counts = plugins.counts
    add = partial(gate.add, app)
    sign_in = SignInPage(settings.languages, identity.login, root_path)
    waiting = WaitingSockets()
    for routes in plugins.routes:
        add(routes)
    for middleware in plugins.middleware:
        app.add_middleware(middleware)
    for routes in own_routes(desk, settings, sign_in, app.state.telling, waiting, plugins.counts):
        add(routes)
    for routes in administrator_routes(desk, settings, access, sign_in, plugins.sections):
        add(routes)
    add(login_routes(identity, passwords, sign_in, root_path))
    keys = services.starter.payment.keys
    add(account_routes(identity, passwords, sign_in, root_path, keys, plugins.account))
    if settings.sign_in.openid is not None:
        from ui.accounts.pages.openid_routes import openid_routes  # takes a tenth of a second

        key = derived(services.secret, "signing in elsewhere")
        add(openid_routes(identity, settings.sign_in.openid, key, sign_in, root_path))
    api = api_app(desk, gate, access.permits, sign_in, waiting, plugins.api, root_path)
    app.mount(API, api)
    itself = GuardedRoutes()
    itself.plain(API, api, Access.SIGNED_IN)  # the mount leaves this path to the page
    add(itself)
    _mount_page(app, services, settings, identity, sign_in, plugins)


def _mount_page(
    app: FastAPI,
    services: Services,
    settings: WebSettings,
    identity: Identity,
    sign_in: SignInPage,
    plugins: PluginParts,
) -> None:
    """Mount Gradio's app with the page, behind its allowlist; with sign-in, Gradio gets the user's
    name."""
    limits = services.limits

    sources = FormSources(
        services.library,
        services.removal,
        services.copies,
        services.runs,
        services.starter.payment,
        identity.login is not None,
        limits.file.size,
        services.known_parts,
        services.demo,
        plugins.form_links,
        Covers(services.library, services.templates),
    )

    with without_apps():
        page = build_page(
            sources,
            identity,
            settings.languages,
            server_name=services.server_name,
            plugin_pages=plugins.pages,
            add_endpoints=plugins.add_endpoints,
        )
        # GradioAllowlist drops pages well before this limit, and chooses the right ones.
        allow(page, threads=limits.requests, sessions=2 * limits.pages, calls=limits.calls)

    def more_tags() -> str:
        return language_tags() + plugins.tags()

    fill_document(document_head(ROOT_ADDRESS), style_tags, html_attributes, more_tags)
    gr.mount_gradio_app(
        app,
        page,
        path="/",
        auth_dependency=identity.shown_name if identity.login else None,
        root_path=settings.root_path or None,
        footer_links=["api"],
        run_history=False,
        show_error=False,
        ssr_mode=False,
        **assets(),
    )

    def allowlisted(gradio: App) -> GradioAllowlist:
        allowlist = GradioAllowlist(gradio, identity, limits, sign_in, not_found_page)
        app.state.allowlist = allowlist
        return allowlist

    show_first(stand_before(app, allowlisted), FirstView(sources, identity).html)


class Server(uvicorn.Server):
    """Uvicorn server that ends the runs first, so that pages learn about it and close their sockets
    themselves."""

    def __init__(
        self,
        config: uvicorn.Config,
        services: Services,
        settings: WebSettings,
        stop_requested: Callable[[], bool] = lambda: False,
    ) -> None:
        """`stop_requested`: returns whether a signal arrived before this server handled signals."""
        super().__init__(config)
        self._services = services
        self._settings = settings
        self._stop_requested = stop_requested
        self._hurried = False
        self.has_taken_up = False  # whether unfinished runs, batches and chains were resumed

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, resume unfinished runs, then log the URLs. Do nothing if the app is already
        shutting down."""
        if self._stop_requested():
            self.should_exit = True
            return
        await super().startup(sockets)
        if self.started:
            try:
                await asyncio.to_thread(self._services.take_up)
            except RuntimeError:  # no thread is free
                self._services.take_up()
            self.has_taken_up = True
            reach = self._settings.reach(self.port, self.config.app.state.identity)  # type: ignore[union-attr]
            for line in start_lines(reach) if self._settings.pages else [executor_line(reach)]:
                log.info("%s", line)
            for line in start_warnings(reach):
                log.warning("%s", line)
            if self._settings.pages:
                show_code(reach, sys.stderr)

    @property
    def port(self) -> int:
        """Return the port that it listens on, even if the system chose it."""
        return int(self.servers[0].sockets[0].getsockname()[1])

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Shut down at the first signal; at the second one, don't wait for runs."""
        if self.should_exit:
            self._hurried = True
        else:
            super().handle_exit(sig, frame)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let runs finish within the allowed time, cancel the others on the server, then stop
        everything."""
        # Use a separate thread: all worker threads may be waiting for a hanging server.
        runs, finish = self._services.runs, self._settings.finish
        closing = _started(partial(runs.close, finish=finish))
        while closing.is_alive() and not self._hurried:
            await anyio.sleep(0.01)
        if self._hurried:
            hurried = _started(runs.close)
            while hurried.is_alive():
                await anyio.sleep(0.01)
        self._services.abort()
        with anyio.move_on_after(_NEWS_WAIT):
            while self.config.app.state.telling:  # type: ignore[union-attr]
                await anyio.sleep(0.01)
        await self._stop_listening()
        await super().shutdown(sockets)

    async def _stop_listening(self) -> None:
        """Stop listening, and let accepted connections reach uvicorn. It closes only the
        connections that it knows. asyncio reports recently accepted ones a few steps later, and
        they would never be closed."""
        for server in self.servers:
            server.close()
        for _ in range(_STEPS_TO_CONNECT):
            await asyncio.sleep(0)


def _started(call: Callable[[], None]) -> threading.Thread:
    """Start a call in a thread; without a free thread, call it here."""
    thread = threading.Thread(target=call, name="closing")
    try:
        start_thread(thread)
    except TooManyThreads:
        thread.run()
    return thread


def web_config(app: FastAPI, settings: WebSettings, limits: WebLimits) -> uvicorn.Config:
    """Return uvicorn's configuration. Excess connections are asked to retry later."""
    proxies, idle = settings.trusted_proxies, limits.connections // 2
    addresses = Addresses(limits.address_connections, idle, proxies)
    return uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        log_level="warning",
        timeout_graceful_shutdown=2,
        log_config=None,  # logged like all other lines; see `ui.settings.logs`
        limit_concurrency=limits.connections,
        # A press after some thought needs no new connection, which takes one to three round trips.
        timeout_keep_alive=int(HEAD_SECONDS),
        server_header=False,
        proxy_headers=False,  # ProxyMiddleware reads them
        # By default, uvicorn uses uvloop and httptools if another package has installed them. Most
        # users don't have them, and connections behave differently, so our servers never do.
        loop="asyncio",
        # asyncio accepts this many waiting connections before it reads from any. Too many would
        # exceed `idle`, so they would close each other, and the limit on open files.
        backlog=_BACKLOG,
        http=cast(type[PageConnection], partial(PageConnection, addresses=addresses)),
        ws=PageSocket,
        ws_max_size=_MAX_MESSAGE,
        # frames are compressed images: compressing them again costs time and saves nothing
        ws_per_message_deflate=False,
    )


def serve(services: Services, settings: WebSettings, stop_requested: Callable[[], bool]) -> int:
    """Serve until SIGINT or SIGTERM, or not at all if `stop_requested`; then end every run. Return
    the exit code: 0, or 1 if the port is taken."""
    config = web_config(build_app(services, settings), settings, services.limits)
    server = Server(config, services, settings, stop_requested)
    sys.setswitchinterval(_SWITCH_INTERVAL)
    gc.collect()
    gc.freeze()  # exempts existing objects, so collecting garbage takes only milliseconds
    gc.enable()  # `app.py` disables it for the start
    try:
        server.run()
    except SystemExit as end:  # a signal, or a port in use, which uvicorn has logged
        return 1 if end.code else 0
    finally:
        services.runs.close()
        services.batches.close()
        services.chains.close()
    return 0
