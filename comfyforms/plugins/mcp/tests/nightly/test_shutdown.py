"""A tool call for a waiting run when the app shuts down."""

from __future__ import annotations

from comfyforms.plugins.mcp.tests.test_mcp import assistant, text_of
from tests.support.serving import RunningApp
from tests.support.shutdown import answer_at_shutdown
from tests.support.waiting import awaited


def refused(app: RunningApp) -> str:
    async def ask() -> str:
        async with assistant(app) as client:
            answer = await client.call_tool("run_workflow", {"workflow": "text-to-image"})
            assert answer.is_error
            return text_of(answer)

    return awaited(ask())


def test_a_call_for_a_waiting_run_gets_the_reason() -> None:
    """The run waits for the restart, so the call has no result. It isn't told a place in the queue
    as if that were the end."""
    assert "ComfyForms is shutting down" in answer_at_shutdown(refused)
