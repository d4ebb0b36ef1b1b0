"""comfy_runner's calls, with its own paths and answers: see README.md and main.py of
https://github.com/dattazigzag/comfy_runner. Answers are JSON with a `STATUS`, also for errors."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import anyio.to_thread
from fastapi import Request, Response
from starlette.exceptions import HTTPException

from comfy.base.errors import ComfyError, RunNotFound
from comfy.base.messages import listed, sentences
from comfy.launch.start import FieldErrors
from comfy.runs.interface import Origin
from comfyforms.plugins.comfy_runner.runner import (
    KeptValues,
    NoResult,
    QueuedRuns,
    Runner,
    Values,
)
from comfyforms.plugins.comfy_runner.service import (
    TextQuestion,
    TextServiceError,
    WrittenPrompts,
)
from comfyforms.plugins.comfy_runner.store import RunnerValueStore
from ui.api.problems import problem_of
from ui.api.requests import Requester
from ui.api.start import runs_end_first
from ui.api.values import Bodies
from ui.documents.run_doc import RunJson
from ui.web.access import Access, GuardedRoutes, Owner
from ui.web.identity import OWN_PAGE_ONLY, bearer_token
from ui.web.responses import AsciiJSON, Problem
from ui.web.shares import Caller, Room, Work, in_turn, turn_done

_BAD_GATEWAY = 502
_NO_SERVICE = "No text service is configured."
_NAME_SERVICE = "Add a table [ollama] with a model to config.toml."


def status(said: str, **more: object) -> AsciiJSON:
    """Return the result in comfy_runner's format."""
    return AsciiJSON({"STATUS": said} | more)


def status_errors(error: ComfyError | HTTPException) -> Response:
    """Return the response to an error: a problem document with the reason in `STATUS`."""
    problem = problem_of(error)
    match error:
        case NoResult() | TextServiceError():
            problem = Problem(_BAD_GATEWAY, str(error), error.hint)
        case FieldErrors(labelled=labelled):
            said = sentences(*labelled.values())
            return _refused(problem, said)
    return _refused(problem, sentences(problem.detail, problem.hint))


def _refused(problem: Problem, said: str) -> Response:
    answer = AsciiJSON(problem.to_json() | {"STATUS": said}, problem.status)
    answer.headers["content-type"] = "application/problem+json"
    return answer


def comfy_runner_routes(runner: Runner, bodies: Bodies, root: str) -> GuardedRoutes:
    """Return the routes of comfy_runner's calls. `root`: the path of the whole app below its
    host."""
    kept = KeptValues(RunnerValueStore(runner.run_start.registry.history.engine))
    calls = RunnerCalls(runner, kept, QueuedRuns(), bodies, RunJson(root))
    return GuardedRoutes.of(calls)


