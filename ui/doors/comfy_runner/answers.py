"""Answers to comfy_runner's calls: JSON with a `STATUS`, also for errors."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from comfy.base.errors import ComfyError
from comfy.base.messages import sentences
from comfy.launch.start import FieldErrors
from ui.api.problems import problem_of
from ui.doors.comfy_runner.runner import NoResult
from ui.doors.comfy_runner.text_service import TextServiceError
from ui.web.responses import AsciiJSON, Problem

_BAD_GATEWAY = 502


def status(said: str, **more: object) -> AsciiJSON:
    """Return the result in comfy_runner's format."""
    return AsciiJSON({"STATUS": said} | more)


class StatusRoute(APIRoute):
    """Route whose errors are problem documents with the reason in `STATUS`."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Add these error answers. See FastAPI's method."""
        handle = super().get_route_handler()

        async def answered(request: Request) -> Response:
            try:
                return await handle(request)
            except ComfyError as error:
                return _refused(_problem(error), _sentence(error))
            except HTTPException as error:
                return _refused(Problem(error.status_code, error.detail), error.detail)

        return answered


def _problem(error: ComfyError) -> Problem:
    match error:
        case NoResult() | TextServiceError():
            return Problem(_BAD_GATEWAY, str(error), error.hint)
        case _:
            return problem_of(error)


def _sentence(error: ComfyError) -> str:
    """Return an error as one text, with field labels."""
    match error:
        case FieldErrors(labelled=labelled):
            return sentences(*labelled.values())
        case _:
            return sentences(str(error), error.hint)


def _refused(problem: Problem, said: str) -> Response:
    answer = AsciiJSON(problem.to_json() | {"STATUS": said}, problem.status)
    answer.headers["content-type"] = "application/problem+json"
    return answer
