"""The web application: Gradio's page, the run sockets and the result files, served by one uvicorn."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from types import FrameType
from typing import cast

import anyio.to_thread
import gradio as gr
import uvicorn
from fastapi import FastAPI
from gradio.routes import App as GradioApp
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Mount

from comfy.address import is_loopback
from comfy.errors import ComfyError
from comfy.form import place_errors
from comfy.job import Record
from comfy.runs import Runs
from ui.addresses import KnownHosts, TrustedProxies
from ui.api import add_api
from ui.ascii_json import AsciiJSON
from ui.backend import Backend
from ui.bodies import BoundBodies, LoginFirst
from ui.cookies import Cookies
from ui.door import CALL_RUN, LOGIN, Door
from ui.failures import Failures
from ui.files import file_routes
from ui.guesses import GUESSING, Guesses
from ui.headers import PageHeaders
from ui.identity import GiveCookies, Identity
from ui.limits import ENVELOPE, LOGIN_FORM, WebLimits
from ui.live import live_routes
from ui.logins import EndStreams, Tokens, logout_routes, watched_logins
from ui.news import news_routes
from ui.opening import OPEN, opening_routes
from ui.own_runs import own_run_routes
from ui.page import build_page, look
from ui.past import past_routes
from ui.protocols import Addresses, PageConnection, PageSocket
from ui.sockets import BoundSockets
from ui.uploads import UPLOAD, sweep_regularly, upload_routes
from ui.view import View, show

log = logging.getLogger(__name__)

THREADS = 200  # blocking handlers and file streams at once; each is short or waits for the network
LAST_WORDS = 1.0  # seconds in which the end of the runs is told to the pages, when the app ends
NEXT_DOOR = ("127.0.0.1", "::1")  # proxies on this machine
MAX_MESSAGE = 1024  # bytes of a browser's message on a run's socket, which says one word


@dataclass(frozen=True)
class WebSettings:
    """Where and for whom the page is served. `users` are (name, password) pairs; empty = nobody has to log in.
    `finish`: seconds that runs may go on when the app is told to end. `hosts`: names by which browsers may address the
    app beside its own. `trusted_proxies`: see `TrustedProxies`. `on_a_space`: Hugging Face shows the page in a frame.
    """

    host: str = "127.0.0.1"
    port: int = 7860
    root_path: str = ""
    users: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    finish: float = 0.0
    hosts: tuple[str, ...] = ()
    trusted_proxies: tuple[str, ...] = NEXT_DOOR
    on_a_space: bool = False


def build_app(backend: Backend, settings: WebSettings) -> FastAPI:
    """The ASGI application. Its own routes come before Gradio's, which is mounted at the root."""
    limits = backend.limits

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        anyio.to_thread.current_default_thread_limiter().total_tokens = THREADS
        sweeping = asyncio.create_task(sweep_regularly(backend.uploads, limits))
        async with watched_logins(identity, guesses):
            yield
        sweeping.cancel()

    app = FastAPI(lifespan=lifespan, default_response_class=AsciiJSON, openapi_url=None, docs_url=None, redoc_url=None)
    identity, guesses = Identity(Cookies(backend.secret, on_a_space=settings.on_a_space)), Guesses()
    app.state.telling = set()
    app.include_router(live_routes(backend.runs, identity, viewer(backend), app.state.telling))
    app.include_router(news_routes(backend, identity))
    app.include_router(own_run_routes(backend, identity))
    app.include_router(opening_routes(backend, identity))
    app.include_router(past_routes(backend, identity, viewer(backend)))
    app.include_router(file_routes(backend.runs, backend.client, identity))
    app.include_router(upload_routes(identity, backend.uploads, limits))
    app.include_router(logout_routes(identity))
    page = build_page(backend, identity, login=bool(settings.users))
    with page:
        add_api(backend, identity)
    page.max_threads = THREADS  # before queue(), which lets no more calls than that run at once
    page.state_session_capacity = 2 * limits.pages  # Door lets go of them long before, and of the right ones
    page.queue(default_concurrency_limit=None, max_size=limits.calls)
    gr.mount_gradio_app(
        app,
        page,
        path="/",
        auth=list(settings.users) or None,
        auth_message=GUESSING,
        root_path=settings.root_path or None,
        footer_links=["api"],
        run_history=False,
        show_error=False,
        ssr_mode=False,
        pwa=False,
        **look(),
    )
    mount = next(route for route in app.routes if isinstance(route, Mount))
    gradio = cast(GradioApp, mount.app)
    if settings.users:
        identity.login = gradio
        identity.login.tokens = Tokens()
    mount.app = Door(gradio, identity, limits, guesses)
    app.add_middleware(GiveCookies, identity=identity)
    app.add_middleware(EndStreams, identity=identity)
    app.add_middleware(PageHeaders, on_a_space=settings.on_a_space)
    app.add_middleware(CORSMiddleware)  # no other site's page reads anything here; without it, Gradio lets all in
    largest = {UPLOAD: limits.file.size + ENVELOPE, OPEN: 2 * limits.body, LOGIN: LOGIN_FORM, CALL_RUN: limits.body}
    app.add_middleware(BoundSockets, identity=identity, limits=limits)
    app.add_middleware(BoundBodies, identity=identity, limits=limits, largest=largest)
    app.add_middleware(LoginFirst, identity=identity, login=LOGIN)
    hosts = KnownHosts.of(settings.host, settings.hosts)
    app.add_middleware(TrustedProxies, trusted=settings.trusted_proxies, hosts=hosts)  # what comes after it believes it
    app.add_middleware(Failures)
    return app


