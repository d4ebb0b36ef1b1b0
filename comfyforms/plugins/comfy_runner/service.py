"""An Ollama server that writes prompts for a description of an image
(https://github.com/ollama/ollama/blob/main/docs/api.md, `POST /api/generate` with a JSON schema as
`format` and `stream: false`)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import islice

import requests
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from urllib3.exceptions import HTTPError

from comfy.base.errors import ComfyError
from comfy.base.json_values import as_mapping, as_text, json_or_none
from comfy.base.wording import short
from comfy.comfyui.client.address import ServerAddress
from comfy.comfyui.client.sessions import Session

_CONNECT_SECONDS = 5.0
_TASK = (
    "You write prompts for an image model. The input describes an image as JSON. Write"
    " positive_prompt: what the image should show, as short phrases separated by commas; and"
    " negative_prompt: what it should not show."
)
_PIECE, _MOST_PIECES = 64 * 1024, 16  # bytes per piece of an answer, and most pieces


@dataclass(frozen=True, slots=True)
class TextService:
    """An Ollama server and its model. `timeout`: seconds to wait without an answer."""

    address: ServerAddress
    model: str
    timeout: float


class TextServiceError(ComfyError):
    """Error for a text service that doesn't answer, or gives an invalid answer."""


class WrittenPrompts(BaseModel):
    """Answer of the model."""

    model_config = ConfigDict(str_strip_whitespace=True)

    positive_prompt: str = Field(min_length=1)
    negative_prompt: str


class TextQuestion:
    """One question to the service, which another thread may abort."""

    def __init__(self, service: TextService) -> None:
        self._service = service
        self._session = Session(service.address)

    def abort(self) -> None:
        """Make `ask` fail at once."""
        self._session.abort()

    def ask(self, description: object) -> WrittenPrompts:
        """Return prompts for a description, which is any JSON value. Raises TextServiceError."""
        body = {
            "model": self._service.model,
            "system": _TASK,
            "prompt": json.dumps(description, ensure_ascii=False),
            "format": WrittenPrompts.model_json_schema(),
            "stream": False,
        }
        with self._session as session:
            try:
                with session.post(
                    f"{self._service.address.url}/api/generate",
                    json=body,
                    timeout=(_CONNECT_SECONDS, self._service.timeout),
                    stream=True,
                    allow_redirects=False,
                ) as answer:
                    content = b"".join(islice(answer.iter_content(_PIECE), _MOST_PIECES))
            except requests.Timeout as error:
                raise TextServiceError(
                    "The text service took too long.", "Try again later."
                ) from error
            except (requests.RequestException, HTTPError) as error:
                raise TextServiceError(
                    "The text service doesn't answer.",
                    "Ask the administrator to check [ollama] in config.toml.",
                ) from error
        return _prompts(answer.status_code, as_mapping(json_or_none(content)))


def _prompts(status: int, told: dict[str, object]) -> WrittenPrompts:
    if status != requests.codes.ok:
        why = short(as_text(told.get("error"))) or str(status)
        raise TextServiceError(f"The text service refused: {why}")
    try:
        return WrittenPrompts.model_validate_json(as_text(told.get("response")))
    except ValidationError:
        raise TextServiceError(
            "The text service returned no prompt.",
            "Try again, or choose another model under [ollama].",
        ) from None
