"""Common parts of responses: JSON that can contain any text, and problem documents."""

from __future__ import annotations

import json
import math
import traceback
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, is_dataclass
from http import HTTPStatus
from pathlib import Path

import brotli
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from comfy.base.errors import ComfyError
from comfy.base.messages import message
from ui.languages.current import all_translated

API = "/api/v1"  # routes for programs, whose errors are problem documents (RFC 9457)
SOON = 5.0  # seconds until a busy resource may be free again
_PASSING = (429, 503)  # the same request may succeed later
KEEP_FOREVER = {"cache-control": "public, max-age=31536000, immutable"}  # for URLs with a digest
KEEP_A_DAY = {"cache-control": "public, max-age=86400"}  # responses that are the same for all users
NO_STORE = {"cache-control": "no-store"}  # for URLs whose content depends on the signed-in user
# Content of a file in the OpenAPI document.
BINARY = {"schema": {"type": "string", "format": "binary"}}
# Returns the response to an error, in the format of another program's API.
ErrorAnswer = Callable[[ComfyError | HTTPException], Response]
TOO_MANY_REQUESTS = message("Too many requests. Try again in a moment.")
NOT_UNDERSTOOD = message("ComfyForms couldn't process this request. Reload the page and try again.")
_LEAST_PACKED = 1000  # bytes


def json_text(content: object) -> str:
    """Return JSON values as text, with messages in the caller's language."""
    return json.dumps(all_translated(content), separators=(",", ":"))


def has_tag(tag: str, if_none_match: str) -> bool:
    """Return whether this header (RFC 9110, 13.1.2) names the tag. Our tags contain no comma."""
    named = [one.strip().removeprefix("W/") for one in if_none_match.split(",")]
    return tag in named or named == ["*"]


class AsciiJSON(JSONResponse):
    """JSON response in the caller's language and in ASCII. It escapes what UTF-8 can't encode, such
    as half a surrogate pair in a title or a value."""

    def render(self, content: object) -> bytes:
        """Return the body for JSON values, or for a dataclass of them."""
        if is_dataclass(content) and not isinstance(content, type):
            content = asdict(content)
        return json_text(content).encode("ascii")


def wants_page(request: Request) -> bool:
    """Return whether the caller is a browser that shows the response as a page."""
    return "text/html" in request.headers.get("accept", "")


async def http_error(_: Request, problem: Exception) -> Response:
    """Return the response to an HTTPException, with its message in the caller's language."""
    assert isinstance(problem, HTTPException)
    return AsciiJSON({"detail": problem.detail}, problem.status_code, problem.headers)


@dataclass(frozen=True, slots=True)
class Problem:
    """Problem document of RFC 9457. `kind`: the last part of its `type`, "" if the status is
    enough. `errors`: messages by field key; `problems`: all errors, if a field may be in many rows.
    `retry_after`: seconds, sent with 429, 503 and the kind `goes-on`."""

    status: int
    detail: str
    hint: str = ""
    kind: str = ""
    errors: Mapping[str, str] = field(default_factory=dict)
    problems: Sequence[Mapping[str, object]] = ()
    retry_after: float = SOON

    def to_json(self) -> dict[str, object]:
        """Return the document, with messages that are still translatable."""
        document = {
            "type": f"urn:comfyforms:problem:{self.kind}" if self.kind else "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
        }
        more = {"hint": self.hint, "errors": dict(self.errors), "problems": list(self.problems)}
        return document | {name: value for name, value in more.items() if value}

    def answer(self, headers: Mapping[str, str] | None = None) -> Response:
        answer = AsciiJSON(self.to_json(), self.status, headers)
        answer.headers["content-type"] = "application/problem+json"
        answer.headers.update(self.retry_after_header)
        return answer

    @property
    def retry_after_header(self) -> dict[str, str]:
        """Return the header for a problem that may pass, otherwise none."""
        passing = self.status in _PASSING or self.kind == "goes-on"
        return {"retry-after": str(math.ceil(self.retry_after))} if passing else {}


class PackedPages:
    """ASGI middleware that compresses the page and the forms drawn on it to a quarter of their
    size, in about 2 ms for the page. It compresses nothing else: results are already compressed, or
    streams."""

    def __init__(self, app: ASGIApp, paths: Collection[str]) -> None:
        self.app = app
        self.packing = GZipMiddleware(app, minimum_size=_LEAST_PACKED, compresslevel=5)
        self.paths = paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Forward everything; compress responses of these paths, with Brotli for browsers that know
        it."""
        of_page = scope["type"] == "http" and scope["path"] in self.paths
        if of_page and "br" in Headers(scope=scope).get("accept-encoding", ""):
            await self.app(scope, receive, _with_brotli(send))
        else:
            await (self.packing if of_page else self.app)(scope, receive, send)


def _with_brotli(send: Send) -> Send:
    """Return a `send` that compresses a response sent as a whole, a twelfth smaller than gzip."""
    start: list[Message] = []

    async def packed(event: Message) -> None:
        if event["type"] == "http.response.start":
            start.append(event)
            return
        if start:
            first, body = start.pop(), event.get("body", b"")
            headers = MutableHeaders(raw=first["headers"])
            headers.add_vary_header("Accept-Encoding")
            if len(body) >= _LEAST_PACKED and not event.get("more_body"):
                event["body"] = brotli.compress(body, quality=5)
                headers["content-encoding"] = "br"
                headers["content-length"] = str(len(event["body"]))
            await send(first)
        await send(event)

    return packed


def in_short(problem: BaseException) -> str:
    """Return an error as one line for the log: its type, and where it was raised."""
    frames = traceback.extract_tb(problem.__traceback__)
    if not frames:
        return type(problem).__name__
    file = Path(frames[-1].filename)
    return f"{type(problem).__name__} ({file.parent.name}/{file.name}:{frames[-1].lineno})"
