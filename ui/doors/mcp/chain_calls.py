"""Calls of tools that are chains: followed from step to step."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, suppress
from typing import Any

import anyio
from mcp.server.context import ServerRequestContext

from comfy.base.errors import ChainNotFound
from comfy.chains.open_chain import ChainStanding, StepStanding
from comfy.chains.queue import ChainQueue
from ui.api.watch import standings_of
from ui.languages.current import translated
from ui.web.identity import NOBODY
from ui.web.responses import Problem


async def follow_chain(
    chains: ChainQueue, chain_id: str, owner: str, context: ServerRequestContext[Any, Any]
) -> ChainStanding:
    """Tell how far a chain is, to its end, which is returned. It is stopped where that breaks off,
    and forgotten where its owner could not find it again."""
    told, last = -1.0, None
    try:
        async with aclosing(standings_of(chains, chain_id, owner)) as standings:
            async for standing in standings:
                if standing is None:  # nothing is new
                    continue
                last = standing
                done = sum(map(_part, last.steps)) / len(last.steps)
                if done > told:  # as the protocol asks
                    told = done
                    await context.session.report_progress(done, 1.0, _at_work(last))
        assert last is not None  # else it would have raised
        return last
    finally:
        end = chains.delete if owner == NOBODY else chains.stop
        if owner == NOBODY or last is None or not last.finished:
            with anyio.CancelScope(shield=True), suppress(ChainNotFound):
                await asyncio.to_thread(end, chain_id, owner)


def failed_chain(chain: ChainStanding) -> Problem:
    """Why a chain has made nothing, and what to do."""
    failed = next((step for step in chain.steps if step.why), None)
    return Problem(422, str(failed.why), str(failed.hint)) if failed else Problem(422, chain.why)


def _part(step: StepStanding) -> float:
    return 1.0 if step.state == "done" else step.done / (step.runs + 1)


def _at_work(chain: ChainStanding) -> str:
    at_work = [step for step in chain.steps if step.state == "running"]
    return translated(str((at_work or chain.steps)[-1].title))
