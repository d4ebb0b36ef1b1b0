"""The last word where nothing else has one: no failure is a traceback, neither on the page nor in the log."""

from __future__ import annotations

import contextlib
import logging
import traceback
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketDisconnect

log = logging.getLogger(__name__)

NOT_UNDERSTOOD = "The app could not use this request. Reload the page and try again."
WENT_WRONG = 1011  # close code


class Failures:
    """ASGI middleware, the outermost: whatever fails in the app becomes a sentence, and one line in the log.

    An answer that breaks off is left as it is: `ui.protocols` closes its connection, which tells the browser.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on, watching."""
        match scope["type"]:
            case "http":
                await self._answer(scope, receive, send)
            case "websocket":
                await self._converse(scope, receive, send)
            case _:
                await self.app(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = replaced = False

        async def without_failure(message: Message) -> None:
            nonlocal begun, replaced
            if message["type"] == "http.response.start" and message["status"] == 500:
                replaced = True  # what else this answer says is for nobody
                await not_understood()(scope, receive, send)
            elif not replaced:
                begun = True
                await send(message)

        try:
            await self.app(scope, receive, without_failure)
            return
        except ClientDisconnect:  # it left before its request was here
            return
        except HTTPException as problem:
            answer = JSONResponse({"error": problem.detail, "detail": problem.detail}, problem.status_code)
        except Exception as problem:
            log.warning("A request could not be answered: %s", in_short(problem))
            answer = not_understood()
        if not (begun or replaced):
            await answer(scope, receive, send)

    async def _converse(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self.app(scope, receive, send)
        except WebSocketDisconnect:
            return
        except Exception as problem:
            log.warning("A socket was closed: %s", in_short(problem))
            with contextlib.suppress(Exception):  # it may be closed, or never have been open
                await send({"type": "websocket.close", "code": WENT_WRONG})


def not_understood() -> JSONResponse:
    """The answer where there is no better one. Gradio's page reads `error`, its Python client `detail`."""
    return JSONResponse({"error": NOT_UNDERSTOOD, "detail": NOT_UNDERSTOOD}, 422)


def in_short(problem: BaseException) -> str:
    """An error in one line: what, and where it was raised."""
    frames = traceback.extract_tb(problem.__traceback__)
    where = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    return f"{type(problem).__name__}{where}"
