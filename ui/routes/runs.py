"""Run a run again, and move it in the queue."""

from __future__ import annotations

from fastapi import Depends, Request

from comfy.launch.start import Starter
from comfy.runs.interface import Origin, RunPolicy, RunRegistry
from ui.documents.run_values import seeds_among
from ui.web.access import Access, GuardedRoutes
from ui.web.identity import Identity
from ui.web.responses import AsciiJSON
from ui.web.shares import shared_address


def run_routes(runs: RunRegistry, starter: Starter, identity: Identity) -> GuardedRoutes:
    """`POST /runs/{run_id}/again` and `/move`; somebody else's run is as unknown as one
    that never was."""
    routes = GuardedRoutes("/runs/{run_id}")

    @routes.post("/again", Access.OWNER)
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
        origin = Origin(owner, shared_address(owner, request.scope))
        run = starter.again(run_id, origin, RunPolicy(keeps_going=keeps_going), vary=vary)
        return AsciiJSON({"run": run.id, "seeds": seeds_among(run.job.values)})

    @routes.post("/move", Access.OWNER)
    def move(run_id: str, by: int, owner: str = Depends(identity.caller)) -> AsciiJSON:
        """Let it come so many turns later among the person's own that wait here; earlier where `by`
        is below 0."""
        waiting = [run.id for run in runs.line_of(owner) if run.waits_here]
        run = runs.get(run_id, owner)
        if run.id in waiting:
            runs.move(run.id, owner, max(0, waiting.index(run.id) + by))
        return AsciiJSON({})

    return routes
