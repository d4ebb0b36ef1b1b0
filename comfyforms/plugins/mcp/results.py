"""Results of runs as the content of answers, and as resources.

Clients reject and lose a long answer, so it is cut to the limit."""

from __future__ import annotations

import base64
import logging
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from starlette.requests import Request

from comfy.base.errors import ComfyError
from comfy.base.messages import sentences
from comfy.media.thumbnails import image_within
from comfy.records.record import Record
from ui.api.problems import NotThere
from ui.api.runs import Runs
from ui.documents.headlines import NO_RESULT
from ui.documents.run_doc import RunDoc, RunFile, RunProblem, first_words
from ui.files.result_files import ResultFiles, saved_places
from ui.languages.current import translated
from ui.web.identity import NOBODY
from ui.web.responses import API, Problem, json_text

log = logging.getLogger(__name__)
_MOST = 900_000  # bytes per answer: the package's own client accepts events of 1 MiB
_LEAST = 20_000  # bytes for an image; with less room, only its URI is sent
_AROUND = 200  # bytes around an image's base64
_MOST_FILES = 500
_MOST_TEXT = 50_000  # characters in all text results together
_MOST_RUNS = 30  # whose files are listed as resources
_SEEN = ("image/png", "image/jpeg", "image/webp", "image/gif")  # by models
_FILE = re.compile(rf"{API}/runs/([\w-]{{1,100}})/files/([0-9]{{1,6}})$")
_TOO_LARGE = "This file is too large for an answer. Download it from its URI."


def place_of(uri: str) -> tuple[str, int] | None:
    """Return the run and the number of the file that this URI of a result names."""
    match = _FILE.search(uri)
    return (match[1], int(match[2])) if match else None


def uri_of(path: str, request: Request) -> str:
    """Return the address of a path, as the caller reaches the app."""
    path, _, query = path.partition("?")
    return str(request.url.replace(path=path, query=query))


def text_result(told: Mapping[str, Any]) -> dict[str, Any]:
    """Return an answer that is data: as JSON, and as text for clients that read only texts."""
    return {"content": [_text(json_text(told))], "structuredContent": told}


def refused_call(problem: Problem, names: Mapping[str, str]) -> dict[str, Any]:
    """Return why a call failed, and what to do. `names`: argument names by field key."""
    errors = (f"{names.get(key, key)}: {translated(one)}" for key, one in problem.errors.items())
    lines = [problem.detail, *errors, problem.hint]
    text = "\n".join(translated(line) for line in lines if line)
    return {"content": [_text(text)], "isError": True}


def failed_call(told: RunDoc, names: Mapping[str, str]) -> dict[str, Any]:
    """Return the content for a failed run, as the API reports it."""
    error = told.error or RunProblem(told.headline)
    return refused_call(Problem(422, error.message, error.hint, errors=told.errors), names)


def finished_call(
    ended: Sequence[tuple[Record, RunDoc]], files: ResultFiles, request: Request
) -> dict[str, Any]:
    """Return the results of runs, and which ones are missing. The final text is JSON with the URIs
    of all files. Images share the space: a large one is scaled down. Blocks on the disk, or on
    ComfyUI."""
    every = [(record, told.files[at]) for record, told in ended for at in saved_places(record)]
    first_files = every[:_MOST_FILES]
    texts = [*_cut(text for _, told in ended for text in told.texts)]
    told = {
        "runs": [record.id for record, _ in ended],
        "files": [{"uri": uri_of(one.url, request), "name": one.name} for _, one in first_files],
    }
    errors = (one.error for _, one in ended if one.error is not None)
    missing = [translated(sentences(one.message, one.hint)) for one in errors]
    told |= {"missing": missing} if missing else {}
    blocks, last = [*map(_text, texts)], _text(json_text(told))
    structured = told | {"texts": texts}
    room = _MOST - sum(map(_size, [*blocks, last, structured]))
    images = sum(file.media_type in _SEEN for _, file in first_files)
    for record, file in first_files:
        if file.media_type in _SEEN:
            share = max(room // images, _LEAST)
            images -= 1
            if share <= room and (image := _image(record, file, files, share)):
                blocks.append(image)
                room -= _size(image)
    return {"content": [*blocks, last], "structuredContent": structured}


def listed_results(runs: Runs, owner: str, request: Request) -> dict[str, Any]:
    """Return the files of this user's newest runs as resources."""
    history = runs.registry.history
    records = history.of(owner, limit=_MOST_RUNS) if owner != NOBODY else ()
    return {
        "resources": [
            {
                "uri": uri_of(file.url, request),
                "name": file.name,
                "title": f"{record.job.title}: {first_words(record.job)}",
                "mimeType": file.media_type,
            }
            for record in records
            for files in [runs.listed(record).files]
            for file in (files[at] for at in saved_places(record))
        ]
    }


def read_result(runs: Runs, files: ResultFiles, owner: str, uri: str) -> dict[str, Any]:
    """Return a file of one of this user's runs; a large image is scaled down. Blocks on the disk,
    or on ComfyUI. Raises ComfyError."""
    run_id, at = place_of(uri) or ("", 0)
    record = runs.record(run_id, owner)
    found = dict(enumerate(runs.document(record).files))
    if at not in found:
        raise NotThere(NO_RESULT)
    file = found[at]
    image = _image(record, file, files, _MOST) if file.media_type in _SEEN else None
    if image:
        content = {"mimeType": image["mimeType"], "blob": image["data"]}
    else:
        data = _bytes(record, file, files)
        is_text = file.media_type.startswith("text/")
        content = {"mimeType": file.media_type} | (
            {"text": data.decode(errors="replace")} if is_text else {"blob": _base64(data)}
        )
    return {"contents": [{"uri": uri} | content]}


def _bytes(record: Record, file: RunFile, files: ResultFiles) -> bytes:
    most = (_MOST - _AROUND) // 4 * 3  # base64
    try:
        with files.opened(record, record.state.files[file.n]) as content:
            data = content.read(most + 1)
    except OSError as problem:
        raise NotThere(NO_RESULT) from problem
    if len(data) > most:
        raise ComfyError(_TOO_LARGE)
    return data


def _cut(texts: Iterable[str]) -> Iterator[str]:
    """Yield the texts, cut to the limit for all of them together."""
    left = _MOST_TEXT
    for text in texts:
        if left > 0:
            yield text if len(text) <= left else f"{text[:left]}…"
        left -= len(text)


def _image(record: Record, file: RunFile, files: ResultFiles, room: int) -> dict[str, Any] | None:
    """Return an image that fits into the space, scaled down if necessary; None if unavailable."""
    most = (room - _AROUND) // 4 * 3  # base64
    try:
        with files.opened(record, record.state.files[file.n]) as content:
            data = content.read(most + 1)
            if len(data) <= most:
                return _encoded(data, file.media_type)
            content.seek(0)
            with files.blobs.turns.turn():
                smaller = image_within(content, most)
    except (ComfyError, OSError) as problem:
        context = {"run": record.id}
        log.info("An image of run %s can't be sent: %s", record.id, problem, extra=context)
        return None
    return _encoded(smaller, "image/webp") if smaller else None


def _encoded(data: bytes, media_type: str) -> dict[str, Any]:
    return {"type": "image", "data": _base64(data), "mimeType": media_type}


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _text(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def _size(block: Mapping[str, Any]) -> int:
    return len(json_text(block).encode())
