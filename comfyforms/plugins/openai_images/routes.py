"""The routes below `/v1`: https://platform.openai.com/docs/api-reference/images.

A request starts runs, as the app's own API does. They stop if the client disconnects.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import ExitStack, aclosing
from dataclasses import dataclass

from fastapi import Request, Response
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from comfy.base.wording import short
from comfy.launch.start import FieldErrors
from comfyforms.plugins.openai_images.fields import ImageForm, MaskUploads
from comfyforms.plugins.openai_images.parameters import (
    ImageRequest,
    Refusal,
    openai_errors,
    read_parameters,
    refusal_of,
)
from comfyforms.plugins.openai_images.results import ImageResults
from ui.api.named_workflows import named_form, named_workflows
from ui.api.requests import Requester, StartOutcome
from ui.api.runs import Runs
from ui.api.start import RunStart, cancel_runs, runs_end_first
from ui.api.values import Bodies, Sent
from ui.files.result_files import ResultFiles
from ui.web.access import Access, GuardedRoutes, Owner
from ui.web.limits import BodyLimit, body_done
from ui.web.responses import NO_STORE, AsciiJSON
from ui.web.shares import Room, Work, in_turn, turn_done

_PREFIX = "/v1"
_MOST_PARAMETERS = 200  # texts of a multipart request
_NO_IMAGES = "Send images as multipart/form-data, in parts named “image[]”, not URLs or file IDs."
_MODELS = f"GET {_PREFIX}/models lists the workflows."
_PATHS = f"Only {_PREFIX}/models, {_PREFIX}/images/generations and {_PREFIX}/images/edits exist."


class RunStream(StreamingResponse):
    """Stream of events. `held` is closed at its end, and when the client disconnects."""

    def __init__(self, events: AsyncGenerator[bytes], held: ExitStack) -> None:
        super().__init__(events, media_type="text/event-stream", headers=NO_STORE)
        self._events, self._held = events, held

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._held:
            async with aclosing(self._events):
                await super().__call__(scope, receive, send)


@dataclass(frozen=True, slots=True)
class ImageHandlers:
    """Handlers of the routes."""

    run_start: RunStart
    bodies: Bodies
    runs: Runs
    files: ResultFiles

    routes = GuardedRoutes(_PREFIX, errors=openai_errors)

    @routes.get("/models", Access.SIGNED_IN, work=Work.CATALOG)
    def models(self, owner: Owner) -> AsciiJSON:
        """Return the workflows that make images."""
        return AsciiJSON({"object": "list", "data": [*map(_model, self._forms(owner))]})

    @routes.get("/models/{model:path}", Access.SIGNED_IN, work=Work.CATALOG)
    def model(self, model: str, owner: Owner) -> AsciiJSON:
        form = next(self._forms(owner, model), None)
        if form is None:
            sentence = f"The model “{short(model)}” does not exist."
            raise Refusal(sentence, "model", "model_not_found", 404)
        return AsciiJSON(_model(form))

    @routes.post("/images/generations", Access.SIGNED_IN, body=BodyLimit.CALL, room=Room.CALLS)
    async def generate(self, request: Request, owner: Owner) -> Response:
        parameters = read_parameters((await self.bodies.read(request, owner)).body)
        return await self._answer(request, owner, parameters)

    @routes.post("/images/edits", Access.SIGNED_IN, body=BodyLimit.FILES, room=Room.CALLS)
    async def edit(self, request: Request, owner: Owner) -> Response:
        if not request.headers.get("content-type", "").startswith("multipart/form-data"):
            raise Refusal(_NO_IMAGES, "images")
        texts, files = await self.bodies.parts(request, owner, _MOST_PARAMETERS)
        images = [upload for name, upload in files if name in ("image", "image[]")]
        if not images:
            raise Refusal(_NO_IMAGES, "image", "missing_required_parameter")
        others = {name: value for name, value in files if name not in ("image", "image[]")}
        mask = others.pop("mask", "")
        parameters = read_parameters(dict(texts) | others)
        return await self._answer(request, owner, parameters, images, mask)

    @routes.get("/{path:path}", Access.SIGNED_IN, work=Work.PROCESSOR)
    @routes.post("/{path:path}", Access.SIGNED_IN)
    @routes.delete("/{path:path}", Access.SIGNED_IN)
    def other(self, path: str, owner: Owner) -> Response:
        """Refuse the other calls of OpenAI's API in its format."""
        sentence = f"This app has no “{_PREFIX}/{short(path)}”. {_PATHS}"
        raise Refusal(sentence, None, "unknown_url", 404)

    async def _answer(
        self,
        request: Request,
        owner: str,
        parameters: ImageRequest,
        images: Sequence[str] = (),
        mask: str = "",
    ) -> Response:
        """Start the runs, and return their results or a stream."""
        with ExitStack() as held:
            requester = Requester.of(owner, request.scope)
            outcome, params = await asyncio.to_thread(
                self._start, parameters, requester, images, mask
            )
            ids = outcome.ids
            held.callback(cancel_runs, self.runs.registry, ids, owner)
            if outcome.refused is not None:
                raise outcome.refused
            body_done(request.scope)
            await turn_done(request)
            kind = "image_edit" if images else "image_generation"
            results = ImageResults(self.runs, self.files, owner, parameters, params, kind)
            if parameters.stream:
                return RunStream(results.events(ids), held.pop_all())
            await runs_end_first(self.runs.registry, ids, owner, request)
            return await in_turn(request, results.answer, ids, request.url)

    def _start(
        self, parameters: ImageRequest, requester: Requester, images: Sequence[str], mask: str
    ) -> tuple[StartOutcome, dict[str, str]]:
        """Start the runs. Return them, and the parameters that set fields, by field key."""
        model, forms = parameters.model, self._forms(requester.owner, parameters.model)
        fitting = (one for one in forms if model or one.serves(len(images), mask=bool(mask)))
        if (form := next(fitting, None)) is None:
            # Not 404: Nextcloud takes that for an API without images.
            raise _none_fits(model, len(images), has_mask=bool(mask))
        masks = MaskUploads(self.bodies.uploads, self.files.blobs.turns, requester.owner)
        filled = form.values(parameters, images, mask, masks)
        params, values = form.params(filled), {key: value for key, (_, value) in filled.items()}
        body = {"values": values, "count": parameters.n, "confirm_paid": parameters.confirm_paid}
        try:
            return self.run_start.begin(form.workflow, Sent(body), requester), params
        except FieldErrors as problem:
            raise refusal_of(problem, params) from problem

    def _forms(self, owner: str, model: str = "") -> Iterator[ImageForm]:
        """Yield the user's workflows that can run and make images, in the order of the page; or the
        one with this name, or this name in the app's own API. Raises ComfyError if ComfyUI doesn't
        answer."""
        library = self.run_start.reader.library
        places = {entry.name: at for at, entry in enumerate(library.entries(owner))}
        names = named_workflows(library, owner)
        for name in sorted(names, key=lambda one: places.get(names[one], len(places))):
            workflow = names[name]
            if model not in ("", name, workflow):
                continue
            found = named_form(library, name, workflow, owner)
            if found is None or found.is_chain or not found.form.can_run:
                continue
            if any(one.kind == "image" and not one.is_aside for one in found.form.outputs):
                yield ImageForm(name, workflow, found.form)


def _none_fits(model: str, images: int, *, has_mask: bool) -> Refusal:
    if model:
        return Refusal(f"No workflow “{short(model)}” makes images. {_MODELS}", "model")
    if not images:
        return Refusal(f"No workflow makes images from a prompt alone. {_MODELS}", "model")
    taken = f"{images} image{'s' * (images > 1)}{' and a mask' if has_mask else ''}"
    sentence = f"No workflow takes just {taken}. Send another number, or name a model. {_MODELS}"
    return Refusal(sentence, "image")


def _model(form: ImageForm) -> dict[str, object]:
    own = {"id": form.name, "name": form.form.title}
    return {**own, "object": "model", "created": 0, "owned_by": "comfyforms"}
