"""Common parts of responses: JSON that can contain any text, and problem documents."""

from __future__ import annotations

import json
import math
import traceback
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, is_dataclass
from http import HTTPStatus
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from comfy.base.messages import message
from ui.languages.current import all_translated

API = "/api/v1"  # the routes for programs, whose errors are problem documents (RFC 9457)
SOON = 5.0  # seconds until a busy resource may be free again
_PASSING = (429, 503)  # the same request may be answered well later
KEEP_A_DAY = {"cache-control": "public, max-age=86400"}  # responses that are the same for all users
NO_STORE = {"cache-control": "no-store"}  # where who has signed in decides what an address shows
NOT_UNDERSTOOD = message("The app couldn't process this request. Reload the page and try again.")


def json_text(content: object) -> str:
    """Return JSON values as text, with messages in the caller's language."""
    return json.dumps(all_translated(content), separators=(",", ":"))


class AsciiJSON(JSONResponse):
    """A JSON answer in the language of who asks, and in ASCII: what UTF-8 cannot say is written
    out, as half a surrogate pair, which a title or a value may have."""

    def render(self, content: object) -> bytes:
        """The body: of JSON values, or a dataclass of such."""
        if is_dataclass(content) and not isinstance(content, type):
            content = asdict(content)
        return json_text(content).encode("ascii")


def wants_page(request: Request) -> bool:
    """Tell if the caller is a browser that shows the answer as a page."""
    return "text/html" in request.headers.get("accept", "")


async def http_error(_: Request, problem: Exception) -> Response:
    """Return the answer to an HTTPException: its message in the caller's language."""
    assert isinstance(problem, HTTPException)
    return AsciiJSON({"detail": problem.detail}, problem.status_code, problem.headers)


@dataclass(frozen=True, slots=True)
class Problem:
    """Problem document of RFC 9457. `kind`: the last part of its `type`, "" if the status says it
    all. `errors`: messages by field key; `problems`: all errors where a field may be in many
    rows. `retry_after`: seconds, sent with 429 and 503."""

    status: int
    detail: str
    hint: str = ""
    kind: str = ""
    errors: Mapping[str, str] = field(default_factory=dict)
    problems: Sequence[Mapping[str, object]] = ()
    retry_after: float = SOON

    def to_json(self) -> dict[str, object]:
        """The document; its messages stay messages."""
        told = {
            "type": f"urn:comfyforms:problem:{self.kind}" if self.kind else "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
        }
        more = {"hint": self.hint, "errors": dict(self.errors), "problems": list(self.problems)}
        return told | {name: value for name, value in more.items() if value}

    def answer(self, headers: Mapping[str, str] | None = None) -> Response:
        """Return the problem as a response."""
        answer = AsciiJSON(self.to_json(), self.status, headers)
        answer.headers["content-type"] = "application/problem+json"
        if self.status in _PASSING:
            answer.headers["retry-after"] = str(math.ceil(self.retry_after))
        return answer


class PackedPages:
    """ASGI middleware: the page and the forms that are drawn on it go out packed, a quarter of
    their size; some 2 ms for the page. Nothing else: results are packed already, or streams."""

    def __init__(self, app: ASGIApp, paths: Collection[str]) -> None:
        self.app = app
        self.packing = GZipMiddleware(app, minimum_size=1000, compresslevel=5)
        self.paths = paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Forward everything; compress responses of these paths."""
        of_page = scope["type"] == "http" and scope["path"] in self.paths
        await (self.packing if of_page else self.app)(scope, receive, send)


def in_short(problem: BaseException) -> str:
    """An error in one line for the log: what, and where it was raised."""
    frames = traceback.extract_tb(problem.__traceback__)
    if not frames:
        return type(problem).__name__
    file = Path(frames[-1].filename)
    return f"{type(problem).__name__} ({file.parent.name}/{file.name}:{frames[-1].lineno})"
