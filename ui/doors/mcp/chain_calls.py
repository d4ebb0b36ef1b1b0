"""Tool calls that run chains, followed step by step."""

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
    """Report a chain's progress up to its end, and return its final state. Stops the chain if the
    call is interrupted. Deletes the chain if its owner couldn't find it again."""
    last_progress, last = -1.0, None
    try:
        async with aclosing(standings_of(chains, chain_id, owner)) as standings:
            async for standing in standings:
                if standing is None:  # no change
                    continue
                last = standing
                done = sum(map(_part, last.steps)) / len(last.steps)
                if done > last_progress:  # the protocol requires rising values
                    last_progress = done
                    await context.session.report_progress(done, 1.0, _at_work(last))
        assert last is not None  # otherwise it would have raised
        return last
    finally:
        end = chains.delete if owner == NOBODY else chains.stop
        if owner == NOBODY or last is None or not last.finished:
            with anyio.CancelScope(shield=True), suppress(ChainNotFound):
                await asyncio.to_thread(end, chain_id, owner)


def failed_chain(chain: ChainStanding) -> Problem:
    """Return why a chain has no result, and what to do."""
    failed = next((step for step in chain.steps if step.why), None)
    return Problem(422, str(failed.why), str(failed.hint)) if failed else Problem(422, chain.why)


def _part(step: StepStanding) -> float:
    return 1.0 if step.state == "done" else step.done / (step.runs + 1)


def _at_work(chain: ChainStanding) -> str:
    at_work = [step for step in chain.steps if step.state == "running"]
    return translated(str((at_work or chain.steps)[-1].title))
