"""What a person does with one of their own runs: run it again, move it in the line, stop it."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request

from comfy.base.errors import ComfyError, RunNotFound
from comfy.launch.start import Starter
from comfy.runs.interface import RunRegistry
from ui.routes.past_run import seeds_among
from ui.web.identity import Identity
from ui.web.responses import AsciiJSON, refused_answer
from ui.web.shares import shared_address


def run_routes(runs: RunRegistry, starter: Starter, identity: Identity) -> APIRouter:
    """`POST /runs/{run_id}/again`, `/move` and `/stop`; somebody else's run is as unknown as one
    that never was."""
    router = APIRouter(prefix="/runs/{run_id}")

    @router.post("/again")
    def again(
        request: Request,
        run_id: str,
        *,
        vary: bool = False,
        keeps_going: bool = False,
        owner: str = Depends(identity.caller),
    ) -> AsciiJSON:
        """Submit the very same once more, or with new seeds; the new run's id, and its seeds by
        their keys."""
        try:
            address = shared_address(owner, request.scope)
            run = starter.again(run_id, owner, vary=vary, address=address, keeps_going=keeps_going)
            return AsciiJSON({"run": run.id, "seeds": seeds_among(run.job.values)})
        except ComfyError as problem:
            return refused_answer(problem, RunNotFound)

    @router.post("/move")
    def move(run_id: str, by: int, owner: str = Depends(identity.caller)) -> AsciiJSON:
        """Let it come so many turns later among the person's own that wait here; earlier where `by`
        is below 0."""
        waiting = [run.id for run in runs.line_of(owner) if run.waits_here]
        try:
            run = runs.get(run_id, owner)
        except RunNotFound as problem:
            return refused_answer(problem, RunNotFound)
        if run.id in waiting:
            runs.move(run.id, owner, max(0, waiting.index(run.id) + by))
        return AsciiJSON({})

    @router.post("/stop")
    def stop(run_id: str, owner: str = Depends(identity.caller)) -> AsciiJSON:
        """End it, whether it runs or waits."""
        try:
            runs.get(run_id, owner).cancel()
        except RunNotFound as problem:
            return refused_answer(problem, RunNotFound)
        return AsciiJSON({})

    return router
