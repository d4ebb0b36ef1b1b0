"""Values of a workflow that ComfyUI doesn't offer, for assistants."""

from __future__ import annotations

from comfyforms.plugins.mcp.tests.test_mcp import assistant
from tests.support.serving import RunningApp
from tests.support.waiting import awaited
from tests.ui.api import test_notes as twin
from tests.ui.api.test_notes import SAID

running = twin.running


def test_an_assistant_reads_a_note_in_the_tool(app: RunningApp) -> None:
    """The description of the tool ends with the note."""

    async def ask() -> str:
        async with assistant(app) as client:
            tool = (await client.list_tools()).tools[0]
            return tool.description or ""

    assert awaited(ask()).endswith(SAID)
