"""`comfyforms connect ADDRESS`: the app at a port of this machine, for programs that take a host
and a port only."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import uvicorn
from cachetools import FIFOCache
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import ClientDisconnect, HTTPConnection, Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as open_socket
from websockets.client import process_exception
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from comfy.base.errors import ComfyError
from comfy.base.json_values import as_mapping, as_text, json_or_none
from comfy.comfyui.client.address import is_loopback
from ui.accounts.login import TOKEN_PREFIX
from ui.settings.arguments import USAGE_ERROR
from ui.settings.folders import PROGRAM
from ui.settings.listening import port_problem
from ui.settings.named_servers import warn_if_public

_HERE, _PORT = "127.0.0.1", 8188  # ComfyUI's
_NAMES = [_HERE, "localhost"]
VARIABLE = "COMFYFORMS_TOKEN"
_TOKEN = re.compile(rf"{TOKEN_PREFIX}[\w-]+")
_CONNECT_SECONDS, _AGAIN_SECONDS = 10.0, 1.0
_AWAY_SECONDS = 60.0  # an upgrade of the app takes less
_MOST_UNFINISHED = 1000  # prompts
_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
# The first four are about one connection. The browser's own are for this address only.
_DROPPED = {
    *("connection", "keep-alive", "transfer-encoding", "upgrade", "host"),
    *("authorization", "x-api-key", "cookie", "set-cookie", "origin", "referer"),
}
_ENDS = {"execution_success", "execution_error", "execution_interrupted"}  # types of messages
_LOST = {1001, 1006, 1011, 1012, 1013}  # close codes after which the app may answer again


def connect(arguments: Sequence[str]) -> int:
    """Forward until SIGINT or SIGTERM. Return the exit code: 0, or 2 with a message on failure."""
    known = _parser().parse_args(arguments)
    try:
        address, token = _checked(known.address), _token(known)
    except ComfyError as problem:
        print(f"{PROGRAM} connect: {problem} {problem.hint}", file=sys.stderr)
        return USAGE_ERROR
    if problem_of_port := port_problem(_HERE, known.port):
        print(f"{PROGRAM} connect: {problem_of_port}", file=sys.stderr)
        return USAGE_ERROR
    if (warning := _unprotected(address)) and token:
        print(warning, file=sys.stderr)
    logging.getLogger("httpx").setLevel(logging.WARNING)  # it logs each request
    logging.getLogger("uvicorn.error").addFilter(_is_a_fault)
    forwarder = Forwarder(address, token)
    if forwarder.is_refused():
        return USAGE_ERROR
    print(f"Programs find the app at http://{_HERE}:{known.port} until you press Ctrl+C.")
    uvicorn.run(
        forwarder.app(),
        host=_HERE,
        port=known.port,
        log_level="error",
        access_log=False,
        timeout_graceful_shutdown=1,
        loop="asyncio",
        http="h11",
        ws="websockets-sansio",
        ws_max_size=2**30,
    )
    return 0


def _parser() -> ArgumentParser:
    parser = ArgumentParser(
        f"{PROGRAM} connect",
        description="Let programs that expect ComfyUI on this machine use an app elsewhere.",
        epilog=f"With sign-in, the token comes from --token-file or the variable {VARIABLE}.",
        allow_abbrev=False,
    )
    parser.add_argument("address", metavar="ADDRESS", help="of the app, such as https://HOST")
    parser.add_argument(
        "--port", metavar="NUMBER", type=int, default=_PORT, help=f"port here; default: {_PORT}"
    )
    parser.add_argument(
        "--token-file",
        metavar="FILE",
        type=Path,
        help="file with a token, or with an address for programs from the page Your account",
    )
    return parser


def _checked(address: str) -> str:
    """Return the address without a final slash. Raises ComfyError."""
    if TOKEN_PREFIX in address:
        raise ComfyError(
            "All users of this machine can read the token in a command.",
            f"Put it into a file for --token-file, or into the variable {VARIABLE}.",
        )
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ComfyError(f"{address} isn't the address of an app.", "Write it like https://HOST.")
    return f"{parts.scheme}://{parts.netloc}{parts.path}".rstrip("/")


def _unprotected(address: str) -> str:
    """Return a warning about an address whose requests others can read on their way, or ""."""
    parts = urlsplit(address)
    if parts.scheme == "https" or is_loopback(parts.hostname or ""):
        return ""
    return f"Others on the network can read the token, because {address} has no https."


def _token(known: Namespace) -> str:
    """Return the token, "" without one. Raises ComfyError."""
    text, source = os.environ.get(VARIABLE, ""), f"The variable {VARIABLE}"
    if known.token_file is not None:
        source = f"The file {known.token_file}"
        try:
            text = known.token_file.read_text(encoding="utf-8-sig")
            warn_if_public(known.token_file.name, known.token_file.stat())
        except (OSError, ValueError) as error:
            raise ComfyError(f"{source} can't be read.", "Name a text file.") from error
    found = _TOKEN.search(text)
    if text.strip() and not found:
        raise ComfyError(f"{source} has no token.", "Create one on the app's page Your account.")
    return found[0] if found else ""


class Forwarder:
    """ASGI app that sends requests and WebSockets on to the app at `address`, with a token.

    Pages of other sites are refused, like at ComfyUI: the token would be theirs to use. It says
    when the app is away, and when it is back. A program's socket survives that, unless the program
    would wait for a message that it missed.
    """

    def __init__(self, address: str, token: str) -> None:
        self._address = address
        # There the app takes only tokens for programs: any user of this machine can use the port.
        self._login = {"x-api-key": token} if token else {}
        self._is_away = False
        self._refused = False
        # Prompts that programs sent. A full cache forgets the oldest.
        self._unfinished = FIFOCache[str, bool](_MOST_UNFINISHED)

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/{path:path}", self._request, methods=_METHODS),
                WebSocketRoute("/{path:path}", self._socket),
            ],
            middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=_NAMES)],
            lifespan=self._serving,
        )

    def is_refused(self) -> bool:
        """Return whether the app answers and doesn't accept the token, and tell why programs would
        fail."""
        try:
            answer = httpx.get(
                f"{self._address}/features", headers=self._login, timeout=_CONNECT_SECONDS
            )
            self._note(answer.status_code)
        except httpx.HTTPError:
            self._note_away()
        return self._refused

    @asynccontextmanager
    async def _serving(self, _: Starlette) -> AsyncIterator[None]:
        timeout = httpx.Timeout(None, connect=_CONNECT_SECONDS)
        limits = httpx.Limits(max_connections=None)
        # Programs would share cookies.
        cookies = CookieJar(DefaultCookiePolicy(allowed_domains=()))
        async with httpx.AsyncClient(
            timeout=timeout, limits=limits, cookies=cookies
        ) as self._client:
            yield

    async def _request(self, request: Request) -> Response:
        if _is_of_another_site(request):
            return PlainTextResponse("Cross-site requests aren't allowed.", 403)
        if _leads_elsewhere(request):
            return PlainTextResponse("Not Found", 404)
        has_body = {"content-length", "transfer-encoding"} & {*request.headers}
        sent = self._client.build_request(
            request.method,
            self._target(request),
            headers=[*_passed(request.headers.items()), *self._login.items()],
            content=request.stream() if has_body else None,
        )
        try:
            answer = await self._client.send(sent, stream=True)
        except httpx.HTTPError:
            return PlainTextResponse(self._note_away(), 502)
        self._note(answer.status_code)
        if request.method == "POST" and request.url.path.endswith("/prompt") and answer.is_success:
            return await self._started(answer)
        response = StreamingResponse(
            self._body(answer), answer.status_code, background=BackgroundTask(answer.aclose)
        )
        passed = _passed(answer.headers.multi_items())
        response.raw_headers = [(name.encode(), value.encode()) for name, value in passed]
        return response

    async def _started(self, answer: httpx.Response) -> Response:
        """Return the answer to a prompt, and remember the prompt until its end."""
        try:
            content = await answer.aread()
        except httpx.HTTPError:
            return PlainTextResponse(self._note_away(), 502)
        self._unfinished[as_text(as_mapping(json_or_none(content)).get("prompt_id"))] = True
        return Response(content, answer.status_code, media_type="application/json")

    def _hear(self, message: str) -> None:
        """Read a message of the app, which may be about the end of a prompt."""
        told = as_mapping(json_or_none(message))
        if told.get("type") in _ENDS:
            self._unfinished.pop(as_text(as_mapping(told.get("data")).get("prompt_id")), None)

    async def _has_missed_an_end(self) -> bool:
        """Return whether a prompt ended while the app's socket was lost."""
        with suppress(httpx.HTTPError):
            for prompt_id in [*self._unfinished]:
                url = f"{self._address}/history/{prompt_id}"
                answer = await self._client.get(url, headers=self._login)
                if as_mapping(json_or_none(answer.content)):
                    return True
        return False

    async def _body(self, answer: httpx.Response) -> AsyncIterator[bytes]:
        try:
            async for some in answer.aiter_raw():
                yield some
        except httpx.HTTPError:
            self._note_away()
            raise  # so that the program's connection ends early, too

    async def _socket(self, program: WebSocket) -> None:
        """Connect a program's socket. If the connection to the app gets lost, connect again."""
        if _is_of_another_site(program) or _leads_elsewhere(program):
            await program.close()
            return
        relay = _Relay(program, self._hear)
        connection = _Straight(
            self._target(program).replace("http", "ws", 1),
            additional_headers=[*self._login.items()],
            open_timeout=_CONNECT_SECONDS,
            max_size=None,
            compression=None,
        )
        try:
            await self._follow(relay, connection)
        except InvalidStatus as refusal:
            self._note(refusal.response.status_code)
            await relay.refuse(refusal.response.status_code, bytes(refusal.response.body or b""))
        except (OSError, InvalidHandshake):
            await relay.refuse(502, self._note_away().encode())
        except asyncio.CancelledError:
            if not relay.has_left:
                raise
        finally:
            await relay.close()

    async def _follow(self, relay: _Relay, connection: _Straight) -> None:
        """Pass messages until the program or the app closes its socket. A back-off that grows would
        keep the program waiting after the app is back."""
        is_lost, last = True, time.monotonic()
        while is_lost:
            try:
                async with connection as app:
                    self._note(101)
                    if relay.listening is not None and await self._has_missed_an_end():
                        return
                    is_lost = await relay.follow(app)
                    last = time.monotonic()
            except (OSError, InvalidHandshake) as error:
                is_gone = time.monotonic() - last > _AWAY_SECONDS
                if is_gone or relay.listening is None or process_exception(error):
                    raise
                await asyncio.sleep(_AGAIN_SECONDS)
            if is_lost:
                self._note_away()

    def _target(self, here: HTTPConnection) -> str:
        path, query = here.scope["raw_path"].decode("ascii"), here.url.query
        # `%2f@other` without a slash before it would be a password and another host
        return f"{self._address}/{path.removeprefix('/')}{f'?{query}' if query else ''}"

    def _note(self, status: int) -> None:
        """Tell once if the app refuses the token, or answers again."""
        if self._is_away:
            print(f"{self._address} answers again.", file=sys.stderr)
        if status == 401 and not self._refused:
            why = "doesn't accept the token" if self._login else "needs a token"
            new = f"Create an address for a program at {self._address}/account"
            print(
                f"{self._address} {why}. {new}, and name a file with it with --token-file.",
                file=sys.stderr,
            )
        self._is_away, self._refused = False, status == 401

    def _note_away(self) -> str:
        """Return the sentence for an app that doesn't answer, and print it once."""
        sentence = f"Can't reach the app at {self._address}. Check the address and the network."
        if not self._is_away:
            print(sentence, file=sys.stderr)
        self._is_away = True
        return sentence


