"""Errors as problem documents."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from comfy.base.errors import (
    BatchNotFound,
    ChainNotFound,
    ComfyError,
    DatabaseAway,
    DiskFull,
    NoApiKey,
    NotWritten,
    Overloaded,
    PaymentNotConfirmed,
    RunGoesOn,
    RunNotFound,
    ServerError,
    ServerUnreachable,
    ShuttingDown,
    WorkflowError,
    WorkflowNotFound,
)
from comfy.base.messages import message
from comfy.batches.check import BatchErrors
from comfy.batches.spec import BatchProblem
from comfy.launch.start import FieldErrors
from comfy.records.started_requests import OtherRequest
from comfy.webhooks.address import CallbackRefused
from ui.accounts.users import UnknownUser
from ui.web.responses import SOON, Problem

PROBLEM: dict[str, Any] = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What happened."},
        "hint": {"type": "string", "description": "What to do about it."},
        "errors": {
            "type": "object",
            "additionalProperties": {"type": "string"},
            "description": "Errors of single values, by field key.",
        },
        "problems": {
            "type": "array",
            "description": "All errors in the values, with their places.",
            "items": {
                "type": "object",
                "properties": {
                    "detail": {"type": "string"},
                    "sentence": {
                        "type": "string",
                        "description": "The detail with its field and row.",
                    },
                    "field": {"type": ["string", "null"]},
                    "row": {
                        "type": ["integer", "null"],
                        "description": "Row number, as in `GET …/rows`.",
                    },
                    "line": {
                        "type": ["integer", "null"],
                        "description": "Line number in the table's file.",
                    },
                },
            },
        },
    },
}
_DOCUMENT: dict[str, Any] = {
    "description": "The reason, for users, in the language of the request.",
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
}
DOCUMENT: dict[int | str, dict[str, Any]] = {"4XX": _DOCUMENT, "5XX": _DOCUMENT}
_LOCATIONS = ("body", "query", "path", "header")


class NotThere(ComfyError):
    """Error for an addressed object that doesn't exist for this caller."""


class ProblemKind(NamedTuple):
    """Answer to errors of a class: the status, and the last part of the problem's type."""

    status: int
    name: str


# The first match counts, so more specific errors come first.
_KINDS: tuple[tuple[type[ComfyError], ProblemKind], ...] = (
    (NotThere, ProblemKind(404, "not-found")),
    (RunNotFound, ProblemKind(404, "not-found")),
    (BatchNotFound, ProblemKind(404, "not-found")),
    (ChainNotFound, ProblemKind(404, "not-found")),
    (WorkflowNotFound, ProblemKind(404, "not-found")),
    (UnknownUser, ProblemKind(404, "not-found")),
    (FieldErrors, ProblemKind(422, "values-refused")),
    (BatchErrors, ProblemKind(422, "values-refused")),
    (WorkflowError, ProblemKind(422, "workflow-refused")),
    (OtherRequest, ProblemKind(422, "key-used")),
    (CallbackRefused, ProblemKind(422, "callback-refused")),
    (NoApiKey, ProblemKind(402, "no-api-key")),
    (PaymentNotConfirmed, ProblemKind(402, "payment-not-confirmed")),
    (RunGoesOn, ProblemKind(409, "goes-on")),
    (Overloaded, ProblemKind(429, "too-many")),
    (DatabaseAway, ProblemKind(503, "database-away")),
    (ShuttingDown, ProblemKind(503, "shutting-down")),
    (ServerUnreachable, ProblemKind(503, "comfyui-away")),
    (ServerError, ProblemKind(502, "comfyui-failed")),
    (DiskFull, ProblemKind(507, "disk-full")),
    (NotWritten, ProblemKind(507, "not-written")),
    (ComfyError, ProblemKind(409, "not-possible")),
)


def problem_of(error: ComfyError | HTTPException) -> Problem:
    """Return the problem document for an error."""
    if isinstance(error, HTTPException):
        return Problem(error.status_code, error.detail)
    kind = next(kind for one, kind in _KINDS if isinstance(error, one))
    detail: str = str(error)
    field_errors: dict[str, str] = {}
    problems: tuple[BatchProblem, ...] = ()
    texts: Sequence[str] = ()
    match error:
        case FieldErrors(errors=errors, labelled=labelled):
            detail, field_errors = message("These values can't be used."), errors
            problems = tuple(BatchProblem(one, key) for key, one in errors.items())
            texts = [labelled.get(one.field or "", one.message) for one in problems]
        case BatchErrors(found=found):
            problems, texts = found, error.problems
            field_errors = {one.field: one.message for one in reversed(found) if one.field}
    return Problem(
        kind.status,
        detail,
        error.hint,
        kind.name,
        field_errors,
        tuple(map(_placed, problems, texts)),
        error.seconds if isinstance(error, Overloaded) else SOON,
    )


def _placed(problem: BatchProblem, sentence: str) -> dict[str, object]:
    return {
        "detail": problem.message,
        "sentence": sentence,
        "field": problem.field,
        "row": problem.row,
        "line": problem.line,
    }


def answer_problems(api: FastAPI, allowed: Callable[[Scope], Sequence[str]]) -> None:
    """Make this app answer all errors with problem documents. `allowed`: the methods of a path."""

    async def of_http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        headers = error.headers
        if error.status_code == 405:  # Starlette only lists the methods of the first route
            headers = {"allow": ", ".join(allowed(request.scope))}
        return problem_of(error).answer(headers)

    async def of_validation(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        if request.method not in allowed(request.scope):  # `POST /batches/1/grid` isn't a change
            return await of_http(request, HTTPException(405))
        errors = {_place(one["loc"]): str(one["msg"]) for one in error.errors()}
        detail = "The app couldn't process this request."
        return Problem(422, detail, kind="request-refused", errors=errors).answer()

    api.add_exception_handler(ComfyError, answer_problem)
    api.add_exception_handler(HTTPException, of_http)
    api.add_exception_handler(RequestValidationError, of_validation)


async def answer_problem(_: Request, error: Exception) -> Response:
    """Answer one of our errors with its problem document."""
    assert isinstance(error, ComfyError)
    return problem_of(error).answer()


def _place(location: tuple[int | str, ...]) -> str:
    """Return the dotted name of the invalid part of a request."""
    inner = location[1:] if location[:1] and location[0] in _LOCATIONS else location
    return ".".join(map(str, inner)) or "body"