def viewer(backend: Backend) -> Callable[[Record, float | None], View]:
    """How a run is put into words, with the server's refusals placed on the form's fields."""

    def view(record: Record, expected: float | None) -> View:
        state, job = record.state, record.job
        seeds: list[object] = []
        errors: dict[str, str] = {}
        remarks: Sequence[str] = ()
        if state.phase.finished:
            with contextlib.suppress(ComfyError):
                _, form = backend.form(job.workflow, record.owner, job.values, at_hand=True)
                seeds = [job.values[f.key] for f in form.fields if f.widget == "seed" and f.key in job.values]
                errors, remarks = place_errors(form, state.node_errors)
        return show(
            record,
            now=time.time(),
            expected=expected,
            typical=backend.runs.typical_seconds,
            seeds=seeds,
            errors=errors,
            remarks=remarks,
            keeping=backend.runs.history is not None,
        )

    return view


class Server(uvicorn.Server):
    """Uvicorn that ends the runs first, so that the pages hear of it and their sockets close by themselves."""

    def __init__(self, config: uvicorn.Config, runs: Runs, settings: WebSettings) -> None:
        super().__init__(config)
        self._runs = runs
        self._settings = settings
        self._hurried = False

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then say where."""
        await super().startup(sockets)
        if self.started:
            log.info("Open http://%s:%d%s in a browser.", self.config.host, self.port, self._settings.root_path)

    @property
    def port(self) -> int:
        """The port it listens on, also where the system chose it."""
        return int(self.servers[0].sockets[0].getsockname()[1])

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """The first signal ends the app, a second one ends it without waiting for runs."""
        if self.should_exit:
            self._hurried = True
        else:
            super().handle_exit(sig, frame)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let runs finish as long as is allowed, cancel the others at the server, then end what is left."""
        # In threads of their own: those of the web server may all be waiting for a server that does not answer.
        closing = threading.Thread(target=self._runs.close, kwargs={"finish": self._settings.finish})
        closing.start()
        while closing.is_alive() and not self._hurried:
            await anyio.sleep(0.01)
        if self._hurried:
            hurried = threading.Thread(target=self._runs.close)
            hurried.start()
            while hurried.is_alive():
                await anyio.sleep(0.01)
        self._runs.client.abort()
        with anyio.move_on_after(LAST_WORDS):
            while self.config.app.state.telling:  # type: ignore[union-attr]
                await anyio.sleep(0.01)
        await super().shutdown(sockets)


def web_config(app: FastAPI, settings: WebSettings, limits: WebLimits) -> uvicorn.Config:
    """How uvicorn serves the app; more connections than it can have at once are told to come later."""
    addresses = Addresses(limits.address_connections, settings.trusted_proxies)
    return uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        log_level="warning",
        timeout_graceful_shutdown=2,
        log_config=None,  # as all other lines: see `ui.log_limit`
        limit_concurrency=limits.connections,
        proxy_headers=False,  # TrustedProxies reads them
        http=cast(type[PageConnection], partial(PageConnection, addresses=addresses)),
        ws=PageSocket,
        ws_max_size=MAX_MESSAGE,
        ws_per_message_deflate=False,  # frames are compressed pictures: packing them again costs time and saves nothing
    )


def warn_of_plain_passwords(settings: WebSettings) -> None:
    """Log that passwords can be read on the way, where they can: on a network, and no proxy is named that has TLS."""
    if settings.users and not is_loopback(settings.host) and settings.trusted_proxies == NEXT_DOOR:
        log.warning("Passwords travel unencrypted: put a proxy with TLS in front and name it (--trusted-proxies).")


def serve(backend: Backend, settings: WebSettings) -> int:
    """Serve until SIGINT or SIGTERM, then end every run. The exit code: 0, or 1 where the port cannot be had."""
    warn_of_plain_passwords(settings)
    config = web_config(build_app(backend, settings), settings, backend.limits)
    server = Server(config, backend.runs, settings)
    gc.collect()
    gc.freeze()  # what is here now stays: looking for garbage, also at the end, takes milliseconds from now on
    try:
        server.run()
    except SystemExit as end:  # a signal, or uvicorn's word for a port that is taken; it has said so
        return 1 if end.code else 0
    finally:
        backend.runs.close()
    return 0
