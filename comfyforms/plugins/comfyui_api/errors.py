"""Errors in the format of ComfyUI's API: `error` and `node_errors`."""

from __future__ import annotations

from typing import Any

from fastapi import Response
from starlette.exceptions import HTTPException

from comfy.base.errors import ComfyError
from comfy.launch.sent_prompts import PromptRefused
from ui.api.problems import problem_of
from ui.web.responses import AsciiJSON

Json = dict[str, Any]


def error_of(type_: str, message: str, details: str, extra_info: Json) -> Json:
    return {"type": type_, "message": message, "details": details, "extra_info": extra_info}


def comfyui_errors(error: ComfyError | HTTPException) -> Response:
    if isinstance(error, PromptRefused):
        return AsciiJSON({"error": error.error, "node_errors": error.node_errors}, 400)
    problem = problem_of(error)
    detail = str(error) if isinstance(error, ComfyError) else problem.detail
    kind = problem.kind.replace("-", "_") or "refused"
    told = error_of(kind, detail, problem.hint, {})
    status = 400 if problem.status == 422 else problem.status
    return AsciiJSON({"error": told, "node_errors": {}}, status, problem.retry_after_header)
