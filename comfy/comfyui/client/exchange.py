"""Send one request and receive its answer: redirects stay on the server, and answers are
bounded."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urljoin

import requests

from comfy.base.errors import ServerError, TooManyThreads
from comfy.base.json_values import parse_json
from comfy.base.messages import message
from comfy.base.threads import start_thread
from comfy.comfyui.client.address import ServerAddress
from comfy.comfyui.client.sessions import Session

_MIB = 1024 * 1024
USUAL_ANSWER = 8 * _MIB
LONG_ANSWER = 64 * _MIB  # for a catalog, a queue or a history; the largest catalogs seen have 20
_MOST_REDIRECTS = 5
_LONGEST = 5  # multiple of the timeout
CONNECT_TRIES = 3
_Answer = TypeVar("_Answer")
_PIECE = 64 * 1024
_HINT = message("Check that this is the address of a ComfyUI server.")


@dataclass(frozen=True, slots=True)
class ServerAnswer:
    """Complete answer of a server."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    def parsed(self) -> object:
        """Return the JSON value. Raises ServerError if the answer isn't JSON."""
        try:
            return parse_json(self.content)
        except ValueError as error:
            raise _not_understood(self.status) from error


def send_request(
    session: Session,
    address: ServerAddress,
    method: str,
    url: str,
    *,
    timeout: tuple[float, float],
    options: Mapping[str, Any],
) -> requests.Response:
    """Send a request and return the answer, its body unread. Raises the errors of requests.

    Redirects of a GET within the server's own address are followed, a few times. Any other redirect
    is returned as the answer: a hostile server or node could make us fetch from hosts that only
    this machine reaches.
    """
    request = session.prepared(method, url, options)
    for _ in range(_MOST_REDIRECTS):
        response = _sent(session, request, timeout)
        location = response.headers.get("location", "")
        if method != "GET" or not (300 < response.status_code < 400) or not location:
            return response
        following = _redirected(session, response.url, location, options)
        if following is None or not address.owns(following.url or ""):
            return response
        response.close()
        request = following
    return _sent(session, request, timeout)


def read_bounded(response: requests.Response, most: int) -> ServerAnswer:
    """Read the body. Raises ServerError if it has more than `most` bytes when unpacked, and the
    errors of requests."""
    content = bytearray()
    for piece in response.iter_content(_PIECE):
        content += piece
        if len(content) > most:
            raise _not_understood(response.status_code)
    return ServerAnswer(response.status_code, response.headers, bytes(content))


@contextmanager
def deadline(session: Session, timeout: float | None) -> Iterator[None]:
    """Abort the session if the block takes five times `timeout`, the limit for silence during a
    call. Otherwise a server that sends a byte now and then could hold the caller indefinitely."""
    if timeout is None:
        yield
        return
    timer = threading.Timer(_LONGEST * timeout, session.abort)
    timer.name, timer.daemon = "deadline", True
    try:
        start_thread(timer)
    except TooManyThreads:  # the call then has no deadline
        yield
        return
    try:
        yield
    finally:
        timer.cancel()
        timer.join()


def ask_repeatedly(
    method: str, ask: Callable[[], _Answer], is_aborted: Callable[[], bool]
) -> _Answer:
    """Repeat a request that the server can't have answered. Raises the errors of requests."""
    for attempt in range(1, CONNECT_TRIES + 1):
        try:
            return ask()
        except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError) as error:
            # Either never sent, or a read cut off, as on a reused connection that is being closed.
            repeatable = isinstance(error, requests.ConnectTimeout) or (
                method in ("GET", "HEAD") and attempt == 1
            )
            if is_aborted() or not repeatable or attempt == CONNECT_TRIES:
                raise
    raise AssertionError("unreachable")


def _sent(
    session: Session, request: requests.PreparedRequest, timeout: tuple[float, float]
) -> requests.Response:
    return session.send(
        request,
        timeout=timeout,
        allow_redirects=False,
        stream=True,
        proxies={},  # the adapter handles proxies
    )


def _redirected(
    session: Session, url: str, location: str, options: Mapping[str, Any]
) -> requests.PreparedRequest | None:
    """Return the request that a redirect from `url` leads to, or None if its address is
    malformed."""
    try:
        headers = {"headers": options.get("headers", {})}
        return session.prepared("GET", urljoin(url, location), headers)
    except (requests.RequestException, ValueError):
        return None


def _not_understood(status: int) -> ServerError:
    sentence = message("The server sent an unexpected response.")
    return ServerError(sentence, _HINT, status=status)
