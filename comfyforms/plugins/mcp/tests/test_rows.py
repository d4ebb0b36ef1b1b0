"""Repeatable rows for assistants."""

from __future__ import annotations

import json

from comfyforms.plugins.mcp.tests.test_mcp import assistant, text_of
from tests.support.serving import Served
from tests.support.waiting import awaited
from tests.ui.api import test_rows as twin
from tests.ui.api.test_rows import ROWS, inputs_of

running = twin.running


def test_an_assistant_gets_rows_as_a_list(served: Served) -> None:
    """The tool's schema has the columns, and a call takes the list."""

    async def ask() -> None:
        async with assistant(served[1]) as client:
            (tool,) = (await client.list_tools()).tools[:1]
            cells = tool.input_schema["properties"]["loras"]["items"]["properties"]
            assert [*cells] == ["on", "lora_name", "strength"]
            told = await client.call_tool("loras", {"loras": ROWS})
            assert (
                inputs_of(served, json.loads(text_of(told))["runs"][0])["loras.0.strength"] == 0.25
            )

    awaited(ask())
