"""The route that sends a prompt to the language model, in the format of OpenAI's chat API:
https://platform.openai.com/docs/api-reference/chat. Ollama speaks it, too:
https://github.com/ollama/ollama/blob/main/docs/openai.md."""

from __future__ import annotations

import asyncio
import logging
import re
from dataclasses import dataclass
from typing import Annotated, Any

import httpx
from fastapi import HTTPException, Request
from pydantic import BaseModel, Field

from comfy.base.errors import ComfyError
from comfy.base.json_values import parse_json
from comfy.base.messages import message
from comfy.runs.interface import Origin
from comfyforms.plugins.prompt_rewriting.settings import RewritingSettings
from ui.services import Services
from ui.web.access import Access, GuardedRoutes, Owner
from ui.web.identity import NOBODY
from ui.web.limits import off_loop, place_held
from ui.web.responses import AsciiJSON
from ui.web.shares import Caller, Room, Share, shared_address, turn_done

log = logging.getLogger(__name__)

_LONGEST = 4_000  # characters of a prompt
_LONGEST_ANSWER = 20_000
_MOST_BYTES = 1_000_000  # of an answer
_SECONDS = 90.0  # a model on a processor takes that long for its first answer
_NO_COOKIE = message("Rewriting needs cookies. Allow cookies for this page.")
_AT_ONCE, _PER_USER, _PER_ADDRESS = 4, 1, 2
_THOUGHTS = re.compile(r"\A\s*<think>.*?</think>", re.DOTALL)  # of models that think aloud


class Draft(BaseModel):
    """The prompt to rewrite."""

    text: Annotated[str, Field(min_length=1, max_length=_LONGEST)]


@dataclass(frozen=True, slots=True)
class RewrittenPrompt:
    """The model's prompt."""

    text: str


def rewriting_routes(
    settings: RewritingSettings, services: Services, address: str
) -> GuardedRoutes:
    """Return the route at `address`. Each user may wait for one answer at a time, and an answer
    counts as a run for the hourly limit."""
    permissions, runs = services.forms.permissions, services.runs
    routes, room = GuardedRoutes(), Share(_AT_ONCE, _PER_USER, _PER_ADDRESS)

    @routes.post(address, Access.SIGNED_IN, room=Room.CALLS, response_model=RewrittenPrompt)
    async def rewrite(draft: Draft, request: Request, owner: Owner) -> AsciiJSON:
        """Return the prompt as the language model rewrites it. Nothing is stored."""
        if owner == NOBODY and not permissions.operates(owner):
            raise HTTPException(409, _NO_COOKIE)
        with place_held(room, Caller.of(owner, request.scope)):
            origin = Origin(owner, shared_address(owner, request.scope))
            await asyncio.to_thread(runs.count_call, origin)
            await turn_done(request)
            return AsciiJSON(RewrittenPrompt(await _rewritten(settings, draft.text)))

    return routes


async def _rewritten(settings: RewritingSettings, text: str) -> str:
    body = {
        "model": settings.rewrite_model,
        "messages": [
            {"role": "system", "content": settings.rewrite_instructions},
            {"role": "user", "content": text},
        ],
        "stream": False,
    }
    try:
        async with asyncio.timeout(_SECONDS):
            return await off_loop(_text, await _answer(settings, body))
    except (TimeoutError, httpx.HTTPError, ValueError, LookupError, TypeError) as error:
        # The messages of httpx contain no text of users.
        log.warning("A prompt couldn't be rewritten: %s", str(error) or type(error).__name__)
        raise ComfyError(
            message("The prompt couldn't be rewritten."),
            message("Try again. If this keeps happening, contact the administrator."),
        ) from None


def _text(answer: bytes) -> str:
    """Return the text of an answer. Raises ValueError, LookupError or TypeError without one."""
    content = parse_json(answer)["choices"][0]["message"]["content"]
    words = _THOUGHTS.sub("", content).strip()
    if not 0 < len(words) <= _LONGEST_ANSWER:
        raise ValueError(f"an answer of {len(words)} characters")
    return words


async def _answer(settings: RewritingSettings, body: dict[str, Any]) -> bytes:
    """Return the answer. Raises httpx.HTTPError, or ValueError if it is refused or too long."""
    key = settings.rewrite_key.get_secret_value() if settings.rewrite_key else ""
    headers = {"authorization": f"Bearer {key}"} if key else {}
    address, content = f"{settings.rewrite_server}/chat/completions", b""
    # Proxies from the environment would see the key.
    async with (
        httpx.AsyncClient(trust_env=False, timeout=_SECONDS) as client,
        client.stream("POST", address, json=body, headers=headers) as response,
    ):
        if not response.is_success:
            raise ValueError(f"status {response.status_code}")
        async for part in response.aiter_bytes():
            content += part
            if len(content) > _MOST_BYTES:
                raise ValueError("the answer is too long")
    return content
