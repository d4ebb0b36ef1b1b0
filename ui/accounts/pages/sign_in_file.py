"""Responses for sign-ins and sign-outs that can't be saved."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from fastapi import Request
from fastapi.responses import Response

from comfy.base.messages import message
from ui.accounts.database import SignInStoreError
from ui.gradio.internals import app_address, refusal
from ui.page.plain.layout import notice_page
from ui.web.responses import wants_page

log = logging.getLogger(__name__)

_UNAVAILABLE = 503
_WRONG = message("Something went wrong.")


def logged(problem: SignInStoreError) -> str:
    """Return the message for users and log the file's path."""
    log.warning("%s %s", problem, problem.hint)
    return problem.shown


def sign_in_file_handler(root_path: str) -> Callable[[Request, Exception], Awaitable[Response]]:
    """Return the handler of SignInStoreError: 503 with the reason, as a page for browsers.
    `root_path`: see the web server."""

    async def answer(request: Request, problem: Exception) -> Response:
        assert isinstance(problem, SignInStoreError)
        why = logged(problem)
        if not wants_page(request):
            return refusal(why, _UNAVAILABLE)
        address = app_address(request, root_path)
        return notice_page(address, _WRONG, why, status=_UNAVAILABLE)

    return answer