@dataclass(frozen=True, slots=True)
class RunnerCalls:
    """Handlers of the calls. `workflow`: its name in the folder, empty for the config's
    workflow."""

    runner: Runner
    kept: KeptValues
    queued: QueuedRuns
    bodies: Bodies
    json: RunJson

    routes = GuardedRoutes(errors=status_errors)

    @routes.get("/health", Access.PUBLIC, is_constant=True)
    @routes.head("/health", Access.PUBLIC, is_constant=True)
    async def health(self) -> Response:
        """Return the health status, without sign-in."""
        return status("ComfyUI Workflow Runner is running")

    @routes.get("/queue", Access.SIGNED_IN, room=Room.CALLS)
    async def queue(self, request: Request, owner: Owner, workflow: str = "") -> Response:
        """Run the workflow with the values set, and wait for its image. The run continues when the
        client disconnects."""
        _refuse_other_pages(request)
        name = await asyncio.to_thread(self.runner.workflow, workflow)
        requester = Requester.of(owner, request.scope)
        run_id = await self._started(name, requester, request)
        await runs_end_first(self.runner.run_start.registry, (run_id,), owner, request)
        file, index = await in_turn(request, self.runner.result, run_id, owner)
        path = f"{self.json.address(run_id)}/files/{index}"
        return status(
            "Workflow completed successfully",
            image_filename=file.name,
            image_url=str(request.url.replace(path=path, query="")),
            prompt_id=run_id,
        )

    @routes.post("/update/text", Access.SIGNED_IN, work=Work.CATALOG)
    async def update_text(self, request: Request, owner: Owner, workflow: str = "") -> Response:
        """Set the text of a node for the caller's later runs."""
        node, _ = await self._updated(request, owner, workflow, "text", self.runner.text)
        return status(f"Updated text in node {node} successfully")

    @routes.post("/update/image", Access.SIGNED_IN, work=Work.CATALOG)
    async def update_image(self, request: Request, owner: Owner, workflow: str = "") -> Response:
        """Set the image of a node in the same way: a file in ComfyUI's input folder, or in any form
        that the API accepts."""
        node, file = await self._updated(request, owner, workflow, "filename", self.runner.image)
        shown = file if isinstance(file, str) else "the file"
        return status(f"Updated image in node {node} to {shown} successfully")

    @routes.post("/generate/image", Access.SIGNED_IN, room=Room.CALLS)
    async def generate_image(self, request: Request, owner: Owner, workflow: str = "") -> Response:
        """Let the text service write prompts for a description, and set them."""
        (description,) = await self._brought(request, owner, "image_description")
        caller = Caller.of(owner, request.scope)
        name = await asyncio.to_thread(self.runner.workflow, workflow)
        kept = await asyncio.to_thread(self.kept.of, caller.person, name)
        fields = await asyncio.to_thread(self.runner.prompt_fields, name, owner, kept)
        origin = Origin(owner, Requester.of(owner, request.scope).address)
        await asyncio.to_thread(self.runner.run_start.registry.count_call, origin)
        await turn_done(request)
        written = await self._written(description)
        values = fields.values(written)
        await in_turn(request, self.runner.check, name, owner, kept, values)
        await asyncio.to_thread(self.kept.put, caller.person, name, values)
        return status("success", **written.model_dump())

    @routes.post("/interrupt", Access.SIGNED_IN)
    async def interrupt(self, request: Request, owner: Owner) -> Response:
        """Stop only the runs that this caller started here."""
        self.queued.stop(Caller.of(owner, request.scope).person)
        return status("Interrupt request received, processing...")

    async def _updated(
        self, request: Request, owner: str, workflow: str, what: str, change: Callable[..., Values]
    ) -> tuple[object, object]:
        """Apply a change to the node that a request's body names."""
        node, value = await self._brought(request, owner, "node_id", what)
        person = Caller.of(owner, request.scope).person
        name = await asyncio.to_thread(self.runner.workflow, workflow)
        kept = await asyncio.to_thread(self.kept.of, person, name)
        values = await asyncio.to_thread(change, name, owner, kept, node, value)
        await asyncio.to_thread(self.kept.put, person, name, values)
        return node, value

    async def _started(self, workflow: str, requester: Requester, request: Request) -> str:
        with self.queued.queue(requester.name) as queued:
            kept = await asyncio.to_thread(self.kept.of, requester.name, workflow)
            try:
                run_id = await in_turn(request, self.runner.start, workflow, kept, requester)
            except FieldErrors as wrong:  # the workflow has changed since then
                forget = self.kept.forget
                await asyncio.to_thread(forget, requester.name, workflow, wrong.errors)
                raise
            with suppress(RunNotFound):  # it has already ended
                queued.begun(self.runner.run_start.registry.get(run_id, requester.owner))
        return run_id

    async def _written(self, description: object) -> WrittenPrompts:
        service = self.runner.config.text_service
        if service is None:
            raise ComfyError(_NO_SERVICE, _NAME_SERVICE)
        question = TextQuestion(service)
        # Uses its own thread instead of a shared worker. It waits until the service answers, and
        # more callers may wait than there are workers.
        own = anyio.CapacityLimiter(1)
        try:
            return await anyio.to_thread.run_sync(
                question.ask, description, abandon_on_cancel=True, limiter=own
            )
        except asyncio.CancelledError:  # the app is shutting down
            question.abort()
            raise

    async def _brought(self, request: Request, owner: str, *names: str) -> list[object]:
        """Return a body's values under these names. Raises HTTPException if a name is missing."""
        body = (await self.bodies.read(request, owner)).body
        missing = [name for name in names if body.get(name) is None]
        if missing:
            names_said = listed(missing)
            raise HTTPException(400, f"Missing required fields: {names_said}")
        return [body[name] for name in names]


def _refuse_other_pages(request: Request) -> None:
    """Raise HTTPException if another site's page may have sent the request, through a link or an
    image. `GET /queue` starts a run, and browsers send no Origin with links and images. Over plain
    HTTP on a network, browsers don't name the requesting site at all, so all browsers are refused
    there."""
    if bearer_token(request):
        return
    headers = request.headers
    site = headers.get("sec-fetch-site")
    is_browser = headers.get("user-agent", "").startswith("Mozilla/")
    if site not in ("none", "same-origin") and (site or is_browser):
        raise HTTPException(403, OWN_PAGE_ONLY)
