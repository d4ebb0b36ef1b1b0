"""A chain as a page is told of it: `ChainStanding` in, `ChainView` out. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from comfy.chains.open_chain import ChainPhase, ChainStanding, StepPhase, StepStanding
from ui.documents.headlines import elapsed_words
from ui.documents.past_run import run_tile


@dataclass(frozen=True, slots=True)
class StepView:
    """A step as a page shows it. `runs`: how many it has, `done`: how many of them are done; `ids`:
    those that were begun, first the `ended` ones by their numbers, and `result` the one to be
    looked at, or "". `thumb`: the address of a small image of that, `text`: what it says, if it is
    a text. `same`: it has run again, and made what it had made before. `why` it failed, what to do
    (`hint`), and what is said on fields (`errors`), by the chain's keys."""

    name: str
    title: str
    state: StepPhase
    runs: int
    done: int
    ids: tuple[str, ...] = ()
    ended: int = 0
    result: str = ""
    thumb: str | None = None
    text: str = ""
    same: bool = False
    why: str = ""
    hint: str = ""
    errors: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ChainView:
    """A chain as a page shows it. `chain`: its name in the folder; `why` it failed, where that is
    about no step; `took`: how long it took in all once it is done, in words, "" for a moment."""

    id: str
    chain: str
    title: str
    state: ChainPhase
    why: str
    took: str
    steps: tuple[StepView, ...]


def chain_view(standing: ChainStanding) -> ChainView:
    """What a page is told of a chain."""
    steps = tuple(_step(standing, step) for step in standing.steps)
    seconds = standing.seconds or 0
    is_timed = standing.state == "done" and seconds >= 1
    return ChainView(
        standing.id,
        standing.chain,
        standing.title,
        standing.state,
        standing.why,
        elapsed_words(seconds) if is_timed else "",
        steps,
    )


def _step(standing: ChainStanding, step: StepStanding) -> StepView:
    view = StepView(
        step.name,
        step.title,
        step.state,
        step.runs,
        step.done,
        (*step.ended, *step.live),
        len(step.ended),
        same=step.same,
        why=step.why,
        hint=step.hint,
        errors=step.errors,
    )
    record = standing.results.get(step.name)
    if record is None:
        return view
    tile = run_tile(record)
    text = tile.what if tile.kind == "text" else ""
    return replace(view, result=record.id, thumb=tile.thumb, text=text)
