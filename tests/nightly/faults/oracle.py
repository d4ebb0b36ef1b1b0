"""Possible outcomes of a run, derived from the real history of its prompt."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from comfy.comfyui.protocol.run_state import Phase, RunState
from tests.nightly.faults.plan import Planned
from tests.nightly.faults.table import LINK

KILLS = {"restarted", "gone"}
FORGETS = {*KILLS, "history evicted"}
OUR_LIMIT = "it took longer than"


@dataclass(frozen=True, slots=True)
class Taken:
    entries: tuple[str, ...]

    @property
    def seen(self) -> bool:
        return "told" in self.entries or self.worked

    @property
    def worked(self) -> bool:
        return "started" in self.entries and "killed" not in self.entries


def times_taken(journal: Iterable[str]) -> list[Taken]:
    """Return one entry for each time the server accepted the prompt."""
    found: list[list[str]] = []
    for entry in journal:
        if entry == "taken":
            found.append([])
        if found:  # "told" of one may come when the next has begun: then it is that one's
            found[-1].append(entry)
    return [Taken(tuple(entries)) for entries in found]


@dataclass(frozen=True, slots=True)
class Happened:
    """One run after its end. `faults`: those active during the run. `journal`: None if the server
    keeps none. `cancelled`: by the test."""

    plan: Planned
    state: RunState
    seconds: float
    faults: frozenset[str]
    journal: tuple[str, ...] | None
    cancelled: bool


def wrong_with(one: Happened, limit: float) -> Iterator[str]:
    """Yield a sentence for each impossible thing about a run's outcome. Yield nothing for a correct
    one."""
    plan, state = one.plan, one.state
    if not state.phase.finished:
        yield f"it has not ended within {limit:g} s"
        return
    if plan.patience is not None and one.seconds > plan.patience + limit / 4:
        yield f"it has ended {one.seconds - plan.patience:.1f} s after its deadline"
    if state.phase is not Phase.DONE and not one.cancelled and state.error is None:
        yield f"it is {state.phase} without a reason"
    if state.error is not None and state.phase is not Phase.FAILED and not state.error.hint:
        yield "nobody is told what to do"
    if one.journal is not None:
        yield from _wrong_by_the_journal(one, times_taken(one.journal))
    yield from _wrong_by_the_plan(one)


def _wrong_by_the_journal(one: Happened, taken: list[Taken]) -> Iterator[str]:
    state = one.state
    entries = set(itertools.chain.from_iterable(each.entries for each in taken))
    most = 2 if one.faults & FORGETS else 1  # a run that its server lost starts again, once
    if sum(each.seen or each.worked for each in taken) > most:
        yield "it was run too often"
    match state.phase:
        case Phase.DONE if "success" not in entries:
            yield "it is called done, and the server never finished it"
        case Phase.FAILED if "error" not in entries:
            yield "it is called failed, and no node has failed"
        case Phase.REFUSED if entries:
            yield "it is called refused, and the server has taken it"
        case Phase.STOPPED if state.error is not None and "Someone else" in state.error.message:
            if not entries & {"interrupted", "removed"} and "history evicted" not in one.faults:
                yield "it is called stopped by somebody, and nobody has"
        case Phase.LOST if "killed" not in entries and not _may_be_unknown(one, entries):
            yield "it is called lost, and the server has lost nothing"
        case Phase.LOST if not any(each.seen for each in taken) and one.faults <= KILLS:
            yield "it is called lost, and had never begun"
        case _:
            pass
    unfinished = [
        each for each in taken if not each.entries or each.entries[-1] in ("taken", "started")
    ]
    if unfinished:
        yield "the server still works on it"


def _may_be_unknown(one: Happened, entries: set[str]) -> bool:
    """Tell if the server may have forgotten the prompt before any client could learn that it
    ended."""
    cut_off = bool(one.faults & LINK.keys())
    ended_unheard = "removed" in entries or ("success" in entries and bool(one.faults & KILLS))
    return "history evicted" in one.faults or (cut_off and ended_unheard)


def _wrong_by_the_plan(one: Happened) -> Iterator[str]:
    plan, state, faults = one.plan, one.state, one.faults
    match state.phase:
        case Phase.DONE if plan.kind in ("fails", "invalid"):
            yield f"it is done although it is one that {plan.kind}"
        case Phase.DONE if len(state.files) != 1:
            yield f"it has {len(state.files)} files"
        case Phase.DONE if not state.files[0].digest and not faults & KILLS:
            yield "its file was not fetched"
        case Phase.FAILED if plan.kind != "fails":
            yield "it has failed"
        case Phase.REFUSED if plan.kind != "invalid" and "413" not in faults:
            yield "it was refused"
        case Phase.STOPPED if state.error is None and not one.cancelled:
            yield "it was stopped by its owner, who did not"
        case Phase.STOPPED if (
            state.error is not None and OUR_LIMIT in state.error.message and plan.patience is None
        ):
            yield "it was stopped by a deadline that it does not have"
        case Phase.STOPPED if state.error is not None and "Someone else" in state.error.message:
            if not faults & {"interrupted", "queue cleared", "history evicted"}:
                yield "it was stopped by somebody, and nobody did"
        case Phase.LOST if not faults & {*KILLS, "history evicted", "queue cleared"}:
            yield "it was lost, and the server was not restarted"
        case _:
            pass
