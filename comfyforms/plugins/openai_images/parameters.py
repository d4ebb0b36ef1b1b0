"""Parameters of OpenAI's image API, and its errors.

Sources: the types of the package `openai` (`images.generate`, `images.edit`), and
https://platform.openai.com/docs/guides/error-codes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from fastapi import Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.exceptions import HTTPException

from comfy.base.errors import ComfyError
from comfy.base.messages import sentences
from comfy.launch.start import FieldErrors
from ui.api.problems import problem_of
from ui.web.responses import AsciiJSON, Problem

# Clients that offer only OpenAI's models name one of these. The retired ones answer with addresses.
_OWN_MODELS = ("gpt-image-", "chatgpt-image-", "dall-e-")
_RETIRED = "dall-e-"


class Refusal(ComfyError):
    """Request that can't be served. `param`: the parameter that causes it."""

    def __init__(
        self, sentence: str, param: str | None, code: str = "invalid_value", status: int = 400
    ) -> None:
        super().__init__(sentence)
        self.param, self.code, self.status = param, code, status


def refusal_of(error: FieldErrors, params: Mapping[str, str]) -> Refusal:
    """Return the refusal of values. `params`: the parameters that set fields, by field key."""
    key = next(iter(error.errors), "")
    return Refusal(sentences(*error.labelled.values()), params.get(key, key))


class ImageRequest(BaseModel):
    """Request for images. Other parameters, in `model_extra`, may set fields of the form. `model`:
    a workflow's name, empty for the first that can serve the request."""

    model_config = ConfigDict(extra="allow", protected_namespaces=())

    model: str = ""
    prompt: str = ""
    n: int = Field(1, ge=1, le=10)
    response_format: Literal["b64_json", "url"] = "b64_json"
    output_format: Literal["png", "jpeg", "webp"] | None = None
    output_compression: int = Field(100, ge=0, le=100)
    stream: bool = False
    partial_images: int = Field(0, ge=0, le=3)
    confirm_paid: bool = False


def read_parameters(body: Mapping[str, object]) -> ImageRequest:
    """Return the request in a JSON object, or in the texts of a multipart request. Raises Refusal
    for a parameter with a wrong value."""
    given = {name: value for name, value in body.items() if value is not None}
    model = str(given.get("model", ""))
    if model.startswith(_RETIRED):
        given = {"response_format": "url"} | given
    if model.startswith(_OWN_MODELS):
        del given["model"]
    try:
        request = ImageRequest.model_validate(given)
    except ValidationError as problem:
        first = problem.errors()[0]
        name = str(first["loc"][0])
        raise Refusal(f"{name}: {first['msg']}.", name) from None
    for name in ("stream", "output_format"):
        if request.response_format == "url" and getattr(request, name):
            raise Refusal(f"“{name}” needs the response_format “b64_json”.", name)
    return request


def openai_errors(error: ComfyError | HTTPException) -> Response:
    if isinstance(error, Refusal):
        answer = _error_answer(Problem(error.status, str(error)), error.param, error.code)
        # OpenAI's clients repeat a request after 5xx otherwise.
        answer.headers["x-should-retry"] = "false"
        return answer
    return _error_answer(problem_of(error))


def _error_answer(problem: Problem, param: str | None = None, code: str = "") -> Response:
    # OpenAI answers 400 to unusable requests, and its clients repeat a request after 409.
    status = 400 if problem.status in (409, 422) else problem.status
    error = {
        "message": sentences(problem.detail, problem.hint),
        "type": "server_error" if status >= 500 else "invalid_request_error",
        "param": param,
        "code": code or {401: "invalid_api_key", 429: "rate_limit_exceeded"}.get(status),
    }
    return AsciiJSON({"error": error}, status, problem.retry_after_header)
