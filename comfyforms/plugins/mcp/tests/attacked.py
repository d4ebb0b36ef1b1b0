"""Requests of assistants, for the attacks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import httpx2
import requests
from hypothesis import strategies as st
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from tests.attacks.faces import Names, with_name, without_name
from tests.attacks.parts import AttackedPart
from tests.attacks.texts import HOSTILE
from tests.support.samples.hostile import JSON
from tests.support.serving import RunningApp
from tests.support.waiting import LONGEST_WAIT, awaited

OPENING = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "a test", "version": "1"},
    },
}
ACCEPTED = {"accept": "application/json, text/event-stream"}


def answered(
    app: RunningApp, session: requests.Session, method: str = "tools/list", **params: object
) -> str:
    """Return the server's answer in a session of its own."""
    address, headers = f"{app.url}/mcp", dict(ACCEPTED)
    opened = session.post(address, json=OPENING, headers=headers, timeout=LONGEST_WAIT)
    headers["mcp-session-id"] = opened.headers["mcp-session-id"]
    body = {"jsonrpc": "2.0", "id": 2, "method": method, "params": params}
    return session.post(address, json=body, headers=headers, timeout=LONGEST_WAIT).text


def calling(tool: str, arguments: Mapping[str, object]) -> Names:
    def names(app: RunningApp, session: requests.Session, name: str) -> tuple[int, str]:
        call = json.loads(with_name(json.dumps({"name": tool, "arguments": arguments}), name))
        return 200, without_name(answered(app, session, "tools/call", **call), name)

    return names


def bodies(_: object, fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.builds(
        lambda method, name, values: {
            **{"jsonrpc": "2.0", "id": 1, "method": method},
            "params": {"name": name, "arguments": values, "uri": values},
        },
        st.sampled_from(("initialize", "tools/list", "tools/call", "resources/read")) | HOSTILE,
        st.sampled_from(("text_to_image", "image_to_image", "run_workflow")) | JSON,
        fields | JSON,
    )


def steps_seen(url: str, cookie: str, steps: int) -> int:
    """Count the progress messages of a tool call."""
    values: set[float] = set()

    async def hear(done: float, total: float | None, words: str | None) -> None:
        values.add(done)

    async def call() -> None:
        async with (
            httpx2.AsyncClient(headers={"Cookie": cookie}, timeout=LONGEST_WAIT) as http,
            Client(streamable_http_client(f"{url}/mcp", http_client=http)) as client,
        ):
            await client.call_tool("text_to_image", {"steps": steps}, progress_callback=hear)

    awaited(call())
    return len(values)


PART = AttackedPart(
    refused={
        **dict.fromkeys(("GET /mcp", "HEAD /mcp"), 405),
        **dict.fromkeys(("POST /mcp", "DELETE /mcp"), 400),  # no question, and no session
    },
    answering=("/mcp",),
    bodies=bodies,
    sent={"/mcp": {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}},
    kept=(("/mcp", OPENING),),
    lists={"tools": answered},
    names={
        "a description": calling("describe_workflow", {"workflow": "IDENTIFIER"}),
        "a tool": calling("IDENTIFIER", {"x": 1}),
    },
    steps_seen=steps_seen,
)
