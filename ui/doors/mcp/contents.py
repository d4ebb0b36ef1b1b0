"""Results for assistants: images, texts and files, or the reasons for failures. Clients reject and
lose a long answer, so it is cut to the limit."""

from __future__ import annotations

import base64
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence

from mcp.types import CallToolResult, ContentBlock, ImageContent, ResourceLink, TextContent
from starlette.requests import Request

from comfy.base.errors import ComfyError
from comfy.media.decoding import DecodingSlots
from comfy.media.thumbnails import image_within
from comfy.records.record import Record
from ui.documents.run_doc import RunDoc, RunFile, RunProblem
from ui.files.result_files import ResultFiles, saved_places
from ui.languages.current import translated
from ui.web.responses import Problem, json_text

log = logging.getLogger(__name__)

_MOST = 900_000  # bytes per answer: the package's own client accepts events of 1 MiB
_LEAST = 20_000  # bytes for an image; with less room, only a link is sent
_AROUND = 200  # bytes around an image's base64
_MOST_FILES = 500
_MOST_TEXT = 50_000  # characters in all text results together
_SEEN = ("image/png", "image/jpeg", "image/webp", "image/gif")  # by models


def refused_call(problem: Problem, names: Mapping[str, str]) -> CallToolResult:
    """Return why a call failed, and what to do. `names`: argument names by field key."""
    lines = [problem.detail, *_of_fields(problem.errors, names), problem.hint]
    return _error(lines)


def failed_call(told: RunDoc, names: Mapping[str, str]) -> CallToolResult:
    """Return the content for a failed run, as the API reports it."""
    error = told.error or RunProblem(told.headline)
    return _error([error.message, *_of_fields(told.errors, names), error.hint])


def finished_call(
    ended: Sequence[tuple[Record, RunDoc]],
    files: ResultFiles,
    slots: DecodingSlots,
    request: Request,
) -> CallToolResult:
    """Return the results of runs. A final JSON text per run has the file references for later
    calls. Images share the space: a large one is scaled down and linked in full size. Blocks on the
    disk, or on ComfyUI."""
    every = [(record, told.files[at]) for record, told in ended for at in saved_places(record)]
    first_files = every[:_MOST_FILES]
    names = [_names(record, told) for record, told in ended]
    texts = [*_texts(text for _, told in ended for text in told.texts)]
    links = [_link(file, request) for _, file in first_files]
    fixed: list[ContentBlock] = [*names, *texts, *links]
    room = _MOST - sum(map(_size, fixed))
    images = sum(file.media_type in _SEEN for _, file in first_files)
    blocks: list[ContentBlock] = [*texts]
    for (record, file), link in zip(first_files, links, strict=True):
        image, is_whole = None, False
        if file.media_type in _SEEN:
            share = max(room // images, _LEAST)
            images -= 1
            if share <= room:
                image, is_whole = _image(record, file, files, slots, share)
        if image is not None:
            blocks.append(image)
            room -= _size(image)
        if not is_whole:
            blocks.append(link)
    return CallToolResult(content=[*blocks, *names])


def _names(record: Record, told: RunDoc) -> TextContent:
    places = saved_places(record)[:_MOST_FILES]
    known = [{"file": at, "name": told.files[at].name} for at in places]
    return TextContent(text=json_text({"run": record.id, "files": known}))


def _texts(texts: Iterable[str]) -> Iterator[TextContent]:
    """Yield the texts, cut to the limit for all of them together."""
    left = _MOST_TEXT
    for text in texts:
        if left > 0:
            shown = text if len(text) <= left else f"{text[:left]}…"
            yield TextContent(text=shown)
        left -= len(text)


def _link(file: RunFile, request: Request) -> ResourceLink:
    return ResourceLink(
        uri=str(request.url.replace(path=file.url, query="")),
        name=file.name,
        mime_type=file.media_type,
        size=file.bytes or None,
    )


def _image(
    record: Record, file: RunFile, files: ResultFiles, slots: DecodingSlots, room: int
) -> tuple[ImageContent | None, bool]:
    """Return an image that fits into the space (None if unavailable), and True if it isn't scaled
    down."""
    most = (room - _AROUND) // 4 * 3  # base64
    try:
        with files.opened(record, record.state.files[file.n]) as content:
            data = content.read(most + 1)
            if len(data) <= most:
                return _encoded(data, file.media_type), True
            content.seek(0)
            with slots.turn():
                smaller = image_within(content, most)
    except (ComfyError, OSError) as problem:
        context = {"run": record.id}
        log.info("An image of run %s can't be sent: %s", record.id, problem, extra=context)
        return None, False
    return (_encoded(smaller, "image/webp") if smaller else None), False


def _encoded(data: bytes, media_type: str) -> ImageContent:
    return ImageContent(data=base64.b64encode(data).decode(), mime_type=media_type)


def _size(block: ContentBlock) -> int:
    return len(block.model_dump_json(by_alias=True).encode())


def _of_fields(errors: Mapping[str, str], names: Mapping[str, str]) -> Iterator[str]:
    for key, sentence in errors.items():
        yield f"{names.get(key, key)}: {translated(sentence)}"


def _error(lines: list[str]) -> CallToolResult:
    text = "\n".join(translated(line) for line in lines if line)
    return CallToolResult(content=[TextContent(text=text)], is_error=True)
