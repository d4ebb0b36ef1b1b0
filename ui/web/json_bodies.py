"""Limits of JSON bodies, checked right after parsing, before their values are used."""

from __future__ import annotations

import json
from typing import Any

from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

from comfy.base.json_values import levels, refused_value
from ui.web.limits import WebLimits
from ui.web.responses import AsciiJSON

# brackets and commas, including the ones in texts: each may take a hundred bytes of memory or more
_MOST_MARKS = 500_000
_NO_JSON = "The request is not JSON."


def read_object(body: bytes, limits: WebLimits) -> dict[str, Any] | str:
    """Parse a call's JSON object. Return a message instead if it isn't an object, has more or
    deeper values than allowed, or has a value that `refused_value` rejects."""
    if sum(map(body.count, (b"[", b"{", b","))) > _MOST_MARKS:
        return _too_many(limits)
    try:
        call = json.loads(body)
    except (ValueError, RecursionError):
        return _NO_JSON
    if not isinstance(call, dict):
        return "The request must be a JSON object."
    number = 0
    for depth, level in enumerate(levels(call)):
        number += len(level)
        if depth > limits.depth:
            return "The values are nested too deeply."
        if number > limits.values:
            return _too_many(limits)
        if problem := next(filter(None, map(refused_value, level)), ""):
            return problem
    return call


async def judge_json(connection: HTTPConnection) -> None:
    """Raise HTTPException 422 for a JSON body that isn't JSON or has a value that `refused_value`
    rejects. All routes of the page and the API depend on it, except those that read bodies
    themselves, such as the one that opens a workflow, in which ComfyUI writes NaN."""
    route = connection.scope["route"]
    if not (isinstance(route, APIRoute) and route.body_field and isinstance(connection, Request)):
        return
    kind = connection.headers.get("content-type", "").partition(";")[0].strip().lower()
    if not kind.endswith(("/json", "+json")) or not await connection.body():
        return
    try:
        body = await connection.json()  # parsed once: Starlette caches it
    except (ValueError, RecursionError):  # FastAPI hasn't parsed it: the route reads a form
        raise HTTPException(422, _NO_JSON) from None
    for level in levels(body):
        if problem := next(filter(None, map(refused_value, level)), ""):
            raise HTTPException(422, problem)


async def validation_error(_: Request, problem: Exception) -> Response:
    """Return the location and reason of FastAPI's validation errors, without the sent values, which
    may be of any size."""
    assert isinstance(problem, RequestValidationError)
    details = [
        {"loc": one["loc"], "msg": one["msg"], "type": one["type"]} for one in problem.errors()
    ]
    return AsciiJSON({"detail": details}, 422)


def _too_many(limits: WebLimits) -> str:
    return f"Too many values (maximum {limits.values:,})."
