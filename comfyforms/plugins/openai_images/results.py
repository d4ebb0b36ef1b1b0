"""Results of runs as OpenAI's clients read them: images in base64 or their addresses, and the
events of a stream."""

from __future__ import annotations

import asyncio
import base64
import io
import logging
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from PIL import Image
from starlette.datastructures import URL

from comfy.base.errors import ComfyError, RunNotFound
from comfy.base.messages import sentences
from comfy.comfyui.protocol.events import Preview
from comfy.comfyui.protocol.run_state import Phase
from comfy.media.checks import MIB
from comfy.media.decoding import DecodingSlots, Undecodable, opened, with_eight_bits
from comfy.records.record import Record
from comfyforms.plugins.openai_images.parameters import ImageRequest, Refusal
from ui.api.runs import Runs
from ui.api.streams import states_of
from ui.documents.headlines import NO_RESULT
from ui.documents.run_doc import RunFile, RunProblem
from ui.files.result_files import ResultFiles, saved_places
from ui.languages.current import translated
from ui.web.responses import AsciiJSON, json_text

log = logging.getLogger(__name__)
_NEEDS = 12  # bytes per pixel: the image, and its copy on white
# Bytes of the images in one answer or event, which is in memory several times.
_MOST_BYTES = 64 * MIB
_TOO_LARGE = "The images are too large for base64. Use the response_format “url”."
_STILL_HERE = b": still here\n\n"
_FAILED, _BAD_GATEWAY = "run_failed", 502
# Clients in typed languages require it. A workflow has no tokens.
_USAGE = {
    **dict.fromkeys(("total_tokens", "input_tokens", "output_tokens"), 0),
    "input_tokens_details": {"text_tokens": 0, "image_tokens": 0},
}


@dataclass(frozen=True, slots=True)
class ImageResults:
    """Results of the runs of one request. `params`: the parameters that set fields, by field key.
    `kind`: the first word of its events' types."""

    runs: Runs
    files: ResultFiles
    owner: str
    request: ImageRequest
    params: Mapping[str, str]
    kind: str

    def answer(self, ids: Sequence[str], base: URL) -> AsciiJSON:
        """Return the answer. `base`: any address of the app. Blocks. Raises Refusal if a run failed
        or made no image, or if the images are too large."""
        return AsciiJSON(self._document(ids, base))

    def _document(self, ids: Sequence[str], base: URL) -> dict[str, object]:
        answer: dict[str, object] = {"created": int(time.time()), "usage": _USAGE}
        if self.request.response_format == "url":
            paths = [file.url for run_id in ids for file in self._files(run_id)[1]]
            return answer | {
                "data": [{"url": str(base.replace(path=one, query=""))} for one in paths]
            }
        images = self._images(ids)
        data = [{"b64_json": one.pop("b64_json")} for one in images]
        return answer | images[0] | {"data": data}

    async def events(self, ids: Sequence[str]) -> AsyncGenerator[bytes]:
        """Yield partial images from the previews, then the results, run by run."""
        try:
            for run_id in ids:
                async for event in self._partial_images(run_id):
                    yield event
                for event in await asyncio.to_thread(self._completed, run_id):
                    yield event
        except Refusal as refusal:
            yield _error_event(str(refusal), refusal.param, refusal.code)
        except (ComfyError, OSError) as problem:
            log.info("A result can't be sent: %s", problem)
            yield _error_event(translated(NO_RESULT))

    async def _partial_images(self, run_id: str) -> AsyncGenerator[bytes]:
        """Yield previews at equal parts of a run's progress, until it ends."""
        try:
            run = self.runs.registry.get(run_id, self.owner)
        except RunNotFound:  # it ended long ago
            return
        number, sent, most = 0, 0, self.request.partial_images
        async for state in states_of(run):
            if state is None:
                yield _STILL_HERE
                continue
            is_due = sent < most and state.progress.fraction >= (sent + 1) / (most + 1)
            if is_due and state.preview is not None and state.preview_number != number:
                number, preview = state.preview_number, state.preview
                yield await asyncio.to_thread(self._partial_image, preview, sent)
                sent += 1

    def _partial_image(self, preview: Preview, index: int) -> bytes:
        image = self._image(preview.data, preview.media_type)
        return self._event("partial_image", image | {"partial_image_index": index})

    def _completed(self, run_id: str) -> list[bytes]:
        images = self._images([run_id])
        return [self._event("completed", image | {"usage": _USAGE}) for image in images]

    def _event(self, name: str, image: Mapping[str, object]) -> bytes:
        common = {"created_at": int(time.time()), "quality": "auto", "background": "auto"}
        return _sse({"type": f"{self.kind}.{name}", **common, **image})

    def _images(self, ids: Sequence[str]) -> list[dict[str, object]]:
        """Return the images of ended runs, at least one per run."""
        results = [self._files(run_id) for run_id in ids]
        if sum(file.bytes for _, files in results for file in files) > _MOST_BYTES:
            raise Refusal(_TOO_LARGE, "response_format")
        images = []
        for record, files in results:
            for file in files:
                with self.files.opened(record, record.state.files[file.n]) as content:
                    images.append(self._image(content.read(), file.media_type))
        return images

    def _files(self, run_id: str) -> tuple[Record, list[RunFile]]:
        """Return an ended run and its images, at least one."""
        record = self.runs.ended(run_id, self.owner)
        doc = self.runs.document(record)
        if record.state.phase is not Phase.DONE:
            error, key = doc.error or RunProblem(doc.headline), next(iter(doc.errors), "")
            sentence = sentences(error.message, doc.errors.get(key, ""), error.hint)
            status = 400 if record.state.phase is Phase.REFUSED else _BAD_GATEWAY
            raise Refusal(sentence, self.params.get(key), _FAILED, status)
        images = [doc.files[at] for at in saved_places(record) if doc.files[at].kind == "image"]
        if not images:
            raise Refusal("The workflow made no image.", "model", _FAILED, _BAD_GATEWAY)
        return record, images

    def _image(self, data: bytes, media_type: str) -> dict[str, object]:
        """Return an image in the requested format. Raises Refusal if it can't be converted."""
        kind, size = media_type.removeprefix("image/"), "auto"
        if self.request.output_format not in (None, kind):
            kind = str(self.request.output_format)
            quality = self.request.output_compression
            data = _converted(data, kind, quality, self.files.blobs.turns)
        with suppress(Undecodable), opened(io.BytesIO(data)) as image:
            size = f"{image.width}x{image.height}"
        text = base64.b64encode(data).decode()
        return {"b64_json": text, "output_format": kind, "size": size}


def _converted(data: bytes, kind: str, quality: int, turns: DecodingSlots) -> bytes:
    target = io.BytesIO()
    try:
        with turns.turn(), opened(io.BytesIO(data), needs=_NEEDS) as image:
            whole = with_eight_bits(image)
            if kind == "jpeg" and whole.mode == "RGBA":
                white = Image.new("RGBA", whole.size, "white")
                whole = Image.alpha_composite(white, whole).convert("RGB")
            whole.save(target, kind.upper(), quality=quality)
    except Undecodable as problem:
        raise Refusal(str(problem), "output_format") from problem
    return target.getvalue()


def _error_event(told: str, param: str | None = None, code: str | None = _FAILED) -> bytes:
    error = {"message": told, "param": param, "code": code, "type": "server_error"}
    return _sse({"type": "error", "error": error})


def _sse(event: Mapping[str, object]) -> bytes:
    return f"event: {event['type']}\ndata: {json_text(event)}\n\n".encode()
