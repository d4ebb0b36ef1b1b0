"""Unhandled failures: a message on the page, a line in the log and a count, never a traceback."""

from __future__ import annotations

import contextlib
import logging
from collections import Counter
from collections.abc import Callable

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketDisconnect

from ui.gradio.internals import OWN_ROUTES, refusal
from ui.web.responses import API, NOT_UNDERSTOOD, ErrorAnswer, Problem, in_short

log = logging.getLogger(__name__)

_WENT_WRONG = 1011  # close code
_MOST_KINDS = 200
_ERRORS_OF = "comfyforms.errors_of"  # in a scope


def refusal_for(scope: Scope, sentence: str, status: int) -> Response:
    """Return a refusal by middleware: a problem document for the app's own API, the format that
    another route declares, Gradio's for pages."""
    if scope["path"].startswith(f"{API}/"):
        return Problem(status, sentence).answer()
    errors = scope[_ERRORS_OF](scope)
    return errors(HTTPException(status, sentence)) if errors else refusal(sentence, status)


class FailureMiddleware:
    """Outermost ASGI middleware: turns every failure in the app into a message and one log line.

    It leaves a partly sent response alone: `ui.web.uvicorn_protocols` closes its connection, so the
    browser notices. `errors_of`: returns the format of errors that a request's route declares.
    `failures`: counts them by their type and place.
    """

    def __init__(
        self,
        app: ASGIApp,
        errors_of: Callable[[Scope], ErrorAnswer | None],
        failures: Counter[str],
    ) -> None:
        self.app = app
        self._errors_of = errors_of
        self._failures = failures

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Forward everything, and handle failures."""
        scope[_ERRORS_OF] = self._errors_of
        match scope["type"]:
            case "http":
                await self._answer(scope, receive, send)
            case "websocket":
                await self._converse(scope, receive, send)
            case _:
                await self.app(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = replaced = False

        async def without_failure(event: Message) -> None:
            nonlocal started, replaced
            if event["type"] == "http.response.start" and event["status"] == 500:
                replaced = True  # the rest of this response is dropped
                # Only Gradio's own routes catch what fails in them.
                owner = "gradio/" if scope["path"].startswith(OWN_ROUTES) else "app/"
                self._note("A request failed", f"status 500 ({owner})")
                await refusal_for(scope, NOT_UNDERSTOOD, 422)(scope, receive, send)
            elif not replaced:
                started = True
                await send(event)

        try:
            await self.app(scope, receive, without_failure)
        except ClientDisconnect:  # the browser left before its whole request arrived
            return
        except HTTPException as problem:
            answer = refusal_for(scope, problem.detail, problem.status_code)
        except Exception as problem:  # noqa: BLE001 - users get a message for every failure
            self._note("A request failed", in_short(problem))
            answer = refusal_for(scope, NOT_UNDERSTOOD, 422)
        else:
            return
        if not (started or replaced):
            await answer(scope, receive, send)

    async def _converse(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self.app(scope, receive, send)
        except WebSocketDisconnect:
            return
        except Exception as problem:  # noqa: BLE001 - every failure closes the socket
            self._note("A socket was closed after an error", in_short(problem))
            with contextlib.suppress(Exception):  # it may be closed, or never have been open
                await send({"type": "websocket.close", "code": _WENT_WRONG})

    def _note(self, what: str, kind: str) -> None:
        """Count and log a failure. Each kind has its own text, which limits its lines."""
        known = self._failures
        known[kind if kind in known or len(known) < _MOST_KINDS else "other"] += 1
        log.warning(f"{what}: {kind}")