class _Straight(open_socket):
    """Connection that follows no redirect: the token is for the app's host only."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


class _Relay:
    """Program's socket, which outlives the app's. The program's first message is sent again to each
    new connection, because it has the flags. `hear` gets the app's texts. `has_left`: the program
    closed the socket."""

    def __init__(self, program: WebSocket, hear: Callable[[str], None]) -> None:
        self.listening: asyncio.Task[None] | None = None
        self.has_left = False
        self._program, self._hear = program, hear
        self._app: ClientConnection | None = None
        self._first: str | bytes = ""

    async def follow(self, app: ClientConnection) -> bool:
        """Pass messages both ways. Return True if the app may answer on another connection."""
        if self.listening is None:
            await self._program.accept()
            self.listening = asyncio.create_task(self._listen(asyncio.current_task()))
        elif self._first:
            await app.send(self._first)
        self._app = app
        try:
            with suppress(ConnectionClosed, RuntimeError, WebSocketDisconnect):
                async for message in app:
                    if isinstance(message, str):
                        self._hear(message)
                        await self._program.send_text(message)
                    else:
                        await self._program.send_bytes(message)
        finally:
            self._app = None
            await app.close()
        code = app.close_code or 1000
        if code not in _LOST:
            await self.close(code, app.close_reason)
        return code in _LOST

    async def refuse(self, status: int, body: bytes) -> None:
        if self.listening is None:
            await self._program.send_denial_response(Response(body, status))

    async def close(self, code: int = 1011, reason: str | None = None) -> None:
        if self.listening is not None:
            self.listening.cancel()
            with suppress(RuntimeError, WebSocketDisconnect):
                await self._program.close(code, reason)

    async def _listen(self, task: asyncio.Task[None] | None) -> None:
        """Read the program's messages until it leaves; then end its task."""
        while (event := await self._program.receive())["type"] == "websocket.receive":
            message: str | bytes = event.get("text") or event.get("bytes") or ""
            self._first = self._first or message
            with suppress(ConnectionClosed):
                if self._app is not None:
                    await self._app.send(message)
        self.has_left = True
        if task is not None:
            task.cancel()


def _is_a_fault(line: logging.LogRecord) -> bool:
    """Return whether a traceback is about more than a lost connection."""
    lost = httpx.HTTPError, ClientDisconnect
    return not (line.exc_info and isinstance(line.exc_info[1], lost))


def _is_of_another_site(here: HTTPConnection) -> bool:
    """Return whether a browser sent this for a page from elsewhere."""
    origin = here.headers.get("origin")
    is_foreign = origin is not None and urlsplit(origin).netloc != here.headers.get("host")
    return is_foreign or here.headers.get("sec-fetch-site") == "cross-site"


def _leads_elsewhere(here: HTTPConnection) -> bool:
    """Return whether a path would leave the path of the app's address."""
    return ".." in here.scope["path"].replace("\\", "/").split("/")


def _passed(headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(name, value) for name, value in headers if name.lower() not in _DROPPED]
