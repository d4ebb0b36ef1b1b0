"""What is done with a person's chains, and new ones made of runs. The page's form starts them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Body, Depends, HTTPException, Query, Request

from comfy.base.errors import ChainNotFound, ComfyError, RunNotFound
from comfy.base.messages import sentences
from comfy.launch.start import FieldErrors
from ui.routes.history import as_http_errors
from ui.routes.past_run import past_run, seeds_among
from ui.services import Services
from ui.web.identity import Identity
from ui.web.responses import AsciiJSON, refused_answer
from ui.web.shares import shared_address

_LONGEST_TITLE = 100  # characters
_MOST_RUNS = 60  # a request; the page's script asks for no more


def chain_routes(services: Services, identity: Identity) -> APIRouter:
    """`POST /chains/{chain_id}/stop` and `/continue`, `DELETE /chains/{chain_id}`,
    `GET /chains/{chain_id}/steps/{name}`, `GET` and `POST /history/{run_id}/chain` and
    `POST /history/{run_id}/chain/vary`; somebody else's chain or run is as unknown as one that
    never was."""
    router = APIRouter()
    chains = services.chains

    @router.post("/chains/{chain_id}/{change}")
    def changed(
        chain_id: str, change: str, again: str = "", owner: str = Depends(identity.caller)
    ) -> AsciiJSON:
        """End it: what runs is cancelled, and no other step is begun. Or let one that has failed or
        was stopped go on, with the values that it has; `again`: a step that runs though it is
        done."""
        try:
            match change:
                case "stop":
                    chains.stop(chain_id, owner)
                case "continue":
                    chains.go_on(chain_id, owner, again=[again] if again else [])
                case _:
                    raise HTTPException(404)
        except ComfyError as problem:
            return _refused(problem)
        return AsciiJSON({})

    @router.get("/chains/{chain_id}/steps/{name}")
    def made_by_step(
        chain_id: str,
        name: str,
        run: Annotated[Sequence[str], Query(max_length=_MOST_RUNS)] = (),
        owner: str = Depends(identity.caller),
    ) -> AsciiJSON:
        """Those of these runs of a step that have ended and are still there."""
        try:
            steps = chains.get(chain_id, owner).steps
        except ComfyError as problem:
            return refused_answer(problem, ChainNotFound)
        ended = next((one.ended for one in steps if one.name == name), None)
        history = services.runs.history
        if ended is None or history is None:
            raise HTTPException(404)
        records = history.get_many(set(run).intersection(ended), owner)
        return AsciiJSON({"runs": [asdict(past_run(one)) for one in records.values()]})

    @router.post("/history/{run_id}/chain/vary")
    def varied(request: Request, run_id: str, owner: str = Depends(identity.caller)) -> AsciiJSON:
        """Start the chain of a run once more with the values that are to be seen there, but with
        new seeds; the new chain's id, and its seeds by their keys."""
        try:
            record = services.runs.record(run_id, owner)
            started = chains.vary(record, shared_address(owner, request.scope))
        except ComfyError as problem:
            return _refused(problem)
        return AsciiJSON({"chain": started.id, "seeds": seeds_among(started.values)})

    @router.get("/history/{run_id}/chain")
    def can_be_made(run_id: str, owner: str = Depends(identity.caller)) -> AsciiJSON:
        """Whether `made` would make one, before anybody thinks of a title."""
        with as_http_errors():
            record = services.runs.record(run_id, owner)
        try:
            services.chain_forms.check_add(record, services.folder.stamps().keys())
        except ComfyError as problem:
            return refused_answer(problem, ChainNotFound)
        return AsciiJSON({})

    @router.post("/history/{run_id}/chain")
    def made(
        run_id: str,
        title: Annotated[str, Body(embed=True, max_length=_LONGEST_TITLE)] = "",
        owner: str = Depends(identity.caller),
    ) -> AsciiJSON:
        """Make a chain for everybody of a run and of those that it was made from; its name, and
        for whoever made it the values of its form that are files of their own."""
        with as_http_errors():
            record = services.runs.record(run_id, owner)
        try:
            added = services.chain_forms.add(record, title, services.folder.stamps().keys())
        except ComfyError as problem:
            return refused_answer(problem, ChainNotFound)
        services.removal.note_added(owner, added.name)
        given = services.copies.given_value
        values = {key: given(kept, owner) for key, kept in added.files.items()}
        return AsciiJSON({"name": added.name, "values": values})

    @router.delete("/chains/{chain_id}")
    def deleted(chain_id: str, owner: str = Depends(identity.caller)) -> AsciiJSON:
        """Forget it, which stops it; what its steps have made stays in the history."""
        try:
            chains.delete(chain_id, owner)
        except ComfyError as problem:
            return refused_answer(problem, ChainNotFound)
        return AsciiJSON({})

    return router


def _refused(problem: ComfyError) -> AsciiJSON:
    """What is wrong with fields, in sentences of its own: these may be on no page."""
    if isinstance(problem, FieldErrors):
        return AsciiJSON({"message": sentences(*problem.labelled.values()), "hint": ""}, 422)
    return refused_answer(problem, ChainNotFound, RunNotFound)
