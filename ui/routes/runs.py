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
    """`POST /runs/{run_id}/again` and `/move`; another user's run looks like an unknown one."""
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
        """Submit the same request again, or with new seeds; return the new run's id, and its seeds
        by key."""
        origin = Origin(owner, shared_address(owner, request.scope))
        run = starter.again(run_id, origin, RunPolicy(keeps_going=keeps_going), vary=vary)
        return AsciiJSON({"run": run.id, "seeds": seeds_among(run.job.values)})

    @routes.post("/move", Access.OWNER)
    def move(run_id: str, by: int, owner: str = Depends(identity.caller)) -> AsciiJSON:
        """Move the run this many places back among the user's own waiting runs; forward if `by` is
        negative."""
        waiting = [run.id for run in runs.line_of(owner) if run.waits_here]
        run = runs.get(run_id, owner)
        if run.id in waiting:
            runs.move(run.id, owner, max(0, waiting.index(run.id) + by))
        return AsciiJSON({})

    return routes
