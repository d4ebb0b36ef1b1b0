"""The settings on the part's page work."""

from __future__ import annotations

import json
import re
from pathlib import Path

from mcp import Client

from tests.support.serving import RunningApp
from tests.support.waiting import awaited

PAGE = Path(__file__).parents[1] / "docs.md"


def test_the_address_for_assistants_is_one(app: RunningApp) -> None:
    """The address in an assistant's settings leads to a server with tools."""
    (block,) = re.findall(r"```json\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S)
    (server,) = json.loads(block)["mcpServers"].values()

    async def tools(address: str) -> list[str]:
        async with Client(address) as assistant:
            return [tool.name for tool in (await assistant.list_tools()).tools]

    address = server["url"].replace("http://127.0.0.1:7860", app.url)
    assert "run_workflow" in awaited(tools(address))
