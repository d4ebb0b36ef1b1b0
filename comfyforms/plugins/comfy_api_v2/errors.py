"""Errors in the format of Comfy API v2: `{"error": {code, message, details}}`."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from fastapi import Response
from starlette.exceptions import HTTPException

from comfy.base.errors import ComfyError, RunGoesOn
from comfy.base.messages import sentences
from comfy.launch.sent_prompts import PromptRefused
from comfy.records.started_requests import OtherRequest
from ui.api.problems import problem_of
from ui.web.responses import AsciiJSON, ErrorAnswer

_CODES: Mapping[int, str] = MappingProxyType(
    {
        401: "unauthorized",
        402: "insufficient_credits",  # also for a paid run without the user's consent
        403: "forbidden",
        404: "not_found",
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


def key_used(*ids: str) -> Refused:
    """Return the refusal of a repeated request. `ids`: of the jobs or assets that it made."""
    told = "This Idempotency-Key was used before. Use what it started."
    return Refused(422, "idempotency_key_reuse", told, **({"ids": [*ids]} if ids else {}))


def not_found() -> Refused:
    """Return the refusal of an id that is unknown or another user's."""
    return Refused(404, "not_found", "This doesn't exist, or isn't yours.")


def errors_with(busy: str) -> ErrorAnswer:
    """Return the format of errors. `busy`: the code of a request that may succeed later, because
    its caller has too many of its kind."""

    def answer(error: ComfyError | HTTPException) -> Response:
        headers: Mapping[str, str] = {}
        if isinstance(error, OtherRequest):
            error = key_used()
        match error:
            case Refused(status=status, code=code, details=details):
                told = str(error)
            case PromptRefused(node_errors=nodes):
                status, code, details = 422, "invalid_workflow", {"node_errors": nodes}
                told = sentences(str(error), error.error["details"])
            case _:
                problem, details = problem_of(error), None
                status, told, headers = problem.status, problem.detail, problem.retry_after_header
                is_full = status == 503 and isinstance(error, HTTPException)
                if status == 429 or is_full or isinstance(error, RunGoesOn):
                    status, code = 429, busy
                elif status == 400:  # Starlette's, for a form that it can't read
                    status, code = 422, "invalid_request"
                elif problem.kind == "workflow-refused":
                    code = "invalid_workflow"
                else:
                    code = _CODES.get(status, "upstream_error")
        document = {"code": code, "message": told, "details": details}
        return AsciiJSON({"error": document}, status, headers)

    return answer
