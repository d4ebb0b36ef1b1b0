"""What assistants are told of a run: its images, texts and files, or why there are none."""

from __future__ import annotations

import base64
import logging
from collections.abc import Iterator, Mapping

from mcp.types import CallToolResult, ContentBlock, ImageContent, ResourceLink, TextContent
from starlette.requests import Request

from comfy.errors import ComfyError
from comfy.records.record import Record
from ui.api.run_json import RunFile, RunProblem, ToldRun
from ui.languages.current import translated
from ui.routes.results import ResultFiles, saved_places
from ui.web.responses import Problem, json_text

log = logging.getLogger(__name__)

_LARGEST = 5 * 2**20  # bytes of an image that is sent whole; a link leads to larger ones
_SEEN = ("image/png", "image/jpeg", "image/webp", "image/gif")  # by models


def refused_call(problem: Problem, names: Mapping[str, str]) -> CallToolResult:
    """Why nothing came of a call, and what to do; `names` of arguments by field key."""
    lines = [problem.detail, *_of_fields(problem.errors, names), problem.hint]
    return _error(lines)


def failed_call(told: ToldRun, names: Mapping[str, str]) -> CallToolResult:
    """The same of a run that has not ended well, as the API tells it."""
    error = told.error or RunProblem(told.headline)
    return _error([error.message, *_of_fields(told.errors, names), error.hint])


def finished_call(
    record: Record, told: ToldRun, files: ResultFiles, request: Request
) -> CallToolResult:
    """What a run has made. Its last text says, as JSON, how later calls name its files. Waits for
    the disk, or for ComfyUI."""
    places = saved_places(record)
    made = [told.files[at] for at in places]
    blocks: list[ContentBlock] = [TextContent(text=one) for one in told.texts]
    blocks += (_block(record, one, files, request) for one in made)
    known = [{"file": one.n, "name": one.name} for one in made]
    blocks.append(TextContent(text=json_text({"run": record.id, "files": known})))
    return CallToolResult(content=blocks)


def _block(record: Record, file: RunFile, files: ResultFiles, request: Request) -> ContentBlock:
    if file.media_type in _SEEN:
        try:
            with files.opened(record, record.state.files[file.n]) as content:
                data = content.read(_LARGEST + 1)
        except (ComfyError, OSError) as problem:
            told = {"run": record.id}
            log.info("An image of run %s cannot be sent: %s", record.id, problem, extra=told)
        else:
            if len(data) <= _LARGEST:
                encoded = base64.b64encode(data).decode()
                return ImageContent(data=encoded, mime_type=file.media_type)
    return ResourceLink(
        uri=str(request.url.replace(path=file.url, query="")),
        name=file.name,
        mime_type=file.media_type,
        size=file.bytes or None,
    )


def _of_fields(errors: Mapping[str, str], names: Mapping[str, str]) -> Iterator[str]:
    for key, sentence in errors.items():
        yield f"{names.get(key, key)}: {translated(sentence)}"


def _error(lines: list[str]) -> CallToolResult:
    text = "\n".join(translated(line) for line in lines if line)
    return CallToolResult(content=[TextContent(text=text)], is_error=True)
