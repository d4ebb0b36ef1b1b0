"""Unhandled failures: a message for the caller, a count, and the traceback in the log."""

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

from comfy.base.messages import message, sentences
from ui.gradio.internals import OWN_ROUTES, refusal
from ui.web.responses import API, NOT_UNDERSTOOD, ErrorAnswer, Problem, in_short

log = logging.getLogger(__name__)

_WENT_WRONG = 1011  # close code
_MOST_KINDS = 200
_ERRORS_OF = "comfyforms.errors_of"  # in a scope
_AGAIN = message("Try again. If this keeps happening, contact the administrator.")
_FAILED = sentences(message("Something went wrong."), _AGAIN), 500
_ODD_CALL = NOT_UNDERSTOOD, 422  # of Gradio's routes
_NAMES_CODE = (AttributeError, ImportError, NameError)  # other errors may repeat a user's text


class UnexpectedError(Exception):
    """Error for the log: it has the traceback of a failure, and its text only if that names code.
    `str()`: the failure's type, and the text."""

    def __init__(self, failure: Exception) -> None:
        kind = type(failure).__name__
        super().__init__(f"{kind}: {failure}" if isinstance(failure, _NAMES_CODE) else kind)
        self.with_traceback(failure.__traceback__)


def refusal_for(scope: Scope, sentence: str, status: int) -> Response:
    """Return a refusal by middleware: a problem document for the app's own API, the format that
    another route declares, Gradio's for pages."""
    if scope["path"].startswith(f"{API}/"):
        return Problem(status, sentence).answer()
    errors = scope[_ERRORS_OF](scope)
    return errors(HTTPException(status, sentence)) if errors else refusal(sentence, status)


class FailureMiddleware:
    """Outermost ASGI middleware: answers every failure with a message and status 500, and logs it.

    In Gradio's own routes the status is 422: they fail when a caller sends what no page would. It
    leaves a partly sent response alone: `ui.web.uvicorn_protocols` closes its connection, so the
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
        started = failed = False
        of_gradio = scope["path"].startswith(OWN_ROUTES)

        async def without_failure(event: Message) -> None:
            nonlocal started, failed
            if event["type"] == "http.response.start" and event["status"] == 500:
                failed = True  # this response is dropped
            elif not failed:
                started = True
                await send(event)

        try:
            await self.app(scope, receive, without_failure)
        except ClientDisconnect:  # the browser left before its whole request arrived
            return
        except HTTPException as problem:
            answer = refusal_for(scope, problem.detail, problem.status_code)
        except Exception as problem:  # noqa: BLE001 - callers get a message for every failure
            told = None if of_gradio else UnexpectedError(problem)
            self._note("A request failed", in_short(problem), told)
            answer = refusal_for(scope, *(_ODD_CALL if of_gradio else _FAILED))
        else:
            if not failed:
                return
            # Only Gradio's own routes catch what fails in them.
            self._note("A request failed", f"status 500 ({'gradio' if of_gradio else 'app'}/)")
            answer = refusal_for(scope, *(_ODD_CALL if of_gradio else _FAILED))
        if not started:
            await answer(scope, receive, send)

    async def _converse(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self.app(scope, receive, send)
        except WebSocketDisconnect:
            return
        except Exception as problem:  # noqa: BLE001 - every failure closes the socket
            told = UnexpectedError(problem)
            self._note("A socket was closed after an error", in_short(problem), told)
            with contextlib.suppress(Exception):  # it may be closed, or never have been open
                await send({"type": "websocket.close", "code": _WENT_WRONG})

    def _note(self, what: str, kind: str, error: UnexpectedError | None = None) -> None:
        """Count and log a failure. Each kind has its own text, which limits its lines."""
        known = self._failures
        known[kind if kind in known or len(known) < _MOST_KINDS else "other"] += 1
        log.warning(f"{what}: {kind}", exc_info=error)
