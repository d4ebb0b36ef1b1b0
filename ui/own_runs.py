"""What a person does with one of their own runs: run it again, move it in the line, stop it."""

from __future__ import annotations

from fastapi import APIRouter, HTTPException, Request

from comfy.errors import ComfyError, RunNotFound
from ui.ascii_json import AsciiJSON
from ui.backend import Backend
from ui.identity import Identity
from ui.shares import shared_address


def own_run_routes(backend: Backend, identity: Identity) -> APIRouter:
    """`POST /runs/{run_id}/again`, `/move` and `/stop`; somebody else's run is as unknown as one that never was."""
    router = APIRouter(prefix="/runs/{run_id}")

    def owner_of(request: Request) -> str:
        owner = identity.owner(request)
        if owner is None or not identity.same_origin(request):
            raise HTTPException(401, "Please log in first.")
        return owner

    @router.post("/again")
    def again(request: Request, run_id: str, keeps_going: bool = False) -> AsciiJSON:
        """Submit the very same once more; the new run's id."""
        try:
            owner = owner_of(request)
            address = shared_address(owner, request.scope)
            return AsciiJSON({"run": backend.again(run_id, owner, address=address, keeps_going=keeps_going).id})
        except ComfyError as problem:
            return refusal(problem)

    @router.post("/move")
    def move(request: Request, run_id: str, by: int) -> AsciiJSON:
        """Let it come so many turns later among the person's own that wait here; earlier where `by` is below 0."""
        owner = owner_of(request)
        waiting = [run.id for run in backend.runs.line_of(owner) if run.waits_here]
        try:
            run = backend.runs.get(run_id, owner)
        except RunNotFound as problem:
            return refusal(problem)
        if run.id in waiting:
            backend.runs.move(run.id, owner, max(0, waiting.index(run.id) + by))
        return AsciiJSON({})

    @router.post("/stop")
    def stop(request: Request, run_id: str) -> AsciiJSON:
        """End it, whether it runs or waits."""
        try:
            backend.runs.get(run_id, owner_of(request)).cancel()
        except RunNotFound as problem:
            return refusal(problem)
        return AsciiJSON({})

    return router


def refusal(problem: ComfyError) -> AsciiJSON:
    """Why not, in words; 404 for a run that this person does not have."""
    status = 404 if isinstance(problem, RunNotFound) else 422
    return AsciiJSON({"message": str(problem), "hint": problem.hint}, status)
