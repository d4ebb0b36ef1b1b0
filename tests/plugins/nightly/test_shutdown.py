"""Calls that wait for a run when the app shuts down."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.plugins.mcp.test_mcp import assistant, text_of
from tests.support.serving import RunningApp
from tests.support.shutdown import answer_at_shutdown
from tests.support.waiting import awaited


def from_mcp(app: RunningApp) -> str:
    async def ask() -> str:
        async with assistant(app) as client:
            answer = await client.call_tool("run_workflow", {"workflow": "text-to-image"})
            assert answer.is_error
            return text_of(answer)

    return awaited(ask())


@pytest.mark.parametrize("call", [from_mcp])
def test_a_call_for_a_waiting_run_gets_the_reason(call: Callable[[RunningApp], str]) -> None:
    """The run waits for the restart, so the call has no result. It isn't told a place in the queue
    as if that were the end."""
    assert "ComfyForms is shutting down" in answer_at_shutdown(call)
