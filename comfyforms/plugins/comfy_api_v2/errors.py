"""Errors in the format of Comfy API v2: `{"error": {code, message, details}}`."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from fastapi import Response
from starlette.exceptions import HTTPException

from comfy.base.errors import ComfyError
from comfy.base.messages import sentences
from comfy.launch.sent_prompts import PromptRefused
from ui.api.problems import problem_of
from ui.web.responses import AsciiJSON, ErrorAnswer

_CODES: Mapping[int, str] = MappingProxyType(
    {
        401: "unauthorized",
        402: "insufficient_credits",  # also for a paid run without the user's consent
        403: "forbidden",
        404: "not_found",
        405: "not_found",
        408: "request_timeout",
        413: "payload_too_large",
        422: "invalid_request",
        507: "storage_full",
    }
)


class Refused(ComfyError):
    """Refusal with a code of the API."""

    def __init__(self, status: int, code: str, message: str, **details: object) -> None:
        super().__init__(message)
        self.status, self.code, self.details = status, code, details or None


def not_found() -> Refused:
    """Return the refusal of an id that is unknown or another user's."""
    return Refused(404, "not_found", "This doesn't exist, or isn't yours.")


def errors_with(busy: str) -> ErrorAnswer:
    """Return the format of errors. `busy`: the code of a request that may succeed later, because
    its caller has too many of its kind."""

    def answer(error: ComfyError | HTTPException) -> Response:
        match error:
            case Refused(status=status, code=code, details=details):
                return _answer(status, code, str(error), details)
            case PromptRefused(node_errors=nodes):
                told = sentences(str(error), error.error["details"])
                return _answer(422, "invalid_workflow", told, {"node_errors": nodes})
            case HTTPException(status_code=400):  # Starlette's, for a form that it can't read
                return _answer(422, "invalid_request", error.detail)
        problem = problem_of(error)
        status, code = problem.status, _CODES.get(problem.status, "upstream_error")
        if status == 429 or (status == 503 and isinstance(error, HTTPException)):
            status, code = 429, busy
        elif problem.kind == "workflow-refused":
            code = "invalid_workflow"
        headers = dict(problem.retry_after_header)
        if isinstance(error, HTTPException):
            headers |= dict(error.headers or {})
        detail = sentences(problem.detail, problem.hint) if problem.hint else problem.detail
        return _answer(status, code, detail, dict(problem.errors) or None, headers)

    return answer


def _answer(
    status: int,
    code: str,
    message: str,
    details: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    error = {"code": code, "message": message, "details": details}
    return AsciiJSON({"error": error}, status, headers)
