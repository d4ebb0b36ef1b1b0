"""A person's chains: how far they are, and what is done with them. They are started on the page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from fastapi import APIRouter, Depends

from comfy.errors import ChainNotFound, ComfyError
from comfy.messages import sentences
from comfy.services.chain_queue import ChainQueue
from comfy.services.open_chain import ChainPhase, ChainStanding, StepPhase, StepStanding
from comfy.services.start import FieldErrors
from ui.routes.past_run import past_run
from ui.web.identity import Identity
from ui.web.responses import AsciiJSON


@dataclass(frozen=True, slots=True)
class StepView:
    """A step as a page shows it. `runs`: how many it has, `done`: how many of them are done; `ids`:
    those that were begun, and `result` the one to be looked at, or "". `thumb`: the address of a
    small image of that, `text`: what it says, if it is a text. `why` it failed, what to do
    (`hint`), and what is said on fields (`errors`), by the chain's keys."""

    name: str
    title: str
    state: StepPhase
    runs: int
    done: int
    ids: tuple[str, ...] = ()
    result: str = ""
    thumb: str | None = None
    text: str = ""
    why: str = ""
    hint: str = ""
    errors: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ChainView:
    """A chain as a page shows it. `chain`: its name in the folder; `why` it failed, where that is
    about no step."""

    id: str
    chain: str
    title: str
    state: ChainPhase
    why: str
    steps: tuple[StepView, ...]


def chain_view(standing: ChainStanding) -> ChainView:
    """What a page is told of a chain."""
    steps = tuple(_step(standing, step) for step in standing.steps)
    return ChainView(
        standing.id, standing.chain, standing.title, standing.state, standing.why, steps
    )


def _step(standing: ChainStanding, step: StepStanding) -> StepView:
    view = StepView(
        step.name,
        step.title,
        step.state,
        step.runs,
        step.done,
        (*step.ended, *step.live),
        why=step.why,
        hint=step.hint,
        errors=step.errors,
    )
    record = standing.results.get(step.name)
    if record is None:
        return view
    past = past_run(record)
    text = past.what if past.kind == "text" else ""
    return replace(view, result=record.id, thumb=past.thumb, text=text)


def chain_routes(chains: ChainQueue, identity: Identity) -> APIRouter:
    """`POST /chains/{chain_id}/stop` and `/continue`; somebody else's chain is as unknown as one
    that never was."""
    router = APIRouter()

    @router.post("/chains/{chain_id}/{change}")
    def changed(
        chain_id: str, change: Literal["stop", "continue"], owner: str = Depends(identity.caller)
    ) -> AsciiJSON:
        """End it: what runs is cancelled, and no other step is begun. Or let one that has failed or
        was stopped go on, with the values that it has."""
        try:
            if change == "stop":
                chains.stop(chain_id, owner)
            else:
                chains.go_on(chain_id, owner)
        except FieldErrors as problem:
            return AsciiJSON({"message": sentences(*problem.labelled.values()), "hint": ""}, 422)
        except ComfyError as problem:
            return refused_chain(problem)
        return AsciiJSON({})

    return router


def refused_chain(problem: ComfyError) -> AsciiJSON:
    """Why not, in words; 404 for a chain that this person does not have."""
    status = 404 if isinstance(problem, ChainNotFound) else 422
    return AsciiJSON({"message": str(problem), "hint": problem.hint}, status)
